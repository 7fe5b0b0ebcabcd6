"""The roster as files that an import reads: people.csv, items.csv, rights.toml. PINs are in none of them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from sqlalchemy import Connection, select

from cabinet.roster.content import ItemEntry, PersonEntry
from cabinet.roster.csv_files import ITEMS, PEOPLE
from cabinet.roster.records import SEPARATOR, PersonRecord, Records, open_card, open_customer
from cabinet.roster.rights_file import RIGHTS
from cabinet.roster.rows import Held, values_of
from cabinet.roster.tables import CREDENTIAL
from cabinet.vault.device_key import DeviceKeys

_TABLES: Final = ("right", "schedule", "group", "prompt")


def export(connection: Connection, keys: DeviceKeys) -> dict[str, str]:
    """Name and text of each file."""
    records, held = Records(connection, keys), Held(connection)
    records.load()
    held.load()
    cards: dict[tuple[str, str], list[str]] = {}
    for row in connection.execute(select(CREDENTIAL)).all():
        if person := records.by_pseudonym(row.pseudonym):
            card = open_card(person.key, row.pseudonym, row.sealed)
            cards.setdefault((person.id, row.strength), []).append(card)
    people = sorted(records.all(), key=lambda person: person.id)
    items = (values_of("item", held.row("item", key) or {}) for key in sorted(held.ids("item")))
    return {
        PEOPLE: _sheet(PersonEntry, (_person(person, cards, records) for person in people)),
        ITEMS: _sheet(ItemEntry, items),
        RIGHTS: "\n".join(_tables(held, records, keys)),
    }


def _person(person: PersonRecord, cards: Mapping[tuple[str, str], list[str]], records: Records) -> dict[str, Any]:
    host = records.by_pseudonym(person.host) if person.host else None
    elsewhere = ("cards", "strong_cards", "host")
    values = {name: getattr(person, name) for name in PersonEntry.model_fields if name not in elsewhere}
    values |= {"cards": sorted(cards.get((person.id, "weak"), ()))}
    values |= {"strong_cards": sorted(cards.get((person.id, "strong"), ()))}
    return values | {"host": host.id if host else None}


def _tables(held: Held, records: Records, keys: DeviceKeys) -> Iterator[str]:
    for kind in _TABLES:
        rows = [row for key in held.ids(kind) if (row := held.row(kind, key))]
        for row in sorted(rows, key=lambda row: (row.get("position", 0), row["id"])):
            values = values_of(kind, row)
            if kind == "right":
                named = (records.by_pseudonym(person) for person in held.entitled(row["id"]))
                values["persons"] = sorted(person.id for person in named if person)
            yield _table(kind, values)
    for key in sorted(held.ids("customer")):
        row = held.row("customer", key)
        assert row, "it was listed"
        yield _table("customer", {"id": key, "name": open_customer(keys, row)})


def _table(kind: str, values: Mapping[str, Any]) -> str:
    said = {name: value for name, value in values.items() if value not in (None, "", [], False)}
    return "".join([f"[[{kind}]]\n", *(f"{name} = {_toml(value)}\n" for name, value in said.items())])


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{name} = {_toml(one)}" for name, one in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)  # of texts, numbers and truth the same as TOML's


def _sheet(model: type[PersonEntry | ItemEntry], rows: Iterator[Mapping[str, Any]]) -> str:
    columns = [field.alias or name for name, field in model.model_fields.items()]
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_cell(row[column]) for column in columns] for row in rows)
    return file.getvalue()


def _cell(value: Any) -> str:
    if isinstance(value, list | tuple):
        return SEPARATOR.join(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)
