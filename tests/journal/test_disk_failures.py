"""A disk that refuses: nothing is half written, nothing is forgotten, and it recovers by itself."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pytest_mock import MockerFixture

from cabinet.journal.errors import JournalCut, JournalDamaged, JournalOvertaken, JournalUnwritable
from cabinet.journal.outbox import Outbox
from cabinet.journal.reader import JournalReader
from cabinet.journal.sqlite_epoch import SqliteEpoch
from cabinet.journal.verify import verify
from tests.journal.making import ORIGIN, SIGNER, entry, opened

CONNECT = sqlite3.connect


class Disk:
    """What the next statements and commits meet."""

    def __init__(self) -> None:
        self.refuses: str | None = None
        self.commit_lands = False
        self.seen: list[str] = []

    def statement(self, text: str) -> None:
        self.seen.append(text)
        if self.refuses and text.startswith(("INSERT", "PRAGMA wal_checkpoint")):
            raise sqlite3.OperationalError(self.refuses)


@pytest.fixture
def disk(mocker: MockerFixture) -> Disk:
    """Stands between SQLAlchemy and SQLite: the edge of the library, where a real disk would speak up."""
    disk = Disk()

    class Cursor(sqlite3.Cursor):
        def execute(self, text: str, *parameters: Any) -> Any:
            disk.statement(text)
            return super().execute(text, *parameters)

        def executemany(self, text: str, parameters: Any, /) -> Any:
            disk.statement(text)
            return super().executemany(text, parameters)

    class Connection(sqlite3.Connection):
        def cursor(self, *_: Any) -> Any:
            return super().cursor(Cursor)

        def commit(self) -> None:
            if disk.commit_lands and self.in_transaction:
                disk.commit_lands = False
                super().commit()
                raise sqlite3.OperationalError("disk I/O error")
            super().commit()

    mocker.patch(
        "cabinet.journal.connection.sqlite3.connect",
        side_effect=lambda *args, **options: CONNECT(*args, factory=Connection, **options),
    )
    return disk


@pytest.mark.parametrize(
    "message", ["database or disk is full", "attempt to write a readonly database", "disk I/O error"]
)
def test_refused_then_recovered(tmp_path: Path, disk: Disk, message: str) -> None:
    journal = opened(tmp_path)
    journal.append([entry(0)], {"a": b"1"})
    before = journal.size, journal.root, journal.checkpoint()
    disk.refuses = message
    for _again in range(3):
        with pytest.raises(JournalUnwritable, match=message) as refused:
            journal.append([entry(1)], {"a": b"2"})
        assert isinstance(refused.value, OSError)
        assert "check free space" in refused.value.hint
        assert (journal.size, journal.root, journal.checkpoint()) == before
    assert journal.state() == {"a": b"1"}, "reading goes on"
    assert len(journal.leaves(0, 9)) == 1

    disk.refuses = None
    assert journal.append([entry(1)], {"a": b"2"}).first == 1
    assert journal.state() == {"a": b"2"}
    journal.close()
    assert _verified(tmp_path) == 2


def test_a_refusal_gives_back_no_parameters(tmp_path: Path, disk: Disk) -> None:
    journal = opened(tmp_path)
    disk.refuses = "database or disk is full"
    with pytest.raises(JournalUnwritable) as refused:
        journal.append([entry(item="K-SECRET")], {"a": b"row-secret"})
    cause: BaseException | None = refused.value
    while cause is not None:
        assert "secret" not in str(cause).lower()
        cause = cause.__cause__
    journal.close()


def test_the_log_is_written_anew_before_anything_is_added(tmp_path: Path, disk: Disk) -> None:
    """Pages that a failed sync left in the kernel's cache look written and are not."""
    journal = opened(tmp_path)
    journal.append([entry(0)])
    disk.refuses = "disk I/O error"
    for _again in "the insert fails", "the settling fails":
        with pytest.raises(JournalUnwritable):
            journal.append([entry(1)])
    assert disk.seen[-1] == "PRAGMA wal_checkpoint(TRUNCATE)"
    disk.refuses, disk.seen = None, []
    journal.append([entry(1)])
    first_insert = next(at for at, text in enumerate(disk.seen) if text.startswith("INSERT"))
    assert "PRAGMA wal_checkpoint(TRUNCATE)" in disk.seen[:first_insert]
    disk.seen = []
    journal.append([entry(2)])
    assert not any("wal_checkpoint" in text for text in disk.seen), "once is enough"
    journal.close()


