"""SQLite connections of the journal: one per engine, each with its pragmas set before anything is asked.

sqlite3 itself begins no transaction; `begin_write` and `writing` do.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final, cast
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from cabinet.journal.errors import JournalDamaged, JournalError, JournalUnwritable

_DAMAGE: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
BUSY_S: Final = 2.0

DatabaseError = (DBAPIError, sqlite3.Error, UnicodeDecodeError)
"""What an asking or writing of the file raises: wrapped by SQLAlchemy, or straight from the driver; the last one where
a broken name stands in what SQLite says of it."""

# page_size counts only until the first table is there, and must precede WAL.
WRITER_PRAGMAS: Final[dict[str, int | str]] = {
    "page_size": 1024,
    "journal_mode": "wal",
    "synchronous": 2,
    "secure_delete": 1,
    "foreign_keys": 1,
    "recursive_triggers": 1,  # otherwise INSERT OR REPLACE deletes without asking the DELETE triggers
    "trusted_schema": 0,
    "cell_size_check": 1,
    "mmap_size": 0,
}
READER_PRAGMAS: Final[dict[str, int | str]] = {
    "query_only": 1,
    "trusted_schema": 0,
    "cell_size_check": 1,
    "mmap_size": 0,
}


def open_writer(path: Path, *, page_bytes: int = 1024) -> Connection:
    """The only writing connection; creates the file. WAL with synchronous FULL: durable when COMMIT returns."""
    return _engine(f"file:{quote(str(path))}", WRITER_PRAGMAS | {"page_size": page_bytes}).connect()


def open_reader(path: Path, *, immutable: bool = False) -> Connection:
    """A reading connection. `immutable` only with the writer's lock held and no -wal file beside the database."""
    options = "?immutable=1" if immutable else "?mode=ro"
    return _engine(f"file:{quote(str(path))}{options}", READER_PRAGMAS).connect()


def begin_write(connection: Connection) -> None:
    """Inside `with connection.begin():`, which commits or rolls back. Takes SQLite's write lock at once."""
    driver(connection).execute("BEGIN IMMEDIATE")


@contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[sqlite3.Cursor]:
    """The same on the driver's own connection, and to its end: every append would pay for each layer above it.

    The cursor is closed whatever happens: an open one keeps the file open behind a connection that was closed."""
    with closing(connection.cursor()) as cursor:
        cursor.execute("BEGIN IMMEDIATE")
        try:
            yield cursor
            connection.commit()
        except BaseException:
            with suppress(sqlite3.Error):
                connection.rollback()
            raise


def begin_read(connection: Connection) -> None:
    """Inside `with connection.begin():`; every statement after it sees the same moment."""
    driver(connection).execute("BEGIN")


def close(connection: Connection) -> None:
    """For good, whatever the connection says about it; the last writer's moves the log into the file."""
    with suppress(*DatabaseError):
        connection.invalidate()
    with suppress(*DatabaseError):
        connection.close()
    connection.engine.dispose()


def settle(connection: Connection) -> None:
    """Move the write-ahead log into the file, before the first append.

    After a failed sync the kernel may call pages of the log clean that never reached the disk; what is copied
    is written and synced anew. A full disk may refuse it, and can still be read.
    """
    with connection.begin():
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").all()


def truncate(connection: Connection) -> bool:
    """Move the write-ahead log into the file and leave nothing in it. False where a reader still needs it: nobody
    is waited for."""
    with connection.begin():
        connection.exec_driver_sql("PRAGMA busy_timeout = 0").all()
        try:
            busy: int = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()[0]
        finally:
            connection.exec_driver_sql(f"PRAGMA busy_timeout = {int(BUSY_S * 1000)}").all()
    return not busy


def meaning(error: Exception, path: Path) -> JournalError:
    """What an error of the database means: the file is damaged, or cannot be written for now."""
    if is_damage(error):
        return JournalDamaged(f"{path}: {cause(error)}")
    return JournalUnwritable(f"{path}: {cause(error)}; check free space, owner and health of the disk")


def cause(error: BaseException | None) -> BaseException | None:
    """What SQLite itself said, without the statement around it."""
    return error.orig if isinstance(error, DBAPIError) else error


def is_damage(error: BaseException) -> bool:
    """Whether the file itself is broken, as against unreachable, locked or full."""
    if isinstance(error, UnicodeDecodeError):
        return True
    return getattr(cause(error), "sqlite_errorcode", 0) & 0xFF in _DAMAGE


def driver(connection: Connection) -> sqlite3.Connection:
    """What lies below SQLAlchemy."""
    return cast("sqlite3.Connection", connection.connection.driver_connection)


def _engine(uri: str, pragmas: dict[str, int | str]) -> Engine:
    def connect() -> sqlite3.Connection:
        # The worker's thread is not the one that opens; calls never overlap.
        return sqlite3.connect(uri, uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False)

    engine = create_engine("sqlite://", creator=connect, poolclass=StaticPool, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def set_pragmas(connection: sqlite3.Connection, _record: object) -> None:
        try:
            _set_pragmas(connection, pragmas)
        except BaseException:
            connection.close()
            raise

    return engine


def _set_pragmas(connection: sqlite3.Connection, pragmas: dict[str, int | str]) -> None:
    for name, value in pragmas.items():
        connection.execute(f"PRAGMA {name} = {value}")
        # SQLite ignores what it cannot do, WAL on some file systems among it.
        if connection.execute(f"PRAGMA {name}").fetchone() != (value,):
            raise sqlite3.OperationalError(f"SQLite does not take PRAGMA {name} = {value}")
