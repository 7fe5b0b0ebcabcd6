"""The file of the journal is broken: the cabinet goes on in the next epoch, and tells what it knows and what not."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cabinet.journal import files
from cabinet.journal.leaf import glance
from cabinet.journal.note import Signer
from cabinet.journal.reader import JournalReader
from cabinet.journal.verify import verify
from tests.daemon.harness import Cabinet
from tests.daemon.people import LIN
from tests.daemon.records import ORIGIN

Harm = Callable[[Path], None]


@pytest.fixture(scope="module")
def taken(template: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int, str]:
    """A state folder after a visit in which the fob of slot 1 was taken; how many leaves, and by whom."""
    with Cabinet(state=template, forked=True) as cabinet:
        cabinet.mark()
        cabinet.badge(LIN.cards[0])
        cabinet.world("press 1#")
        leaf = cabinet.take(1)
        assert cabinet.end() == 0
        folder = tmp_path_factory.mktemp("taken") / "state"
        shutil.copytree(cabinet.state, folder)
    with JournalReader(folder) as reader:
        return folder, reader.size, leaf["subs"][0]["p"]


@pytest.fixture
def cabinet(taken: tuple[Path, int, str]) -> Iterator[Cabinet]:
    with Cabinet(state=taken[0], daemon=False, forked=True) as standing:
        standing.world("force 1")
        yield standing


def sql(folder: Path, *statements: str) -> None:
    with closing(sqlite3.connect(folder / "journal-1.db", isolation_level=None)) as connection:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            connection.execute(statement)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def no_database(folder: Path) -> None:
    (folder / "journal-1.db").write_bytes(b"this was a journal" * 4_000)


def truncated(folder: Path) -> None:
    data = (folder / "journal-1.db").read_bytes()
    (folder / "journal-1.db").write_bytes(data[: len(data) // 2])


def wrong_page(folder: Path) -> None:
    """The root of the table of leaves is another page of the file."""
    path = folder / "journal-1.db"
    with closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'leaf'").fetchone()
    data = bytearray(path.read_bytes())
    data[(page - 1) * 1024 : page * 1024] = bytes(1024)
    path.write_bytes(data)


def late_leaf(folder: Path) -> None:
    changed = "CAST(replace(CAST(bytes AS TEXT), 'lobby', 'lobbY') AS BLOB)"
    sql(folder, f"UPDATE payload SET bytes = {changed} WHERE n = (SELECT max(n) FROM leaf)")


def late_note(folder: Path) -> None:
    sql(folder, "DELETE FROM checkpoint WHERE size = (SELECT max(size) FROM checkpoint)")


def state_row(folder: Path) -> None:
    sql(folder, "UPDATE state SET value = x'7b7b' WHERE key = 'slots/1'")


def gone(folder: Path) -> None:
    (folder / "journal-1.db").unlink()


HARMS: dict[str, tuple[Harm, str, int]] = {
    "no database": (no_database, "nothing", 0),
    "truncated": (truncated, "nothing", 0),
    "wrong page": (wrong_page, "table", 0),
    "a leaf": (late_leaf, "table", -1),
    "a checkpoint": (late_note, "table", -1),
    "a row of the state": (state_row, "leaves", 1),
    "no file": (gone, "nothing", 0),
}
"""And what is known afterwards: where the state is from, and how much verifies (1: all, -1: all but the last)."""


@pytest.mark.parametrize("harm", HARMS)
def test_it_goes_on_in_the_next_epoch(cabinet: Cabinet, taken: tuple[Path, int, str], harm: str) -> None:
    _, size, lin = taken
    does, source, verifies = HARMS[harm]
    does(cabinet.state)
    before = {path.name: path.read_bytes() for path in cabinet.state.glob("journal-1.db")}
    cabinet.start()
    opened = first_leaf(cabinet)
    expected = {1: size, 0: 0, -1: opened["old_size"]}[verifies]
    assert (opened["reason"], opened["old_origin"], opened["old_size"], opened["state_from"]) == (
        "salvaged",
        ORIGIN,
        expected,
        source,
    ), opened
    assert verifies != -1 or size - 8 <= opened["old_size"] < size
    assert {path.name: path.read_bytes() for path in cabinet.state.glob("journal-1.db")} == before, "it stays"
    assert cabinet.call("status")["journal_epoch"] == 2
    leaves = cabinet.records.check()
    assert [leaf["code"] for leaf in leaves if leaf["ev"] == "alarm.raised"][:1] == ["journal.salvaged"]
    found = [leaf for leaf in leaves if leaf["ev"] == "item.found_absent"]
    if source == "nothing":
        assert [(leaf["slot"], leaf.get("subs")) for leaf in found] == [(1, None)], "who has it is not guessed"
    else:
        assert found == []
    cabinet.mark()
    cabinet.badge(LIN.cards[1])
    back = cabinet.put_back(1)
    holders = [sub["p"] for sub in back.get("subs", []) if sub["r"] == "holder"]
    assert holders == ([] if source == "nothing" else [lin])
    cabinet.until_kind("visit.ended")
    cabinet.badge(LIN.cards[0])
    cabinet.world("press 1#")
    cabinet.take(1)
    cabinet.put_back(1)
    told = cabinet.cabinetctl("journal", "list", "--epoch", "1", "--limit", "1")
    assert told.returncode == 0 or source in ("nothing", "table"), told.stderr
    assert "Traceback" not in told.stderr


def first_leaf(cabinet: Cabinet) -> dict[str, Any]:
    seed = bytes.fromhex((cabinet.state / "signing.key").read_text())
    with JournalReader(cabinet.state, 2) as reader:
        assert verify(reader, Signer(f"{ORIGIN}/e2", seed).vkey).result == "verified"
        (leaf,) = reader.leaves(0, 1)
    return glance(leaf.data or b"")


def test_a_newer_programs_journal_is_left_alone(cabinet: Cabinet) -> None:
    sql(cabinet.state, "INSERT INTO state VALUES ('teleports/1', x'7b7d')")
    ended = cabinet.run()
    assert (ended.returncode, "newer version" in ended.stderr) == (13, True), ended.stderr
    assert not (cabinet.state / "journal-2.db").exists()
    assert files.read_number(cabinet.state / files.NEWEST) == 1


def test_another_key_is_no_damage(cabinet: Cabinet) -> None:
    (cabinet.state / "signing.key").write_text("ab" * 32 + "\n")
    ended = cabinet.run()
    assert ended.returncode == 13
    assert not (cabinet.state / "journal-2.db").exists()
