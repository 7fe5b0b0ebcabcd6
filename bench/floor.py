"""The least a durable act can cost here: one bare commit, and one echo over a pseudo-terminal."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
import tty
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import Literal

WARM_COMMITS = 1200
"""Enough for the write-ahead log to have wrapped once: while it grows, each sync pays for the file's size too."""
FRAME = bytes(14)
_ECHO = "import os\nwhile data := os.read(0, 4096): os.write(1, data)"


class Echo:
    """A context: another process that sends back what it is sent, over a pseudo-terminal or a Unix socket."""

    def __init__(self, over: Literal["pty", "socket"] = "pty") -> None:
        self._over = over

    def __enter__(self) -> Echo:
        if self._over == "pty":
            self._ours, theirs = os.openpty()
            tty.setraw(theirs)
        else:
            self._ours, theirs = (end.detach() for end in socket.socketpair())
        self._process = subprocess.Popen([sys.executable, "-I", "-c", _ECHO], stdin=theirs, stdout=theirs)
        os.close(theirs)
        self.round()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._process.terminate()
        self._process.wait()
        os.close(self._ours)

    def round(self) -> float:
        """Seconds there and back."""
        start = perf_counter()
        os.write(self._ours, FRAME)
        left = len(FRAME)
        while left:
            left -= len(os.read(self._ours, left))
        return perf_counter() - start


class Floor:
    """A context. `round()` is one bare commit and one echo by another process."""

    def __init__(self, folder: Path, warm_commits: int = WARM_COMMITS) -> None:
        self._commit = bare_commit(folder / "bare.db")
        self._echo = Echo()
        for _ in range(warm_commits):
            self._commit()

    def __enter__(self) -> Floor:
        self._echo.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._echo.__exit__(kind, error, tb)

    def round(self) -> float:
        """Seconds."""
        start = perf_counter()
        self._commit()
        return perf_counter() - start + self._echo.round()


def bare_commit(path: Path) -> Callable[[], None]:
    """Stdlib sqlite3, WAL and synchronous FULL: commits one row of 300 bytes."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = wal")
    connection.execute("PRAGMA synchronous = full")
    connection.execute("CREATE TABLE event (n INTEGER PRIMARY KEY, bytes BLOB NOT NULL)")

    def commit() -> None:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO event (bytes) VALUES (?)", (os.urandom(300),))
        connection.execute("COMMIT")

    return commit
