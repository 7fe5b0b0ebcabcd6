"""Each byte of the file, changed by itself, is found: by the index of the leaf it belongs to, where it belongs to one.

What a byte means is told by a second reader: plain SQL, and where stored values lie in the file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cabinet.journal.errors import JournalDamaged, JournalUnreadable
from cabinet.journal.reader import JournalReader
from cabinet.journal.verdict import Verdict
from cabinet.journal.verify import verify
from tests.journal.making import SIGNER, filled

STEP = 397
"""A prime, so that the sample meets every kind of byte."""
TABLES = ("leaf", "payload", "checkpoint", "ack", "state", "sqlite_master")
LEAF_RULES = {"leaf-missing", "leaf-hash", "leaf-form", "columns", "subtree", "unreadable"}

Place = tuple[int, int, str]
"""Offset and end in the file, and what stands there: `leaf N`, `note N` (N: leaves that the note before it covers)."""


@pytest.fixture
def journal(request: pytest.FixtureRequest, seventy: Path, tmp_path: Path) -> Path:
    leaves = request.config.getoption("--every-byte")
    if leaves:
        filled(tmp_path / "long", leaves, per_transaction=50)
        return tmp_path / "long" / "journal-1.db"
    return seventy / "journal-1.db"


def test_every_changed_byte_of_the_file(journal: Path, request: pytest.FixtureRequest) -> None:
    whole, good = journal.read_bytes(), content_of(journal)
    places = dict(spread(places_in(whole, journal)))
    step = 1 if request.config.getoption("--every-byte") else STEP
    met: dict[str, int] = {}
    with journal.open("r+b", buffering=0) as file:
        for at in range(0, len(whole), step):
            file.seek(at)
            file.write(bytes([whole[at] ^ 1 << at % 8]))
            kind = judge(journal, places.get(at), good, at)
            met[kind] = met.get(kind, 0) + 1
            file.seek(at)
            file.write(whole[at : at + 1])
    assert verdict_of(journal).result == "verified"
    assert met.keys() >= {"leaf", "note", "structure", "nothing"}, met


def judge(journal: Path, place: str | None, good: dict[str, object], at: int) -> str:
    """What kind of byte it was. Fails where a change of content is not found, or at another leaf."""
    verdict = verdict_of(journal)
    if place is None:
        if verdict.result == "verified":
            assert content_of(journal) == good, f"byte {at} changes what is stored, and nothing is found"
            return "nothing"
        assert verdict.result == "failed", at
        return "structure"
    what, number = place.split()
    found = (verdict.result, verdict.failed_at)
    assert found == ("failed", int(number)), f"byte {at} is of {place}: {verdict}"
    assert verdict.rule in (LEAF_RULES if what == "leaf" else {"checkpoint"}), f"byte {at} is of {place}: {verdict}"
    return what


def verdict_of(journal: Path) -> Verdict:
    try:
        with JournalReader(journal.parent) as reader:
            return verify(reader, SIGNER.vkey)
    except (JournalDamaged, JournalUnreadable):
        return Verdict("failed", 0, -1, 0, "unreadable", 0)


def content_of(journal: Path) -> dict[str, object]:
    """All that can be read, in the order of the tables and in that of the index."""
    with closing(sqlite3.connect(f"file:{journal}?immutable=1", uri=True)) as connection:
        found: dict[str, object] = {
            table: connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in TABLES
        }
        found["index"] = connection.execute(
            "SELECT ts, kind, slot, item, subs, n FROM payload INDEXED BY payload_found ORDER BY ts, kind, slot, item"
        ).fetchall()
        found["version"] = connection.execute("PRAGMA user_version").fetchone()
    return found


def places_in(whole: bytes, journal: Path) -> Iterator[Place]:
    """Where the values of each leaf and note lie; a leaf with its columns in front of it, without what SQLite adds."""
    with closing(sqlite3.connect(f"file:{journal}?immutable=1", uri=True)) as connection:
        for n, hashed, subtrees in connection.execute("SELECT n, hash, subtrees FROM leaf").fetchall():
            yield from _place(whole, hashed + subtrees, f"leaf {n}")
        for n, kind, slot, item, subs, data in connection.execute(
            "SELECT n, kind, slot, item, subs, bytes FROM payload"
        ).fetchall():
            yield from _place(
                whole, kind.encode() + bytes([slot][: slot != 1]) + item.encode() + subs + data, f"leaf {n}"
            )
        before = 0
        for size, note in connection.execute("SELECT size, note FROM checkpoint ORDER BY size").fetchall():
            yield from _place(whole, note, f"note {before}")
            before = size


def _place(whole: bytes, value: bytes, what: str) -> Iterator[Place]:
    start = whole.find(value)
    assert start >= 0
    assert whole.find(value, start + 1) < 0, f"{what} lies in the file twice"
    yield start, start + len(value), what


def spread(places: Iterator[Place]) -> Iterator[tuple[int, str]]:
    for start, end, what in places:
        for at in range(start, end):
            yield at, what
