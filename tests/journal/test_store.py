"""What append promises: whole transactions, signed, derived columns that agree, one writer."""

from __future__ import annotations

import errno
import os
import sqlite3
import stat
from pathlib import Path
from typing import Any

import pytest
from pytest_mock import MockerFixture
from sqlalchemy import Connection

from cabinet.journal import b64, checkpoint
from cabinet.journal.connection import READER_PRAGMAS, WRITER_PRAGMAS, open_reader, open_writer
from cabinet.journal.connection import close as close_connection
from cabinet.journal.errors import (
    BatchTooLarge,
    JournalBusy,
    JournalDamaged,
    JournalTooNew,
    JournalUnwritable,
    LeafRefused,
)
from cabinet.journal.leaf import parse
from cabinet.journal.schema import MIGRATIONS, epochs, migrate
from cabinet.journal.sqlite_epoch import SqliteFolder
from cabinet.journal.store import Journal
from cabinet.journal.tree import EMPTY_ROOT, Frontier, leaf_hash
from tests.journal.making import HOLDER, ORIGIN, OTHER_SIGNER, SIGNER, entry, filled, opened, tampering


def test_an_empty_journal_is_signed(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    assert (journal.origin, journal.epoch) == (ORIGIN, 1)
    assert (journal.size, journal.root, journal.state(), journal.leaves(0, 9)) == (0, EMPTY_ROOT, {}, [])
    assert checkpoint.read(journal.checkpoint(), SIGNER.verifier).size == 0
    journal.close()


def test_append_gives_back_what_is_stored_and_signed(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.append([entry(0)])
    commit = journal.append([entry(1), entry(2)], {"slot/1": b"absent"})
    assert (commit.first, commit.size, journal.size) == (1, 3, 3)
    assert [parse(leaf)["n"] for leaf in commit.leaves] == [1, 2]
    assert journal.leaves(1, 9) == [(1, commit.leaves[0]), (2, commit.leaves[1])]
    assert journal.leaves(1, 1) == [(1, commit.leaves[0])]
    signed = checkpoint.read(commit.checkpoint, SIGNER.verifier)
    frontier = Frontier()
    for _, leaf in journal.leaves(0, 9):
        assert leaf is not None
        frontier.push(leaf_hash(leaf))
    assert (signed.size, signed.root) == (3, frontier.root()) == (journal.size, journal.root)
    assert journal.checkpoint() == commit.checkpoint
    journal.close()


def test_everything_is_there_after_a_stop(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    for number in range(100):
        journal.append([entry(number)], {f"slot/{number % 3}": b"%d" % number})
    journal.append([entry(100)], {"slot/0": None, "never/there": None})
    size, root, state, leaves = journal.size, journal.root, journal.state(), journal.leaves(0, 200)
    journal.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["journal-1.db", "journal.epoch", "journal.lock"], (
        "the log is settled"
    )

    journal = opened(tmp_path)
    assert (journal.size, journal.root, journal.state(), journal.leaves(0, 200)) == (size, root, state, leaves)
    assert state == {"slot/1": b"97", "slot/2": b"98"}
    assert journal.append([entry()]).first == 101
    journal.close()


def test_a_refused_entry_changes_nothing(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.append([entry(0)], {"a": b"1"})
    before = journal.size, journal.root, journal.checkpoint()
    for entries, error in (
        ([entry(1), entry(ev="nonsense")], LeafRefused),
        ([entry(n) for n in range(65)], BatchTooLarge),
        ([], LeafRefused),
    ):
        with pytest.raises(error):
            journal.append(entries, {"a": b"2"})
    assert (journal.size, journal.root, journal.checkpoint()) == before
    assert journal.state() == {"a": b"1"}
    assert journal.append([entry(1)]).first == 1
    journal.close()


def test_derived_columns_and_subjects_say_what_the_leaf_says(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    twice = entry(3)
    both = {**twice.subs[0], "r": "authoriser"}
    journal.append([entry(0), entry(1, ev="door.opened", person=None, contact=2), entry(2, due=5)])
    journal.append([type(twice)(**{**_fields(twice), "subs": (*twice.subs, both)})])
    journal.close()
    with sqlite3.connect(tmp_path / "journal-1.db") as connection:
        rows = connection.execute("SELECT n, ts, kind, slot, item, subs, bytes FROM payload ORDER BY n").fetchall()
    connection.close()
    assert len(rows) == 4
    for n, ts, kind, slot, item, _, data in rows:
        leaf = parse(data)
        assert (leaf["n"], leaf["ts"], leaf["ev"], leaf.get("slot"), leaf.get("item")) == (n, ts, kind, slot, item)
    holder = b64.decode(HOLDER)
    assert [row[5] for row in rows] == [holder, None, holder, holder * 2], "as they stand in the leaf"


def _fields(made: Any) -> dict[str, Any]:
    return {name: getattr(made, name) for name in made.__slots__}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE leaf SET hash = x'00'",
        "UPDATE leaf SET subtrees = x''",
        "DELETE FROM leaf",
        "INSERT OR REPLACE INTO leaf VALUES (0, x'00', x'')",
        "UPDATE payload SET ts = 0",
        "DELETE FROM payload",
        "INSERT OR REPLACE INTO payload VALUES (1, 0, '', 0, '', x'', x'')",
        "UPDATE checkpoint SET note = x'00'",
        "INSERT INTO checkpoint VALUES (2, x'00')",
        "DELETE FROM ack",
        "UPDATE ack SET note = x'00'",
        "INSERT INTO ack VALUES (1, x'00')",
        "DELETE FROM checkpoint WHERE size = 1",
        "INSERT INTO payload VALUES (9, 0, '', 0, '', x'', x'')",
        "INSERT INTO state VALUES ('a', 'text')",
    ],
)
def test_the_file_defends_itself(tmp_path: Path, statement: str) -> None:
    journal = opened(tmp_path)
    journal.append([entry(0)])
    journal.append([entry(1), entry(2)])
    journal.close()
    connection = open_writer(tmp_path / "journal-1.db")
    _run(connection, "INSERT INTO ack SELECT size, note FROM checkpoint WHERE size = 1")
    with pytest.raises(Exception, match=r"constraint|immutable|kept|only|never|cannot store") as refused:
        _run(connection, statement)
    assert isinstance(getattr(refused.value, "orig", None), sqlite3.IntegrityError)
    close_connection(connection)


def test_acknowledged_payloads_may_be_pruned(tmp_path: Path) -> None:
    filled(tmp_path, 6)
    connection = open_writer(tmp_path / "journal-1.db")
    _run(connection, "INSERT INTO ack SELECT size, note FROM checkpoint WHERE size = 3")
    _run(connection, "DELETE FROM payload WHERE n < 3")
    close_connection(connection)
    journal = opened(tmp_path)
    assert [data is None for _, data in journal.leaves(0, 9)] == [True] * 3 + [False] * 3
    journal.append([entry()])
    journal.close()


def _run(connection: Connection, statement: str) -> None:
    with connection.begin():
        connection.exec_driver_sql(statement)


def test_pragmas_on_every_connection(tmp_path: Path) -> None:
    filled(tmp_path, 1)
    path = tmp_path / "journal-1.db"
    wanted = {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1, "foreign_keys": 1, "page_size": 1024}
    wanted |= {"trusted_schema": 0, "mmap_size": 0, "recursive_triggers": 1}
    assert wanted.items() <= WRITER_PRAGMAS.items()
    file = SqliteFolder(tmp_path).open(1, SIGNER)
    for connection, pragmas in (
        (file._connection, WRITER_PRAGMAS),
        (open_writer(path), WRITER_PRAGMAS),
        (open_reader(path), READER_PRAGMAS),
        (open_reader(path, immutable=True), READER_PRAGMAS),
    ):
        for name, value in pragmas.items():
            with connection.begin():
                assert connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() == value, name
        close_connection(connection)


def test_tables_are_strict(tmp_path: Path) -> None:
    filled(tmp_path, 1)
    connection = sqlite3.connect(tmp_path / "journal-1.db")
    tables = connection.execute("SELECT name, strict FROM pragma_table_list WHERE schema = 'main' AND type = 'table'")
    found = {name: strict for name, strict in tables if not name.startswith("sqlite_")}
    assert found == dict.fromkeys(("leaf", "payload", "checkpoint", "ack", "state"), 1)
    assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
    connection.close()


def test_migrations_run_once_and_newer_files_are_left_alone(tmp_path: Path) -> None:
    filled(tmp_path, 2)
    connection = open_writer(tmp_path / "journal-1.db")
    steps = (*MIGRATIONS, ("CREATE TABLE later (n INTEGER PRIMARY KEY) STRICT",))
    migrate(connection, steps)
    migrate(connection, steps)
    with connection.begin():
        assert connection.exec_driver_sql("SELECT count(*) FROM later").scalar_one() == 0
    close_connection(connection)
    with pytest.raises(JournalTooNew, match="update"):
        opened(tmp_path)


def test_a_lock_that_cannot_be_written_is_not_kept(tmp_path: Path, mocker: MockerFixture) -> None:
    refusing = mocker.patch("cabinet.journal.lock.os.pwrite", side_effect=OSError(errno.ENOSPC, "No space left"))
    with pytest.raises(JournalUnwritable, match="No space left"):
        opened(tmp_path)
    mocker.stop(refusing)
    opened(tmp_path).close()


def test_one_writer(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    with pytest.raises(JournalBusy, match=str(os.getpid())):
        opened(tmp_path)
    assert journal.append([entry()]).size == 1, "the first one is not disturbed"
    journal.close()
    opened(tmp_path).close()


def test_another_key_does_not_open_it(tmp_path: Path) -> None:
    filled(tmp_path, 2)
    with pytest.raises(JournalDamaged):
        opened(tmp_path, OTHER_SIGNER)
    opened(tmp_path).close()


@pytest.mark.parametrize(("origin", "device"), [(ORIGIN, "lobby-02"), ("cabinet.demo/Lobby", "Lobby"), (ORIGIN, "")])
def test_origin_names_the_device(tmp_path: Path, origin: str, device: str) -> None:
    with pytest.raises(ValueError, match="origin"):
        Journal.open(tmp_path, origin, device, SIGNER)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE payload SET bytes = x'00' WHERE n = 69",
        "UPDATE payload SET bytes = x'00' WHERE n = 7",
        "UPDATE leaf SET hash = zeroblob(32) WHERE n = 69",
        "UPDATE leaf SET subtrees = zeroblob(length(subtrees)) WHERE n = 63",
        "UPDATE leaf SET subtrees = x'' WHERE n = 63",
        "DELETE FROM leaf WHERE n = 69",
        "DELETE FROM leaf",
        "DELETE FROM checkpoint WHERE size = 70",
        "DELETE FROM checkpoint",
        "UPDATE checkpoint SET note = x'00' WHERE size = 70",
        "INSERT INTO leaf SELECT 70, hash, x'' FROM leaf WHERE n = 69",
    ],
)
def test_a_broken_end_is_found_at_start(seventy: Path, damage: str) -> None:
    connection = tampering(seventy)
    assert connection.execute(damage).rowcount > 0
    connection.close()
    for _again in "the lock was given back", "":
        with pytest.raises(JournalDamaged):
            opened(seventy)


def test_what_is_no_database_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "journal-1.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(JournalDamaged):
        opened(tmp_path)
    assert (tmp_path / "journal-1.db").read_bytes() == b"no database at all" * 100


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(JournalUnwritable, match="folder"):
        opened(tmp_path / "missing")


def test_the_newest_epoch_is_opened_under_its_own_name(tmp_path: Path) -> None:
    filled(tmp_path, 2)
    (tmp_path / "journal-2.db").touch()
    (tmp_path / "journal-x.db").touch()
    journal = opened(tmp_path)
    assert (journal.epoch, journal.origin, journal.size) == (2, f"{ORIGIN}/e2", 0)
    journal.append([entry()])
    assert checkpoint.read(journal.checkpoint(), SIGNER.named(f"{ORIGIN}/e2").verifier).size == 1
    journal.close()
    assert epochs(tmp_path) == [1, 2]


def test_the_lock_is_not_for_others_to_read(tmp_path: Path) -> None:
    opened(tmp_path).close()
    assert stat.S_IMODE((tmp_path / "journal.lock").stat().st_mode) == 0o600
