"""Reading beside a writer and alone: the same answers, and no file changed or left behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from cabinet.journal import b64, checkpoint
from cabinet.journal.connection import close, open_writer
from cabinet.journal.errors import JournalBusy, JournalDamaged, JournalMissing
from cabinet.journal.leaf import parse
from cabinet.journal.reader import PAGE, JournalReader, Stored
from cabinet.journal.tree import check_consistency, check_inclusion, leaf_hash
from cabinet.journal.verify import verify
from tests.journal.making import HOLDER, SIGNER, entry, filled, opened, tampering

OTHER = b64.encode(b"holder of key 08")


def test_a_reader_follows_a_live_writer(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.append([entry(0)], {"a": b"1"})
    with JournalReader(tmp_path) as reader:
        assert (reader.live, reader.size, reader.state()) == (True, 1, {"a": b"1"})
        commit = journal.append([entry(1), entry(2)], {"a": b"2"})
        assert (reader.size, reader.checkpoint(), reader.state()) == (3, commit.checkpoint, {"a": b"2"})
        assert [leaf.data for leaf in reader.leaves(1)] == list(commit.leaves)
        assert verify(reader, SIGNER.vkey).result == "verified"
        journal.close()
        assert reader.size == 3, "the daemon may stop meanwhile"


def test_alone_it_keeps_writers_out_and_leaves_nothing(tmp_path: Path) -> None:
    filled(tmp_path, 4)
    before = (tmp_path / "journal-1.db").read_bytes()
    with JournalReader(tmp_path) as reader:
        assert (reader.live, reader.size) == (False, 4)
        with pytest.raises(JournalBusy):
            opened(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["journal-1.db", "journal.epoch", "journal.lock"]
    assert (tmp_path / "journal-1.db").read_bytes() == before
    opened(tmp_path).close()


def test_after_a_crash_it_reads_the_log_too(tmp_path: Path) -> None:
    journal = opened(tmp_path / _folder(tmp_path))
    journal.append([entry(0), entry(1)])
    crashed = tmp_path / "crashed"
    crashed.mkdir()
    for name in ("journal-1.db", "journal-1.db-wal"):
        (crashed / name).write_bytes((tmp_path / "live" / name).read_bytes())
    journal.close()
    with JournalReader(crashed) as reader:
        assert (reader.live, reader.size) == (False, 2)
    fresh = opened(crashed)
    assert fresh.append([entry(2)]).first == 2
    fresh.close()


def _folder(parent: Path) -> str:
    (parent / "live").mkdir()
    return "live"


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(JournalMissing, match="state_dir"):
        JournalReader(tmp_path)
    assert list(tmp_path.iterdir()) == [], "looking makes nothing"
    filled(tmp_path, 1)
    with pytest.raises(JournalMissing):
        JournalReader(tmp_path, epoch=2)
    JournalReader(tmp_path, epoch=1).close()


def test_what_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "journal-1.db").write_bytes(b"no database at all" * 100)
    for _again in "the lock was given back", "":
        with pytest.raises(JournalDamaged):
            JournalReader(tmp_path)


def test_leaves_are_streamed_across_pages(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    while journal.size < PAGE + 24:
        journal.append([entry(journal.size + offset, person=None) for offset in range(64)])
    size = journal.size
    journal.close()
    with JournalReader(tmp_path) as reader:
        assert [leaf.n for leaf in reader.leaves()] == list(range(size))
        assert [leaf.n for leaf in reader.leaves(PAGE - 1, PAGE + 1)] == [PAGE - 1, PAGE]
        assert list(reader.leaves(size)) == []
        (only,) = reader.leaves(5, 6)
        assert only.data is not None
        assert only == Stored(5, leaf_hash(only.data), only.data)
        assert [note for note, _ in reader.checkpoints()] == [0, *range(64, size + 1, 64)]


def test_find(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.append([entry(n, person=OTHER if n % 3 else HOLDER) for n in range(24)])
    journal.append([entry(24 + n, ev="door.opened", person=None, door=1) for n in range(4)])
    with JournalReader(tmp_path) as reader:

        def numbers(**wanted: object) -> list[int]:
            found = reader.find(**wanted)  # type: ignore[arg-type]
            assert all(parse(data)["n"] == n for n, data in found)
            return [n for n, _ in found]

        assert numbers(kind="door.opened") == [24, 25, 26, 27]
        assert numbers(slot=3) == [2, 10, 18]
        assert numbers(item="K-0010") == [10]
        assert numbers(subject=HOLDER) == list(range(0, 24, 3))
        assert numbers(subject=HOLDER, slot=1) == [0]
        assert numbers(since_ts=entry(25).ts) == [25, 26, 27]
        assert numbers(kind="item.removed", first=20) == [20, 21, 22, 23]
        assert numbers(kind="item.removed", first=2, limit=3) == [2, 3, 4]
        assert numbers(limit=2) == [0, 1]
        assert numbers(kind="item.returned") == []
        assert len(numbers()) == 28
        with pytest.raises(ValueError):
            reader.find(subject="not base64")
    journal.close()


def test_find_reads_no_wide_rows_to_look(tmp_path: Path) -> None:
    """The plans SQLite makes: the covering index for every filter."""
    filled(tmp_path, 6)
    asked: list[str] = []
    with JournalReader(tmp_path) as reader:
        connection = reader._connection.connection.driver_connection
        assert connection is not None
        connection.set_trace_callback(asked.append)
        reader.find(kind="item.removed", slot=3)
        reader.find(item="K-0003", first=4)
        reader.find(since_ts=5)
        reader.find(subject=HOLDER)
        connection.set_trace_callback(None)
        plans = [[row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {one}")] for one in asked]
    assert len(plans) == 4
    for plan in plans:
        assert any("payload USING COVERING INDEX payload_found" in line for line in plan), plan
    assert not any(line.endswith("SCAN payload") for plan in plans for line in plan), plans


def test_proofs(seventy: Path) -> None:
    with JournalReader(seventy) as reader:
        newest = checkpoint.read(reader.checkpoint(), SIGNER.verifier)
        for leaf in reader.leaves():
            check_inclusion(leaf.hash, leaf.n, newest.size, reader.inclusion(leaf.n, newest.size), newest.root)
        for size, note in reader.checkpoints():
            old = checkpoint.read(note, SIGNER.verifier)
            assert old.size == size
            proof = reader.consistency(old.size, newest.size)
            check_consistency(old.size, newest.size, proof, old.root, newest.root)
        with pytest.raises(ValueError):
            reader.inclusion(70, 70)


def test_a_hash_that_is_gone(seventy: Path) -> None:
    connection = tampering(seventy)
    connection.execute("UPDATE leaf SET subtrees = x'' WHERE n = 63")
    connection.close()
    with JournalReader(seventy) as reader, pytest.raises(JournalDamaged, match="63"):
        reader.inclusion(69, 70)


def test_pruned_leaves_keep_their_hash(seventy: Path) -> None:
    connection = open_writer(seventy / "journal-1.db")
    for statement in (
        "INSERT INTO ack SELECT size, note FROM checkpoint WHERE size = 10",
        "DELETE FROM payload WHERE n < 4",
    ):
        with connection.begin():
            connection.exec_driver_sql(statement)
    close(connection)
    with JournalReader(seventy) as reader:
        assert [leaf.data is None for leaf in reader.leaves(0, 6)] == [True] * 4 + [False] * 2
        assert len({leaf.hash for leaf in reader.leaves(0, 6)}) == 6
        assert reader.acknowledged() == 10
        assert reader.newest_ack() == dict(reader.checkpoints())[10]
        assert reader.find(first=0, limit=1)[0][0] == 4
