"""Entries as rows and back, for every column alike: lists are joined, what is true or false is 1 or 0."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, Table, select

from cabinet.policy.rights import Pseudonym
from cabinet.roster.content import (
    EVERYONE,
    CustomerEntry,
    Entry,
    GroupEntry,
    ItemEntry,
    PromptEntry,
    RightEntry,
    ScheduleEntry,
    kinds_of,
)
from cabinet.roster.records import join, split
from cabinet.roster.tables import CUSTOMER, GROUP, ITEM, PROMPT, RIGHT, RIGHT_PERSON, SCHEDULE, STREAMED

Row = dict[str, Any]
TABLES: Final[Mapping[str, Table]] = {
    "item": ITEM,
    "group": GROUP,
    "schedule": SCHEDULE,
    "prompt": PROMPT,
    "right": RIGHT,
    "customer": CUSTOMER,
}
MODELS: Final[Mapping[str, type[Entry]]] = {
    "item": ItemEntry,
    "group": GroupEntry,
    "schedule": ScheduleEntry,
    "prompt": PromptEntry,
    "right": RightEntry,
    "customer": CustomerEntry,
}


_OTHERWISE: Final = ("windows", "persons", "choices")
"""Fields whose column, if they have one, is of another form."""


def row_of(kind: str, entry: Entry) -> Row:
    """The columns that the entry speaks of; of a right without its position and the people it names."""
    row = {name: stored(getattr(entry, name)) for name in _plain(kind)}
    if isinstance(entry, ScheduleEntry):
        row["windows"] = "\n".join(f"{join(w.days)} {w.start} {w.until}" for w in entry.all_windows())
        row["closed_on"] = join(sorted(set(entry.closed_on)))
    if isinstance(entry, PromptEntry):
        row["choices"] = "\n".join(text for choice in entry.choices for text in (choice.en, choice.zh))
    if isinstance(entry, RightEntry) and EVERYONE in entry.persons:
        row["groups"] = join(list(dict.fromkeys([*entry.groups, EVERYONE])))
    return row


def values_of(kind: str, row: Mapping[str, Any]) -> dict[str, Any]:
    """What row_of() made the row from, keyed as in the files."""
    values = read(kind, {name: value for name, value in row.items() if name in MODELS[kind].model_fields})
    if kind == "schedule":
        lines = [line.split(" ") for line in row["windows"].splitlines()]
        values["windows"] = [{"days": list(split(d)), "from": start, "until": until} for d, start, until in lines]
    if kind == "prompt":
        texts = row["choices"].splitlines()
        values["choices"] = [{"en": en, "zh": zh} for en, zh in zip(texts[::2], texts[1::2], strict=True)]
    return values


def read(kind: str, row: Mapping[Any, Any]) -> dict[str, Any]:
    """The row with its lists and its yes and no, keyed as in the files."""
    model, plain = MODELS[kind], _plain(kind)
    return {
        in_files(kind, name): written(model, name, value) if name in plain else value for name, value in row.items()
    }


@cache
def _plain(kind: str) -> tuple[str, ...]:
    """The columns that are fields as they stand."""
    columns = TABLES[kind].columns
    return tuple(name for name in MODELS[kind].model_fields if name in columns and name not in _OTHERWISE)


@cache
def in_files(kind: str, name: str) -> str:
    """What a column is called there."""
    field = MODELS[kind].model_fields.get(name)
    return field.alias if field and field.alias else name


def stored(value: Any) -> Any:
    if isinstance(value, list):
        return join(list(dict.fromkeys(value))) if value else ""
    return int(value) if isinstance(value, bool) else value


def written(model: type[Entry], name: str, value: Any) -> Any:
    """A column's value as the entry has it."""
    kind = kinds_of(model)[name]
    if kind is list:
        return list(split(value))
    return bool(value) if kind is bool else value


class Held:
    """Rows that stand in roster.db, by kind and id. After load() nothing is asked again."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._loaded: dict[str, dict[str, tuple[Any, ...]]] = {}
        self._entitled: dict[str, list[Pseudonym]] = {}

    def load(self) -> None:
        """For a change that concerns much of the roster: thousands of questions take longer than all rows once."""
        for kind, table in TABLES.items():
            rows = self._connection.execute(select(table), execution_options=STREAMED)
            self._loaded[kind] = {row.id: tuple(row) for row in rows}
        query = select(RIGHT_PERSON.c.entitlement, RIGHT_PERSON.c.pseudonym)
        for right, person in self._connection.execute(query, execution_options=STREAMED):
            self._entitled.setdefault(right, []).append(person)

    def row(self, kind: str, key: str) -> Row | None:
        table = TABLES[kind]
        if kind not in self._loaded:
            found = self._connection.execute(select(table).where(table.c.id == key)).one_or_none()
            return dict(found._mapping) if found else None
        values = self._loaded[kind].get(key)
        return dict(zip(table.columns.keys(), values, strict=True)) if values else None

    def ids(self, kind: str) -> list[str]:
        """After load()."""
        return list(self._loaded[kind])

    def entitled(self, right: str) -> set[Pseudonym]:
        """Whom the right names."""
        if self._loaded:
            return set(self._entitled.get(right, ()))
        query = select(RIGHT_PERSON.c.pseudonym).where(RIGHT_PERSON.c.entitlement == right)
        return set(self._connection.execute(query).scalars())