def test_a_commit_that_failed_and_landed_is_never_extended_blindly(tmp_path: Path, disk: Disk) -> None:
    journal = opened(tmp_path)
    journal.append([entry(0)], {"a": b"1"})
    disk.commit_lands = True
    with pytest.raises(JournalUnwritable):
        journal.append([entry(1)], {"a": b"2"})
    assert journal.size == 1
    for _again in range(2):
        with pytest.raises(JournalOvertaken, match="restart"):
            journal.append([entry(2)])
    journal.close()
    fresh = opened(tmp_path)
    assert (fresh.size, fresh.state()) == (2, {"a": b"2"})
    fresh.close()
    assert _verified(tmp_path) == 2


def test_a_file_that_lost_leaves_meanwhile_is_not_extended(tmp_path: Path, disk: Disk) -> None:
    journal = opened(tmp_path)
    journal.append([entry(0)])
    early = (tmp_path / "journal-1.db").read_bytes(), (tmp_path / "journal-1.db-wal").read_bytes()
    journal.append([entry(1)])
    disk.refuses = "disk I/O error"
    with pytest.raises(JournalUnwritable):
        journal.append([entry(2)])
    disk.refuses = None
    (tmp_path / "journal-1.db").write_bytes(early[0])
    (tmp_path / "journal-1.db-wal").write_bytes(early[1])
    with pytest.raises(JournalCut, match="missing"):
        journal.append([entry(2)])
    journal.close()


def test_a_file_that_is_broken_is_not_tried_for_ever(tmp_path: Path, mocker: MockerFixture) -> None:
    """Its end is in order, and SQLite finds the rest broken: whoever runs has to start anew."""
    journal = opened(tmp_path)
    journal.append([entry(0)])
    append = mocker.patch.object(SqliteEpoch, "append", side_effect=JournalDamaged("malformed"))
    with pytest.raises(JournalUnwritable, match="malformed"):
        journal.append([entry(1)])
    sound = mocker.patch.object(SqliteEpoch, "is_sound", return_value=True)
    with pytest.raises(JournalUnwritable, match="malformed"):
        journal.append([entry(1)])
    sound.return_value = False
    with pytest.raises(JournalDamaged, match="malformed"):
        journal.append([entry(1)])
    assert append.call_count == 2
    journal.close()


FULL_DISK = """
import resource
import signal
import sys
from pathlib import Path
from cabinet.journal.errors import JournalUnwritable
from tests.journal.making import entry, opened

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
journal = opened(Path(sys.argv[1]))
for number in range(5):
    journal.append([entry(number)])
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, resource.RLIM_INFINITY))
in_a_row = 0
while in_a_row < 3:  # moving the log into the file makes room once or twice
    try:
        journal.append([entry(journal.size)])
        in_a_row = 0
    except JournalUnwritable:
        in_a_row += 1
        assert journal.leaves(0, 1)[0][1] is not None
refused = journal.size
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(refused, journal.append([entry(refused)]).first)
journal.close()
"""


def test_a_disk_that_is_really_full(tmp_path: Path) -> None:
    """The kernel itself refuses to let a file grow, in a process of its own."""
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path)]
    done = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    refused, first = map(int, done.stdout.split())
    assert refused == first >= 5
    assert _verified(tmp_path) == first + 1


def _verified(folder: Path) -> int:
    with JournalReader(folder) as reader:
        verdict = verify(reader, SIGNER.vkey)
    assert (verdict.result, ORIGIN) == ("verified", SIGNER.name), verdict
    return verdict.size


def test_nothing_goes_upstream_that_a_power_cut_could_take_back(tmp_path: Path, disk: Disk) -> None:
    """A commit that failed and landed all the same is read after the next start, from the cache perhaps."""
    journal = opened(tmp_path)
    disk.commit_lands = True
    with pytest.raises(JournalUnwritable):
        journal.append([entry(0)])
    journal.close()
    disk.refuses = "disk I/O error"
    journal = opened(tmp_path)
    assert journal.size == 1
    outbox = Outbox(journal, [])
    for _again in "it stays so", "until it is settled":
        with pytest.raises(JournalUnwritable):
            outbox.batch(0)
    disk.refuses = None
    batch = outbox.batch(0)
    assert batch is not None
    assert len(batch.leaves) == 1
    journal.close()
