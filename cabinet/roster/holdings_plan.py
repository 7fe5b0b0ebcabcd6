"""Changes of items, rights, schedules and customers, worked out into a draft."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Table, select

from cabinet.core.leaves import Field, Leaf, Subject
from cabinet.policy.rights import Pseudonym
from cabinet.roster.content import EVERYONE, CustomerEntry, ItemEntry, PromptEntry, RightEntry, ScheduleEntry
from cabinet.roster.draft import Draft
from cabinet.roster.people_plan import PeoplePlan
from cabinet.roster.records import close_customer, join, open_customer
from cabinet.roster.tables import CUSTOMER, ITEM, PROMPT, RIGHT, SCHEDULE
from cabinet.roster.writes import Rows
from cabinet.vault.device_key import DeviceKeys, Random

T = TypeVar("T")
_NAMES_SHOWN: Final = 12
"""A leaf names so many items or groups, of more only how many; it must stay below 8 kB."""
_PEOPLE_PER_LEAF: Final = 16


class HoldingsPlan:
    """Works on one connection, within one plan; people are planned before."""

    def __init__(self, connection: Connection, people: PeoplePlan, draft: Draft) -> None:
        self._connection = connection
        self._people = people
        self._draft = draft

    def put_item(self, entry: ItemEntry) -> None:
        old = self._row(ITEM, entry.id)
        given = entry.model_fields_set if old else set(ItemEntry.model_fields)
        values = {name: getattr(entry, name) for name in given}
        for name in values.keys() & {"groups", "tags"}:
            values[name] = join(list(dict.fromkeys(values[name])))
        row = {**(old or {}), **values}
        if not self._differs("items", entry.id, old, row, self._draft.writes.items):
            return
        said: dict[str, Field] = {"item": entry.id, "kind": row["kind"]}
        if row["slot"] is not None:
            said["slot"] = row["slot"]
        if old:
            fields = ItemEntry.model_fields.items()
            said["changed"] = [field.alias or name for name, field in fields if old[name] != row[name]]
        self._draft.leaves.append(Leaf("item.changed" if old else "item.added", said))

    def put_schedule(self, entry: ScheduleEntry) -> None:
        lines = [f"{join(w.days)} {w.start} {w.until}" for w in entry.all_windows()]
        row = {"id": entry.id, "windows": "\n".join(lines), "closed_on": join(sorted(set(entry.closed_on)))}
        self._differs("schedules", entry.id, self._row(SCHEDULE, entry.id), row, self._draft.writes.schedules)

    def put_customer(self, entry: CustomerEntry, keys: DeviceKeys, random: Random) -> None:
        old = self._row(CUSTOMER, entry.id)
        if old and open_customer(keys, old) == entry.name:
            return
        row = close_customer(keys, entry.id, entry.name, old, random)
        self._differs("customers", entry.id, old, row, self._draft.writes.customers)

    def put_prompt(self, entry: PromptEntry) -> None:
        old = self._row(PROMPT, entry.id)
        row = {
            "id": entry.id,
            "at": entry.at,
            "kind": entry.kind,
            "ask": entry.ask,
            "ask_zh": entry.ask_zh,
            "items": join(list(dict.fromkeys(entry.items))),
            "item_groups": join(list(dict.fromkeys(entry.item_groups))),
            "required": int(entry.required),
            "least": entry.least,
            "most": entry.most,
            "choices": "\n".join(text for choice in entry.choices for text in (choice.en, choice.zh)),
        }
        if old:
            row["position"] = old["position"]
        self._differs("prompts", entry.id, old, row, self._draft.writes.prompts)

    def put_right(self, entry: RightEntry) -> None:
        assert entry.id, "rights have ids before they are planned"
        old = self._row(RIGHT, entry.id)
        before = self._people.records.entitled(entry.id) if old else set()
        named = {person.pseudonym for id_ in entry.persons if id_ != EVERYONE and (person := self._people.find(id_))}
        row = _right_row(entry)
        if old:
            row["position"] = old["position"]
        if old == row and before == named:
            return
        self._differs("rights", entry.id, None if old is None else {}, row, self._draft.writes.rights)
        self._draft.writes.entitled += [{"entitlement": entry.id, "pseudonym": p} for p in sorted(named)]
        self._draft.leaves += _right_leaves("right.granted", _said(entry), named)
        if before - named:
            self._draft.leaves += _right_leaves("right.revoked", {"right": entry.id}, before - named)

    def _row(self, table: Table, key: str) -> dict[str, Any] | None:
        row = self._connection.execute(select(table).where(table.c.id == key)).one_or_none()
        return dict(row._mapping) if row else None

    def _differs(self, what: str, name: str, old: dict[str, Any] | None, row: dict[str, Any], rows: Rows) -> bool:
        """Drafts the row, unless it stands there already."""
        if old == row:
            return False
        rows.append(row)
        how = "added" if old is None else "changed"
        self._draft.tally[f"{what}_{how}"] += 1
        self._draft.summary.append(f"{what.removesuffix('s')} {name} {how}")
        return True


def _right_row(entry: RightEntry) -> dict[str, Any]:
    everyone = [EVERYONE] if EVERYONE in entry.persons else []
    return {
        "id": entry.id,
        "groups": join(list(dict.fromkeys([*entry.groups, *everyone]))),
        "items": join(list(dict.fromkeys(entry.items))),
        "item_groups": join(list(dict.fromkeys(entry.item_groups))),
        "acts": join(list(dict.fromkeys(entry.acts))),
        "schedule": entry.schedule,
        "factors": join(list(dict.fromkeys(entry.factors))),
        "curfew": join(entry.curfew),
        "authorisers": entry.authorisers,
        "authorised_by": join(list(dict.fromkeys(entry.authorised_by))),
        "distinct_departments": int(entry.distinct_departments),
        "most_out": entry.most_out,
        "most_out_together": entry.most_out_together,
        "blocked_while_overdue": int(entry.blocked_while_overdue),
        "any_of": int(entry.any_of),
        "requires": join(list(dict.fromkeys(entry.requires))),
    }


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
