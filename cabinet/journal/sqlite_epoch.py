"""An epoch in an SQLite file: every question and every write is one transaction on one connection."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from sqlalchemy import Connection

from cabinet.journal import b64, rows
from cabinet.journal.checkpoint import Checkpoint
from cabinet.journal.connection import (
    DatabaseError,
    begin_write,
    close,
    driver,
    meaning,
    open_reader,
    open_writer,
    settle,
    truncate,
    writing,
)
from cabinet.journal.epoch import Column, KeptNote, Transaction
from cabinet.journal.errors import JournalDamaged, JournalUnwritable
from cabinet.journal.files import (
    NEWEST,
    draft_file,
    read_number,
    replace_durably,
    stray_epochs,
    sync,
    write_number,
)
from cabinet.journal.lock import FolderLock
from cabinet.journal.note import Signer
from cabinet.journal.schema import epoch_file, epochs, migrate
from cabinet.journal.tree import EMPTY_ROOT

T = TypeVar("T")

INSERT_LEAF: Final = "INSERT INTO leaf (n, hash, subtrees) VALUES (?, ?, ?)"
INSERT_PAYLOAD: Final = "INSERT INTO payload (n, ts, kind, slot, item, subs, bytes) VALUES (?, ?, ?, ?, ?, ?, ?)"
INSERT_CHECKPOINT: Final = "INSERT INTO checkpoint (size, note) VALUES (?, ?)"
INSERT_ACK: Final = "INSERT INTO ack (size, note) VALUES (?, ?)"
PUT_STATE: Final = "INSERT INTO state (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
_PRUNE: Final = "DELETE FROM payload WHERE n >= ? AND n < ?"
_THIN: Final = "DELETE FROM checkpoint WHERE size = ?"
_DELETE_STATE: Final = "DELETE FROM state WHERE key = ?"


class SqliteFolder:
    """An EpochFolder: `journal-<epoch>.db` files and the lock beside them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def claim(self) -> FolderLock:
        return FolderLock(self._folder)

    def epochs(self) -> list[int]:
        return epochs(self._folder)

    def name(self, epoch: int) -> str:
        return str(epoch_file(self._folder, epoch))

    def newest_known(self) -> int:
        return max(read_number(self._folder / NEWEST), *stray_epochs(self._folder), 0)

    def know(self, epoch: int) -> None:
        path = self._folder / NEWEST
        if read_number(path) < epoch:
            with _system(path):
                write_number(path, epoch)

    def open(self, epoch: int, signer: Signer) -> SqliteEpoch:
        return _opened(epoch_file(self._folder, epoch), signer)

    def inspect(self, epoch: int) -> SqliteEpoch:
        path = epoch_file(self._folder, epoch)
        if not path.exists():
            raise JournalDamaged(f"{path} is missing")
        log = path.with_name(path.name + "-wal").exists()
        with _meaning(path):
            return SqliteEpoch(path, open_reader(path, immutable=not log))

    def draft(self, epoch: int, signer: Signer) -> SqliteEpoch:
        path = draft_file(self._folder, epoch)
        with _system(path):
            for kind in ("", "-wal", "-shm", "-journal"):
                path.with_name(path.name + kind).unlink(missing_ok=True)
            path.touch(mode=0o600)
            sync(self._folder)  # its name is on the disk before anything of it is
        return _opened(path, signer)

    def publish(self, epoch: int) -> None:
        path = draft_file(self._folder, epoch)
        with _system(path):
            replace_durably(path, epoch_file(self._folder, epoch))


def _opened(path: Path, signer: Signer) -> SqliteEpoch:
    with _meaning(path):
        connection = open_writer(path)
        try:
            migrate(connection)
            _sign_empty(connection, signer)
        except BaseException:
            close(connection)
            raise
    return SqliteEpoch(path, connection)


