"""The policy of an earlier version, from what each change since has replaced."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cabinet.roster import versions
from cabinet.roster.content import (
    Content,
    CustomerEntry,
    GroupEntry,
    ItemEntry,
    PersonEntry,
    PromptEntry,
    RightEntry,
    ScheduleEntry,
)
from cabinet.roster.records import PersonRecord, Records
from cabinet.roster.rows import Held, Row, values_of


class Then:
    """`before` is what versions.undone() found: kind and key to what was there, None for nothing."""

    def __init__(self, before: Mapping[tuple[str, str], Any], records: Records, held: Held) -> None:
        self._before = before
        self._records = records
        self._held = held
        self.remarks: list[str] = []
        """What cannot be as it was, and why."""

    def content(self) -> Content:
        """What was there and has changed since, in the form of files."""
        return Content(
            people=tuple(self._people()),
            items=tuple(ItemEntry.model_validate(values_of("item", row)) for row in self._rows("item")),
            rights=tuple(self._rights()),
            schedules=tuple(ScheduleEntry.model_validate(values_of("schedule", row)) for row in self._rows("schedule")),
            groups=tuple(GroupEntry.model_validate(values_of("group", row)) for row in self._rows("group")),
            prompts=tuple(PromptEntry.model_validate(values_of("prompt", row)) for row in self._rows("prompt")),
            customers=tuple(self._customers()),
        )

    def gone(self, kind: str) -> list[str]:
        """Of what is here now, what was not there then."""
        return [
            key
            for (one, key), row in self._before.items()
            if one == kind and row is None and self._held.row(kind, key) is not None
        ]

    def newcomers(self) -> list[PersonRecord]:
        """People who were not there then."""
        found = (self._records.by_pseudonym(key) for (kind, key), row in self._before.items() if _none(kind, row))
        return [person for person in found if person]

    def _rows(self, kind: str) -> Iterator[Row]:
        return (row for (one, _), row in self._before.items() if one == kind and row is not None)

    def _people(self) -> Iterator[PersonEntry]:
        """Name, cards, PIN and suspension stay as they are."""
        for (kind, key), before in self._before.items():
            if kind == "person" and before is not None and (person := self._records.by_pseudonym(key)):
                values = versions.opened(person, before)
                if values.get("host"):
                    host = self._records.by_pseudonym(values["host"])
                    values["host"] = host.id if host else None
                yield PersonEntry.model_validate({"id": person.id, "name": person.name, **values})

    def _rights(self) -> Iterator[RightEntry]:
        for row in self._rows("right"):
            people = [self._records.by_pseudonym(person) for person in row["persons"]]
            values = values_of("right", row) | {"persons": sorted(person.id for person in people if person)}
            if values["persons"] or values["groups"]:
                yield RightEntry.model_validate(values)
            else:
                self.remarks.append(f"right {row['id']} stays away: everybody whom it named has been erased")

    def _customers(self) -> Iterator[CustomerEntry]:
        """Their names are not kept; whoever comes back is called by the id until told otherwise."""
        for row in self._rows("customer"):
            if self._held.row("customer", row["id"]) is None:
                yield CustomerEntry(id=row["id"], name=row["id"])


def _none(kind: str, row: Any) -> bool:
    return kind == "person" and row is None
