"""Opening the file of one epoch for writing, and what an error of SQLite means for the caller."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection

from cabinet.journal import rows
from cabinet.journal.checkpoint import Checkpoint
from cabinet.journal.connection import DatabaseError, begin_write, cause, close, is_damage, open_writer
from cabinet.journal.errors import JournalDamaged, JournalError, JournalUnwritable
from cabinet.journal.note import Signer
from cabinet.journal.schema import migrate
from cabinet.journal.tail import Tail, check_tail
from cabinet.journal.tree import EMPTY_ROOT


def open_epoch(path: Path, signer: Signer) -> tuple[Connection, Tail]:
    """Open or create, and check the end. Raises JournalDamaged, JournalUnwritable."""
    try:
        connection = open_writer(path)
        try:
            migrate(connection)
            _sign_empty(connection, signer)
            with connection.begin():
                return connection, check_tail(connection, signer.verifier)
        except BaseException:
            close(connection)
            raise
    except DatabaseError as error:
        raise meaning(error, path) from error


def settle(connection: Connection) -> None:
    """Move the write-ahead log into the file, before the first append.

    After a failed sync the kernel may call pages of the log clean that never reached the disk; what is copied
    is written and synced anew. A full disk may refuse it, and can still be read.
    """
    with connection.begin():
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").all()


def meaning(error: Exception, path: Path) -> JournalError:
    """What an error of the database means: the file is damaged, or cannot be written for now."""
    if is_damage(error):
        return JournalDamaged(f"{path}: {cause(error)}")
    return JournalUnwritable(f"{path}: {cause(error)}; check free space, owner and health of the disk")


def _sign_empty(connection: Connection, signer: Signer) -> None:
    """So that there is a newest checkpoint from the first moment on."""
    with connection.begin():
        if rows.newest_checkpoint(connection) is not None:
            return
        begin_write(connection)
        connection.exec_driver_sql(
            "INSERT INTO checkpoint (size, note) SELECT 0, ? WHERE NOT EXISTS (SELECT 1 FROM leaf)",
            (Checkpoint(signer.name, 0, EMPTY_ROOT).signed(signer),),
        )