class SqliteEpoch:
    """An EpochFile."""

    def __init__(self, path: Path, connection: Connection) -> None:
        self._path = path
        self._connection = connection
        self._driver = driver(connection)

    def append(self, transaction: Transaction) -> None:
        with _meaning(self._path), writing(self._driver) as cursor:
            cursor.executemany(INSERT_LEAF, [row[:3] for row in transaction.entries])
            cursor.executemany(INSERT_PAYLOAD, [(row[0], *row[3:]) for row in transaction.entries])
            cursor.execute(INSERT_CHECKPOINT, (transaction.size, transaction.note))
            _write_state(cursor, transaction.state)
            if transaction.pruned:
                cursor.executemany(_PRUNE, transaction.pruned)

    def store_ack(self, size: int, note: bytes) -> None:
        with _meaning(self._path), writing(self._driver) as cursor:
            cursor.execute(INSERT_ACK, (size, note))

    def thin(self, sizes: Sequence[int]) -> None:
        with _meaning(self._path), writing(self._driver) as cursor:
            cursor.executemany(_THIN, [(size,) for size in sizes])

    def settle(self) -> None:
        with _meaning(self._path):
            settle(self._connection)

    def wipe(self) -> bool:
        """What is deleted was overwritten; this takes the log away, which still has it."""
        with _meaning(self._path):
            return truncate(self._connection)

    def close(self) -> None:
        """The last writer's moves the log into the file."""
        close(self._connection)

    def sizes(self) -> tuple[int, int]:
        return self._ask(rows.sizes)

    def node(self, level: int, index: int) -> bytes:
        return self._ask(partial(rows.node, level=level, index=index))

    def leaves(self, first: int, limit: int) -> list[tuple[int, bytes | None]]:
        return self._ask(partial(rows.leaves, first=first, limit=limit))

    def outgoing(self, first: int, limit: int) -> list[tuple[bytes, bytes | None]]:
        return self._ask(partial(rows.outgoing, first=first, limit=limit))

    def checkpoints_above(self, size: int, limit: int) -> list[tuple[int, bytes]]:
        return self._ask(partial(rows.checkpoints_above, size=size, limit=limit))

    def columns(self, first: int, end: int) -> list[tuple[Column, int]]:
        return self._ask(partial(rows.columns, first=first, end=end))

    def concerning(self, person: str, first: int, end: int) -> list[tuple[int, bytes]]:
        return self._ask(lambda connection: rows.concerning(connection, b64.decode(person), first, end))

    def older(self, before_ms: int, after: tuple[int, int], limit: int) -> list[Column]:
        return self._ask(partial(rows.older, before_ms=before_ms, after=after, limit=limit))

    def kept_notes(self, first: int, last: int) -> list[KeptNote]:
        return self._ask(partial(rows.kept_notes, first=first, last=last))

    def newest_checkpoint(self) -> bytes | None:
        return self._ask(rows.newest_checkpoint)

    def acknowledged(self) -> int:
        return self._ask(rows.acknowledged)

    def acknowledged_below(self, size: int) -> int:
        return self._ask(partial(rows.acknowledged_below, size=size))

    def oldest_payload(self) -> int:
        return self._ask(rows.oldest_payload)

    def is_sound(self) -> bool:
        return self._ask(rows.is_sound)

    def state(self) -> dict[str, bytes]:
        return self._ask(rows.state)

    def _ask(self, question: Callable[[Connection], T]) -> T:
        with _meaning(self._path), self._connection.begin():
            return question(self._connection)


@contextmanager
def _system(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise JournalUnwritable(f"{path}: {error.strerror}; check free space, owner and health of the disk") from error


@contextmanager
def _meaning(path: Path) -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        raise meaning(error, path) from error


def _write_state(cursor: sqlite3.Cursor, state: Mapping[str, bytes | None]) -> None:
    for key, value in state.items():
        if value is None:
            cursor.execute(_DELETE_STATE, (key,))
        else:
            cursor.execute(PUT_STATE, (key, value))


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
