"""Opening the file of one epoch for writing, and what an error of SQLite means for the caller."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from cabinet.journal.checkpoint import Checkpoint
from cabinet.journal.connection import BEGIN_WRITE, open_writer
from cabinet.journal.errors import JournalDamaged, JournalError, JournalUnwritable
from cabinet.journal.note import Signer
from cabinet.journal.schema import migrate
from cabinet.journal.tail import Tail, check_tail
from cabinet.journal.tree import EMPTY_ROOT

_DAMAGE: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def open_epoch(path: Path, signer: Signer) -> tuple[Connection, Tail]:
    """Open or create, and check the end. Raises JournalDamaged, JournalUnwritable."""
    with disk_errors(path):
        connection = open_writer(path)
        try:
            migrate(connection)
            _sign_empty(connection, signer)
            settle(connection)
            with connection.begin():
                return connection, check_tail(connection, signer.verifier)
        except BaseException:
            discard(connection)
            raise


def settle(connection: Connection) -> None:
    """Move the write-ahead log into the file.

    After a failed sync the kernel may call pages of the log clean that never reached the disk; what is copied
    is written and synced anew.
    """
    with connection.begin():
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").all()


def discard(connection: Connection) -> None:
    """Close without trusting the connection: whatever it says, it is gone."""
    with suppress(DBAPIError, OSError):
        connection.invalidate()
    with suppress(DBAPIError, OSError):
        connection.close()
    connection.engine.dispose()


@contextmanager
def disk_errors(path: Path) -> Iterator[None]:
    """Says what an error of the database means: damaged, or unwritable for now."""
    try:
        yield
    except (DBAPIError, OSError) as error:
        if isinstance(error, JournalError):
            raise
        cause = error.orig if isinstance(error, DBAPIError) else error
        code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
        if code in _DAMAGE:
            raise JournalDamaged(f"{path}: {cause}") from error
        raise JournalUnwritable(f"{path}: {cause}; check free space, owner and health of the disk") from error


def _sign_empty(connection: Connection, signer: Signer) -> None:
    """So that there is a newest checkpoint from the first moment on."""
    with connection.begin():
        connection.exec_driver_sql(BEGIN_WRITE)
        connection.exec_driver_sql(
            "INSERT INTO checkpoint (size, note) SELECT 0, ?"
            " WHERE NOT EXISTS (SELECT 1 FROM checkpoint) AND NOT EXISTS (SELECT 1 FROM leaf)",
            (Checkpoint(signer.name, 0, EMPTY_ROOT).signed(signer),),
        )
