"""The next epoch is there whole, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cabinet.journal import files, opening, sqlite_epoch
from cabinet.journal.errors import JournalLost, JournalUnwritable
from cabinet.journal.leaf import MAX_BATCH_LEAVES, Entry, parse
from cabinet.journal.opening import next_number, open_epoch
from cabinet.journal.reader import JournalReader
from cabinet.journal.sqlite_epoch import SqliteFolder
from cabinet.journal.verify import verify
from tests.journal.making import DEVICE, ORIGIN, SIGNER, entry, filled, opened

SECOND = SIGNER.named(f"{ORIGIN}/e2")
ROWS = {"slots/1": b"one", "door/door": b"closed"}


def begin(folder: Path, entries: list[Entry], epoch: int = 2) -> None:
    open_epoch(SqliteFolder(folder), epoch, DEVICE, SIGNER.named(f"{ORIGIN}/e{epoch}"), entries, dict(ROWS))


def test_the_journal_goes_on_in_the_next_epoch(seventy: Path) -> None:
    begin(seventy, [entry(n) for n in range(3)])
    journal = opened(seventy)
    assert (journal.epoch, journal.origin, journal.size, journal.state()) == (2, SECOND.name, 3, ROWS)
    journal.append([entry(3)])
    journal.close()
    with JournalReader(seventy) as newest, JournalReader(seventy, 1) as first:
        assert (verify(newest, SECOND.vkey).result, newest.size) == ("verified", 4)
        assert (verify(first, SIGNER.vkey).result, first.size) == ("verified", 70)


def test_a_large_set_takes_several_transactions(tmp_path: Path) -> None:
    """And the state rows are in the last of them."""
    filled(tmp_path, 3)
    begin(tmp_path, [entry(n, text="x" * 5_000) for n in range(16)])
    with JournalReader(tmp_path) as reader:
        assert [size for size, _ in reader.checkpoints()] == [0, 6, 12, 16]
        assert [parse(leaf.data or b"")["n"] for leaf in reader.leaves()] == list(range(16))
        assert reader.state() == ROWS
    begin(tmp_path, [entry(n) for n in range(MAX_BATCH_LEAVES + 1)], epoch=3)
    with JournalReader(tmp_path) as reader:
        assert [size for size, _ in reader.checkpoints()] == [0, MAX_BATCH_LEAVES, MAX_BATCH_LEAVES + 1]


STEPS: tuple[tuple[object, str], ...] = (
    (sqlite_epoch, "open_writer"),
    (sqlite_epoch, "migrate"),
    (sqlite_epoch.SqliteEpoch, "append"),
    (sqlite_epoch.SqliteEpoch, "settle"),
    (sqlite_epoch, "replace_durably"),
    (files.Path, "replace"),
    (sqlite_epoch, "write_number"),
)


@pytest.mark.parametrize(("where", "step"), STEPS, ids=[step for _, step in STEPS])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_whatever_ends_it(
    seventy: Path, monkeypatch: pytest.MonkeyPatch, where: object, step: str, moment: str
) -> None:
    real: Callable[..., object] = getattr(where, step)

    def ends(*args: object, **kwargs: object) -> object:
        if moment == "after":
            real(*args, **kwargs)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(where, step, ends)
        with pytest.raises(KeyboardInterrupt):
            begin(seventy, [entry(n, text="x" * 5_000) for n in range(16)])
    journal = opened(seventy)
    assert (journal.epoch, journal.size) in ((1, 70), (2, 16))
    assert journal.epoch == 1 or journal.state() == ROWS
    journal.append([entry(99)])
    journal.close()
    begin(seventy, [entry(0)], epoch=next_number(SqliteFolder(seventy)))
    with JournalReader(seventy) as reader:
        assert reader.size == 1
    assert not list(seventy.glob("*.new*")), "what was left lying about is gone"


def test_a_disk_that_refuses_leaves_the_old_one(seventy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(files.Path, "replace", full)
        with pytest.raises(JournalUnwritable, match="No space left"):
            begin(seventy, [entry(0)])
    journal = opened(seventy)
    assert (journal.epoch, journal.size) == (1, 70)
    journal.close()


def test_an_epoch_that_is_missing_is_missed(seventy: Path) -> None:
    """Nobody goes on with the one before it."""
    begin(seventy, [entry(0)])
    (seventy / "journal-2.db").unlink()
    with pytest.raises(JournalLost, match=r"journal-2\.db is missing"):
        opened(seventy)
    assert next_number(SqliteFolder(seventy)) == 3
    (seventy / "journal-1.db").unlink()
    with pytest.raises(JournalLost, match=r"journal-2\.db is missing"):
        opened(seventy)
    assert [path.name for path in seventy.glob("*.db")] == []


def test_its_log_alone_tells_of_an_epoch(seventy: Path) -> None:
    (seventy / files.NEWEST).unlink()
    (seventy / "journal-4.db-wal").touch()
    assert next_number(SqliteFolder(seventy)) == 5
    with pytest.raises(JournalLost):
        opened(seventy)


def test_a_folder_from_before_is_known_from_its_files(seventy: Path) -> None:
    (seventy / files.NEWEST).unlink()
    opened(seventy).close()
    assert files.read_number(seventy / files.NEWEST) == 1
    assert opening.next_number(SqliteFolder(seventy)) == 2
