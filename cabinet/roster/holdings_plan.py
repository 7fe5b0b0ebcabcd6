"""Changes of items, groups, schedules, customers and rights, worked out into a draft."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import islice
from typing import Any, Final, TypeVar

from cabinet.core.leaves import Field, Leaf, Subject
from cabinet.policy.rights import Pseudonym
from cabinet.roster.content import (
    EVERYONE,
    CustomerEntry,
    GroupEntry,
    ItemEntry,
    PromptEntry,
    RightEntry,
    ScheduleEntry,
)
from cabinet.roster.draft import Draft, from_to, given, shown
from cabinet.roster.people_plan import PeoplePlan
from cabinet.roster.records import close_customer, open_customer
from cabinet.roster.rows import TABLES, Held, Row, in_files, read, row_of, stored
from cabinet.vault.device_key import DeviceKeys, Random

T = TypeVar("T")
_NAMES_SHOWN: Final = 12
"""A leaf names so many items or groups, of more only how many; it must stay below 8 kB."""
_PEOPLE_PER_LEAF: Final = 16
_NOWHERE: Final[Row] = {"retired": 1, "slot": None, "fob": None}


class HoldingsPlan:
    """Works within one plan; people are planned before."""

    def __init__(self, held: Held, people: PeoplePlan, draft: Draft, keys: DeviceKeys, random: Random) -> None:
        self._held = held
        self._people = people
        self._draft = draft
        self._keys = keys
        self._random = random

    def put_item(self, entry: ItemEntry) -> None:
        old = self._held.row("item", entry.id)
        names = [name for name in ItemEntry.model_fields if not old or name in entry.model_fields_set]
        row = {**(old or {}), **{name: stored(getattr(entry, name)) for name in names}}
        if row["retired"]:
            row |= _NOWHERE
        self._item(entry.id, old, row)

    def retire_item(self, item: str) -> None:
        old = self._held.row("item", item)
        assert old, "that there is one was checked before"
        self._item(item, old, old | _NOWHERE)

    def put_group(self, entry: GroupEntry) -> None:
        self._put("group", entry.id, self._held.row("group", entry.id), row_of("group", entry))

    def put_schedule(self, entry: ScheduleEntry) -> None:
        self._put("schedule", entry.id, self._held.row("schedule", entry.id), row_of("schedule", entry))

    def put_customer(self, entry: CustomerEntry) -> None:
        """Of a customer a version keeps that there was one."""
        old = self._held.row("customer", entry.id)
        name = open_customer(self._keys, old) if old else None
        if name == entry.name:
            return
        self._draft.writes.customers.append(close_customer(self._keys, entry.id, entry.name, old, self._random))
        self._done("customer", entry.id, {"name": name} if old else None, {"name": entry.name})
        if not old:
            self._draft.undo.append(("customer", entry.id, None))

    def put_prompt(self, entry: PromptEntry) -> None:
        old = self._held.row("prompt", entry.id)
        position = {"position": old["position"]} if old else {}
        self._put("prompt", entry.id, old, row_of("prompt", entry) | position)

    def put_right(self, entry: RightEntry) -> None:
        assert entry.id, "rights have ids before they are planned"
        old = self._held.row("right", entry.id)
        before = self._held.entitled(entry.id) if old else set()
        named = {person.pseudonym for id_ in entry.persons if id_ != EVERYONE and (person := self._people.find(id_))}
        position = {} if old is None else {"position": old["position"]}
        row = row_of("right", entry) | position
        if old == row and before == named:
            return
        self._draft.writes.rights.append(row)
        self._draft.writes.entitled += [{"entitlement": entry.id, "pseudonym": p} for p in sorted(named)]
        self._draft.undo.append(("right", entry.id, old and {**old, "persons": sorted(before)}))
        how = "added" if old is None else "changed"
        self._draft.count("right", how)
        self._draft.say("right", entry.id, how, lambda: self._right_difference(old, row, before, named))
        self._draft.tell(lambda: _right_leaves("right.granted", _said(entry), named))
        if before - named:
            self._draft.tell(lambda: _right_leaves("right.revoked", {"right": entry.id}, before - named), loss=True)

    def drop(self, kind: str, key: str) -> None:
        """Of a right, a group, a schedule or a customer."""
        old = self._held.row(kind, key)
        assert old, "that there is one was checked before"
        self._draft.writes.gone.setdefault(TABLES[kind], []).append(key)
        how = "revoked" if kind == "right" else "removed"
        self._draft.count(kind, how)
        self._draft.say(kind, key, how)
        if kind == "right":
            before = self._held.entitled(key)
            old["persons"] = sorted(before)
            self._draft.tell(lambda: _right_leaves("right.revoked", {"right": key}, before), loss=True)
        self._draft.undo.append((kind, key, {"id": key} if kind == "customer" else old))

    def _item(self, item: str, old: Row | None, row: Row) -> None:
        if not self._put("item", item, old, row):
            return
        said: dict[str, Field] = {"item": item, "kind": row["kind"]}
        if row["slot"] is not None:
            said["slot"] = row["slot"]
        if old:
            said["changed"] = [in_files("item", name) for name in row if old[name] != row[name]]
        retired = row["retired"] and not (old and old["retired"])
        kind = "item.retired" if retired else "item.changed" if old else "item.added"
        self._draft.tell(lambda: [Leaf(kind, said)], loss=bool(retired))

    def _put(self, kind: str, key: str, old: Row | None, row: Row) -> bool:
        """Drafts the row, unless it stands there already."""
        if old == row:
            return False
        rows = self._draft.writes.rows_of(TABLES[kind])
        rows.append(row)
        self._draft.undo.append((kind, key, old))
        self._done(kind, key, old, row)
        return True

    def _done(self, kind: str, key: str, old: dict[str, Any] | None, row: dict[str, Any]) -> None:
        how = "added" if old is None else "changed"
        if row.get("retired") and not (old and old["retired"]):
            how = "retired"
        self._draft.count(kind, how)
        self._draft.say(kind, key, how, partial(_difference, kind, old, row))

    def _right_difference(self, old: Row | None, row: Row, before: set[Pseudonym], named: set[Pseudonym]) -> str:
        people = {"persons": self._ids(named)} if before != named else {}
        return _difference("right", old and {**old, "persons": self._ids(before)}, row | people)

    def _ids(self, people: set[Pseudonym]) -> str:
        return shown(sorted(id_ for person in people if (id_ := self._people.id_of(person))))


def _difference(kind: str, old: dict[str, Any] | None, row: dict[str, Any]) -> str:
    new = {name: value for name, value in read(kind, row).items() if name not in ("id", "position")}
    return given(new) if old is None else from_to(read(kind, old), new)


def _said(entry: RightEntry) -> dict[str, Field]:
    said: dict[str, Field] = {"right": entry.id, "for": list(entry.acts)}
    said |= {"factors": list(entry.factors), "curfew": list(entry.curfew)}
    for key in ("groups", "items", "item_groups"):
        names = list(getattr(entry, key))
        if len(names) <= _NAMES_SHOWN:
            said[key] = names
        else:
            said[f"{key}_count"] = len(names)
    if entry.schedule:
        said["schedule"] = entry.schedule
    if entry.authorisers:
        said |= {"authorisers": entry.authorisers, "authorised_by": list(entry.authorised_by)}
        said["distinct_departments"] = entry.distinct_departments
    if entry.requires:
        said["requires"] = list(entry.requires)
    for key in ("most_out", "most_out_together", "blocked_while_overdue", "any_of"):
        if getattr(entry, key):
            said[key] = getattr(entry, key)
    return said


def _right_leaves(kind: str, said: dict[str, Field], people: set[Pseudonym]) -> list[Leaf]:
    """At least one leaf, and as many as the people need; what the right is stands in the first."""
    parts = list(_parts(sorted(people), _PEOPLE_PER_LEAF)) or [[]]
    return [
        Leaf(kind, {"right": said["right"]} if n else said, tuple(Subject("holder", person) for person in part))
        for n, part in enumerate(parts)
    ]


def _parts(values: list[T], size: int) -> Iterator[list[T]]:
    rest = iter(values)
    while part := list(islice(rest, size)):
        yield part
