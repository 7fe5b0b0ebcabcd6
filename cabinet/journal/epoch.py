"""Opening the file of one epoch for writing, and what an error of SQLite means for the caller."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Final

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from cabinet.journal.checkpoint import Checkpoint
from cabinet.journal.connection import DatabaseError, begin_write, open_writer
from cabinet.journal.errors import JournalDamaged, JournalError, JournalUnwritable
from cabinet.journal.note import Signer
from cabinet.journal.schema import migrate
from cabinet.journal.tail import Tail, check_tail
from cabinet.journal.tree import EMPTY_ROOT

_DAMAGE: Final = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def open_epoch(path: Path, signer: Signer) -> tuple[Connection, Tail]:
    """Open or create, and check the end. Raises JournalDamaged, JournalUnwritable."""
    try:
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
    except DatabaseError as error:
        raise meaning(error, path) from error


def settle(connection: Connection) -> None:
    """Move the write-ahead log into the file.

    After a failed sync the kernel may call pages of the log clean that never reached the disk; what is copied
    is written and synced anew.
    """
    with connection.begin():
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").all()


def discard(connection: Connection) -> None:
    """Close without trusting the connection: whatever it says, it is gone."""
    with suppress(*DatabaseError):
        connection.invalidate()
    with suppress(*DatabaseError):
        connection.close()
    connection.engine.dispose()


def meaning(error: DBAPIError | sqlite3.Error, path: Path) -> JournalError:
    """What an error of the database means: the file is damaged, or cannot be written for now."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    if getattr(cause, "sqlite_errorcode", 0) & 0xFF in _DAMAGE:
        return JournalDamaged(f"{path}: {cause}")
    return JournalUnwritable(f"{path}: {cause}; check free space, owner and health of the disk")


def _sign_empty(connection: Connection, signer: Signer) -> None:
    """So that there is a newest checkpoint from the first moment on."""
    with connection.begin():
        begin_write(connection)
        connection.exec_driver_sql(
            "INSERT INTO checkpoint (size, note) SELECT 0, ?"
            " WHERE NOT EXISTS (SELECT 1 FROM checkpoint) AND NOT EXISTS (SELECT 1 FROM leaf)",
            (Checkpoint(signer.name, 0, EMPTY_ROOT).signed(signer),),
        )
