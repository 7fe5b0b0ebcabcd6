"""The state as leaves: what the next epoch goes on from, and what allows older leaves of this one to go."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Final

from cabinet.core.leaves import Field, Leaf, Subject
from cabinet.core.ledger import EpochMark, Ledger
from cabinet.core.ledger_rows import changed_rows
from cabinet.policy.rights import Pseudonym

PART_BYTES: Final = 7_000
"""Of the rows in one leaf and of who stands in them; the leaf has at most 8 kB."""
_SUBJECT_BYTES: Final = 60
_PEOPLE: Final = ("holder", "person", "whom")
"""Keys of rows that name somebody."""

Row = tuple[str, str]


def carried(ledger: Ledger, number: int, ts: int, reason: str, *, by_itself: bool = False) -> Ledger:
    """What the epoch with this number begins with. Upstream contradicts nothing of it."""
    before = ledger.epoch.get("epoch")
    by_itself_ms = ts if by_itself else before.by_itself_ms if before else None
    return replace(
        ledger,
        arriving=None,
        contradiction={},
        epoch={"epoch": EpochMark(number, ts, reason, by_itself_ms)},
    )


def set_leaves(ledger: Ledger) -> list[Leaf]:
    """The set of `epoch.state` leaves that says this ledger. They have to stand side by side in the journal."""
    parts = list(_parts(_rows(ledger)))
    return [_leaf(rows, number, len(parts)) for number, rows in enumerate(parts, 1)]


def digest(parts: Sequence[Leaf], salt: bytes) -> str:
    """Of all rows of a set; salted, so that it tells nothing once the rows are gone."""
    rows = [leaf.fields["rows"] for leaf in parts]
    return b64encode(sha256(salt + json.dumps(rows, separators=(",", ":")).encode()).digest()).decode()


def _rows(ledger: Ledger) -> list[Row]:
    rows = changed_rows(Ledger(), ledger)
    return sorted((key, value.decode()) for key, value in rows.items() if value is not None)


def _parts(rows: list[Row]) -> Iterator[list[Row]]:
    part, size = list[Row](), 0
    for row in rows:
        weight = len(json.dumps(row)) + 1 + _SUBJECT_BYTES * len(_people(row))
        if part and size + weight > PART_BYTES:
            yield part
            part, size = [], 0
        part.append(row)
        size += weight
    yield part


def _leaf(rows: list[Row], number: int, parts: int) -> Leaf:
    people = dict.fromkeys(person for row in rows for person in _people(row))
    fields: dict[str, Field] = {"part": number, "of": parts, "rows": [list(row) for row in rows]}
    return Leaf("epoch.state", fields, tuple(Subject("concerned", person) for person in people))


def _people(row: Row) -> list[Pseudonym]:
    """Who stands in it."""
    table, _, key = row[0].partition("/")
    content: Mapping[str, object] = json.loads(row[1])
    people = [str(content[name]) for name in _PEOPLE if content.get(name) is not None]
    if table == "failures" and ":" not in key:
        people.append(key)
    elif table == "failures" and key.startswith("verified:"):
        people.append(key.removeprefix("verified:"))
    return people
