"""The collector's database: one writer, transactions that are durable when they end, and a disk that may refuse."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection

from cabinet.journal.connection import DatabaseError, begin_write, close, meaning, open_writer, settle, truncate
from cabinet.journal.lock import FolderLock
from cabinet.journal.schema import migrate
from sync.collector.schema import MIGRATIONS, PAGE_BYTES

LOCK_SUFFIX = ".lock"


@contextmanager
def beside(path: Path) -> Iterator[Connection]:
    """One small transaction of another program, while a collector runs or none does. The database is there.

    Raises JournalUnwritable, JournalDamaged."""
    try:
        connection = open_writer(path, page_bytes=PAGE_BYTES)
        try:
            with connection.begin():
                begin_write(connection)
                yield connection
        finally:
            close(connection)
    except DatabaseError as error:
        raise meaning(error, path) from error


class Store:
    """Blocks; one caller at a time."""

    def __init__(self, path: Path) -> None:
        """Open or create it and take the writer's lock.

        Raises JournalBusy while another collector has it, JournalDamaged, JournalUnwritable."""
        self.path = path
        self._lock = FolderLock(path.parent, path.name + LOCK_SUFFIX)
        self._connection: Connection | None = None
        self._settled = False
        try:
            self._connection = self._open()
        except BaseException:
            self._lock.release()
            raise

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Durable when the block has ended without an error, undone otherwise.

        Raises JournalUnwritable where the disk does not take it; the next transaction opens the file anew. What
        is kept in memory beside it must then be read again: a commit that failed may be durable after all. Raises
        JournalDamaged where the file is broken.
        """
        try:
            connection = self._trusted()
            with connection.begin():
                begin_write(connection)
                yield connection
        except DatabaseError as error:
            self._distrust()
            raise meaning(error, self.path) from error

    def truncate(self) -> bool:
        """Empty the write-ahead log, so that bytes which were dropped stand nowhere any more. False while a reader
        is at work. Raises JournalUnwritable."""
        try:
            return truncate(self._trusted())
        except DatabaseError as error:
            self._distrust()
            raise meaning(error, self.path) from error

    def close(self) -> None:
        """Move the write-ahead log into the file and release the lock."""
        self._distrust()
        self._lock.release()

    def _trusted(self) -> Connection:
        """A connection on which nothing failed yet, over a log whose pages reached the disk."""
        if self._connection is None:
            self._connection = self._open()
        if not self._settled:
            settle(self._connection)
            self._settled = True
        return self._connection

    def _open(self) -> Connection:
        try:
            connection = open_writer(self.path, page_bytes=PAGE_BYTES)
            try:
                migrate(connection, MIGRATIONS)
            except BaseException:
                close(connection)
                raise
        except DatabaseError as error:
            raise meaning(error, self.path) from error
        return connection

    def _distrust(self) -> None:
        if self._connection is not None:
            close(self._connection)
            self._connection = None
        self._settled = False
