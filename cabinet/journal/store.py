"""The open epoch file: leaves in, durable and signed when `append` returns."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from sqlalchemy import Connection

from cabinet.journal import b64
from cabinet.journal import rows as ask
from cabinet.journal.checkpoint import Checkpoint
from cabinet.journal.connection import DatabaseError, begin_write, close
from cabinet.journal.epoch import meaning, open_epoch, settle
from cabinet.journal.errors import JournalDamaged, JournalOvertaken, JournalUnwritable
from cabinet.journal.leaf import Entry, encode_batch
from cabinet.journal.lock import FolderLock
from cabinet.journal.note import Signer, Verifier
from cabinet.journal.schema import epoch_file, epochs
from cabinet.journal.tree import Frontier, leaf_hash

T = TypeVar("T")

_DEVICE: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")

_INSERT_ENTRY: Final = (
    "INSERT INTO entry (n, hash, subtrees, ts, kind, slot, item, bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
# One person may stand in a leaf in two roles.
_INSERT_SUBJECT: Final = "INSERT OR IGNORE INTO subject (p, n) VALUES (?, ?)"
_INSERT_CHECKPOINT: Final = "INSERT INTO checkpoint (size, note) VALUES (?, ?)"
_INSERT_ACK: Final = "INSERT INTO ack (size, note) VALUES (?, ?)"
_PUT_STATE: Final = (
    "INSERT INTO state (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"
)
_DELETE_STATE: Final = "DELETE FROM state WHERE key = ?"


@dataclass(frozen=True, slots=True)
class Commit:
    """One durable transaction: leaves `first` up to `size`, and the signed note of that size."""

    first: int
    size: int
    leaves: tuple[bytes, ...]
    checkpoint: bytes


class Journal:
    """The newest epoch of a folder, open for writing. Every method blocks; one caller at a time."""

    @classmethod
    def open(cls, folder: Path, origin: str, device: str, signer: Signer) -> Journal:
        """Take the writer's lock, open or create the file, check its end.

        `origin` is that of the first epoch, `cabinet.<site>/<device>`; the signer signs under the name of the
        epoch's own origin. Raises JournalBusy, JournalDamaged, JournalUnwritable; ValueError for an origin that
        does not name the device.
        """
        if not _DEVICE.fullmatch(device) or origin.partition("/")[2] != device:
            raise ValueError(f"origin {origin!r} is not cabinet.<site>/{device}")
        lock = FolderLock(folder)
        try:
            return cls(folder, origin, device, signer, lock)
        except BaseException:
            lock.release()
            raise

    def __init__(self, folder: Path, origin: str, device: str, signer: Signer, lock: FolderLock) -> None:
        self.folder = folder
        self.epoch = max(epochs(folder), default=1)
        self.origin = origin if self.epoch == 1 else f"{origin}/e{self.epoch}"
        self._device = device
        self._signer = signer.named(self.origin)
        self._lock = lock
        self._path = epoch_file(folder, self.epoch)
        self._connection: Connection | None
        self._connection, tail = open_epoch(self._path, self._signer)
        self._settled = False
        self._frontier = tail.frontier
        self._checkpoint = tail.checkpoint
        self.root = tail.frontier.root()

    @property
    def verifier(self) -> Verifier:
        """The public half of the key that signs this epoch."""
        return self._signer.verifier

    @property
    def size(self) -> int:
        return self._frontier.size

    def append(self, entries: Sequence[Entry], rows: Mapping[str, bytes | None] | None = None) -> Commit:
        """Write 1 to 64 entries, at most 32 kB of leaves, and state rows (None deletes) in one transaction.

        Durable and signed when it returns. Raises LeafRefused (BatchTooLarge) with nothing written. Raises
        JournalUnwritable with memory unchanged; then the next call closes the file, opens it again and checks
        its end first, and raises JournalOvertaken if a transaction that failed turns out to be durable.
        """
        leaves = encode_batch(entries, self._device, self.size)
        frontier = self._frontier.copy()
        inserts = [
            _row(n, entry, leaf, frontier)
            for n, (entry, leaf) in enumerate(zip(entries, leaves, strict=True), self.size)
        ]
        root = frontier.root()
        note = Checkpoint(self.origin, frontier.size, root).signed(self._signer)
        connection = self._trusted()
        try:
            self._settle(connection)
            with connection.begin():
                cursor = begin_write(connection)
                cursor.executemany(_INSERT_ENTRY, inserts)
                cursor.executemany(_INSERT_SUBJECT, _subjects(entries, self.size))
                cursor.execute(_INSERT_CHECKPOINT, (frontier.size, note))
                _write_state(cursor, rows or {})
        except DatabaseError as error:
            raise self._failed(error) from error
        commit = Commit(self.size, frontier.size, leaves, note)
        self._frontier, self._checkpoint, self.root = frontier, note, root
        return commit

    def state(self) -> dict[str, bytes]:
        """Every state row. Raises JournalUnwritable."""
        return self.ask(ask.state)

    def leaves(self, first: int, limit: int) -> list[tuple[int, bytes | None]]:
        """Index and bytes (None: pruned) of at most `limit` leaves from `first` on. Raises JournalUnwritable."""
        return self.ask(partial(ask.leaves, first=first, limit=limit))

    def checkpoint(self) -> bytes:
        """The newest signed note."""
        return self._checkpoint

    def close(self) -> None:
        """Move the write-ahead log into the file and release the lock."""
        if self._connection is not None:
            close(self._connection)
            self._connection = None
        self._lock.release()

    def ask(self, question: Callable[[Connection], T]) -> T:
        """The answer of a question of rows.py, in one reading transaction. Raises JournalUnwritable."""
        connection = self._trusted()
        try:
            with connection.begin():
                return question(connection)
        except DatabaseError as error:
            raise self._failed(error) from error

    def store_ack(self, size: int, note: bytes) -> None:
        """Keep a counted acknowledgement; durable when it returns. Raises JournalUnwritable."""
        connection = self._trusted()
        try:
            self._settle(connection)
            with connection.begin():
                begin_write(connection)
                connection.exec_driver_sql(_INSERT_ACK, (size, note))
        except DatabaseError as error:
            raise self._failed(error) from error

    def _trusted(self) -> Connection:
        """A connection on which nothing failed yet."""
        if self._connection is None:
            self._connection = self._reopen()
        return self._connection

    def _settle(self, connection: Connection) -> None:
        if not self._settled:
            settle(connection)
            self._settled = True

    def _failed(self, error: Exception) -> JournalUnwritable:
        """What an error of the disk means; the connection it came from is not used again."""
        assert self._connection is not None
        close(self._connection)
        self._connection = None
        self._settled = False
        return JournalUnwritable(meaning(error, self._path).hint)

    def _reopen(self) -> Connection:
        """A new connection to a file that ends where memory does. Raises JournalUnwritable, JournalOvertaken."""
        try:
            connection, tail = open_epoch(self._path, self._signer)
        except JournalDamaged as error:
            raise JournalUnwritable(error.hint) from error
        if tail.checkpoint == self._checkpoint:
            return connection
        close(connection)
        if tail.frontier.size > self.size:
            raise JournalOvertaken("a transaction that failed is on the disk after all; restart the daemon")
        raise JournalUnwritable(f"{self._path}: leaves are missing; restore the file or open the next epoch")


def _row(n: int, entry: Entry, leaf: bytes, frontier: Frontier) -> tuple[object, ...]:
    hashed = leaf_hash(leaf)
    slot, item = entry.fields.get("slot"), entry.fields.get("item")
    return n, hashed, frontier.push(hashed), entry.ts, entry.ev, slot, item, leaf


def _subjects(entries: Sequence[Entry], first: int) -> list[tuple[bytes, int]]:
    return [(b64.decode(sub["p"]), n) for n, entry in enumerate(entries, first) for sub in entry.subs]


def _write_state(cursor: sqlite3.Cursor, rows: Mapping[str, bytes | None]) -> None:
    cursor.executemany(_PUT_STATE, [(key, value) for key, value in rows.items() if value is not None])
    cursor.executemany(_DELETE_STATE, [(key,) for key, value in rows.items() if value is None])
