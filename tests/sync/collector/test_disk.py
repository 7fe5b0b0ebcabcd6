"""A disk that refuses, and a process that is killed: nothing acknowledged is lost, and it recovers by itself."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_mock import MockerFixture

from cabinet.journal.errors import JournalUnwritable
from sync.collector.reading import reading
from sync.collector.verify import verify
from tests.sync.collector.making import COSIGNER, Collector, acked_size, made_log

CONNECT = sqlite3.connect
LOG = made_log(40)


class Disk:
    """What the next statements and commits meet."""

    def __init__(self) -> None:
        self.refuses: str | None = None
        self.commit_fails = False
        self.commit_lands = False


@pytest.fixture
def disk(mocker: MockerFixture) -> Disk:
    """Stands between SQLAlchemy and SQLite: the edge of the library, where a real disk would speak up."""
    disk = Disk()

    class Cursor(sqlite3.Cursor):
        def executemany(self, text: str, parameters: Any, /) -> Any:
            if disk.refuses:
                raise sqlite3.OperationalError(disk.refuses)
            return super().executemany(text, parameters)

    class Connection(sqlite3.Connection):
        def cursor(self, *_: Any) -> Any:
            return super().cursor(Cursor)

        def commit(self) -> None:
            if disk.commit_fails and self.in_transaction:
                if disk.commit_lands:
                    super().commit()
                raise sqlite3.OperationalError("disk I/O error")
            super().commit()

    def connect(*given: Any, **options: Any) -> sqlite3.Connection:
        return CONNECT(*given, **options, factory=Connection)

    mocker.patch("sqlite3.connect", connect)
    return disk


@pytest.fixture
def holding(disk: Disk, tmp_path: Path) -> Iterator[Collector]:
    """A collector that holds 10 leaves."""
    collector = Collector(tmp_path / "upstream")
    collector.take(LOG.batch(0, 10))
    yield collector
    collector.close()


def test_full(holding: Collector, disk: Disk) -> None:
    disk.refuses = "database or disk is full"
    for _ in range(3):
        with pytest.raises(JournalUnwritable, match="full; check free space"):
            holding.take(LOG.batch(10, 20), LOG.batch(30, 40))
    disk.refuses = None
    assert holding.leaves() == LOG.leaves[:10]
    assert holding.ask("SELECT count(*) FROM staged") == [(0,)]
    assert acked_size(holding.take(LOG.batch(10, 20), LOG.batch(30, 40))) == 20
    assert acked_size(holding.take(LOG.batch(20, 30))) == 40
    assert holding.leaves() == LOG.leaves


def test_a_commit_that_failed(holding: Collector, disk: Disk) -> None:
    disk.commit_fails = True
    with pytest.raises(JournalUnwritable, match="disk I/O error"):
        holding.take(LOG.batch(10, 20))
    disk.commit_fails = False
    assert holding.leaves() == LOG.leaves[:10]
    assert acked_size(holding.take(LOG.batch(10, 20))) == 20


def test_a_commit_that_was_reported_as_failed_and_is_durable(holding: Collector, disk: Disk) -> None:
    disk.commit_fails = disk.commit_lands = True
    with pytest.raises(JournalUnwritable):
        holding.take(LOG.batch(10, 20))
    disk.commit_fails = False
    ((signed,),) = holding.ask("SELECT note FROM ack")
    (ack,) = holding.take(LOG.batch(10, 20))
    assert ack.note == signed, "the size is not signed a second time"
    assert holding.alarms() == []
    assert acked_size(holding.take(LOG.batch(20, 40))) == 40
    assert holding.leaves() == LOG.leaves


def test_what_was_refused_is_counted_once(holding: Collector, disk: Disk) -> None:
    disk.refuses = "database or disk is full"
    for _ in range(3):
        with pytest.raises(JournalUnwritable):
            holding.take(b"junk", LOG.batch(10, 20))
    disk.refuses = None
    holding.take(b"junk", LOG.batch(10, 20))
    assert holding.dropped() == {"malformed": 1}


INGESTING = """
import sys
from pathlib import Path
from tests.sync.collector.making import Collector, acked_size, made_log

log = made_log(3000)
collector = Collector(Path(sys.argv[1]))
at = len(collector.leaves())
print("from", at, flush=True)
while at < log.size:
    ahead = log.batch(at + 9, at + 12)
    print("acked", acked_size(collector.take(log.batch(at, at + 5), ahead, log.batch(at + 3, at + 9))), flush=True)
    at += 12
"""


def test_kill_minus_nine(tmp_path: Path) -> None:
    log = made_log(3000)
    size = 0
    for answers in (1, 5, 25):
        begun, acked = _killed_after(tmp_path, answers)
        assert begun >= size, "what was acknowledged before is there"
        size = _check(tmp_path, log.leaves, acked)


def _killed_after(folder: Path, answers: int) -> tuple[int, int]:
    """Where a child went on, and what it had acknowledged when SIGKILL hit it in the middle of something."""
    process = subprocess.Popen(
        [sys.executable, "-c", INGESTING, str(folder)], cwd=Path(__file__).parents[3], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(answers + 1)]
    process.send_signal(signal.SIGKILL)
    lines += process.stdout.readlines()
    process.stdout.close()
    assert process.wait(10) == -signal.SIGKILL
    whole = [line.split() for line in lines if line.endswith("\n")]
    return int(whole[0][1]), max(int(number) for _, number in whole)


def _check(folder: Path, leaves: list[bytes], acked: int) -> int:
    with reading(folder / "collector.db") as reader:
        (origin,) = reader.origins()
        verdict = verify(origin, COSIGNER.verifier)
        assert verdict.result == "verified", verdict
        assert acked <= verdict.cosigned == verdict.size
        assert [leaf.data for leaf in origin.leaves()] == leaves[: verdict.size]
        return verdict.size
