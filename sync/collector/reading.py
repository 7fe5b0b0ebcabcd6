"""Reading the database beside a running collector, or alone while none runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from cabinet.journal import note
from cabinet.journal.connection import DatabaseError, begin_read, cause, close, is_damage, open_reader
from cabinet.journal.errors import JournalBusy, JournalDamaged, JournalMissing, JournalUnreadable, NoteRefused
from cabinet.journal.key_walk import Rotation, rotation_in
from cabinet.journal.lock import FolderLock
from cabinet.journal.note import ED25519, Verifier
from cabinet.journal.reader import Stored
from cabinet.journal.tree import Frontier
from sync.collector import rows
from sync.collector.rows import OriginRow
from sync.collector.store import LOCK_SUFFIX

PAGE: Final = 1000


@dataclass(frozen=True, slots=True)
class Reader:
    """The whole database, of one moment."""

    connection: Connection

    def origins(self) -> list[Origin]:
        return [Origin(self.connection, row) for row in rows.origins(self.connection)]


@dataclass(frozen=True, slots=True)
class Origin:
    """One origin; what an export is made from (cabinet.journal.export.Source)."""

    connection: Connection
    row: OriginRow

    @property
    def name(self) -> str:
        return self.row.name

    @property
    def size(self) -> int:
        return rows.size(self.connection, self.row.id)

    def checkpoint(self) -> bytes:
        """The newest signed note. Raises JournalDamaged where there is none."""
        found = rows.checkpoint(self.connection, self.row.id)
        if found is None:
            raise JournalDamaged(f"of {self.name} nothing is held yet")
        return found

    def newest_ack(self) -> bytes | None:
        """The newest checkpoint that was cosigned."""
        return rows.ack(self.connection, self.row.id)

    def leaves(self, first: int = 0, end: int | None = None) -> Iterator[Stored]:
        """The leaves from `first` up to `end` (the present size), streamed."""
        for _, n, hashed, _, data in self.pages(first, self.size if end is None else end):
            yield Stored(n, hashed, data)

    def pages(self, first: int, end: int) -> Iterator[rows.LeafRow]:
        """All stored columns of the leaves from `first` up to `end`."""
        while first < end:
            page = rows.leaves(self.connection, self.row.id, first, min(PAGE, end - first))
            if not page:
                return
            yield from page
            first = page[-1][1] + 1

    def node(self, level: int, index: int) -> bytes:
        """The hash of a complete subtree. Raises JournalDamaged where it is not stored."""
        try:
            return rows.node(self.connection, self.row.id, level, index)
        except LookupError as error:
            raise JournalDamaged(f"{self.name}: {error.args[0]}") from None

    def root(self, size: int) -> bytes:
        """Of an earlier size, up to the present one. Raises JournalDamaged."""
        return Frontier.read(size, self.node).root()

    def rotations(self) -> Iterator[Rotation]:
        """Each leaf that rotates the key, with its transaction's note."""
        yield from rows.rotations(self.connection, self.row.id)

    def first_key(self) -> Verifier:
        """The pinned key that the origin began with, or the oldest that is known of it. Raises NoteRefused."""
        pinned = [Verifier(self.name, ED25519, public) for public in self.pinned()]
        first = next(self.rotations(), None)
        if first is not None and (keys := rotation_in(first[1])) is not None:
            wanted = keys[0].public
        else:
            signed = note.parse(self.checkpoint())
            wanted = next((one.public for one in reversed(pinned) if one.signed(signed)), b"")
        for key in pinned:
            if key.public == wanted:
                return key
        raise NoteRefused(f"the newest checkpoint of {self.name} is not signed by a pinned key")

    def revoked(self) -> list[tuple[bytes, int]]:
        """Raw public keys, and the size of this origin up to which each is trusted."""
        return [(public, size) for name, public, size in rows.revocations(self.connection) if name == self.name]

    def pinned(self) -> list[bytes]:
        """Every raw public key that was ever pinned for its cabinet, the newest last."""
        here = (self.row.site, self.row.device)
        return [public for site, device, public in rows.pins(self.connection) if (site, device) == here]


@contextmanager
def reading(path: Path) -> Iterator[Reader]:
    """Raises JournalMissing, JournalDamaged, JournalUnreadable, while it is open, too."""
    if not path.exists():
        raise JournalMissing(f"there is no {path}; look for database in the configuration")
    lock = _lock_unless_live(path)
    try:
        # Without a -wal file SQLite would make one, and leave it: a pure reader must not need to write.
        alone = lock is not None and not path.with_name(path.name + "-wal").exists()
        connection = open_reader(path, immutable=alone)
        try:
            with connection.begin():
                begin_read(connection)
                yield Reader(connection)
        finally:
            close(connection)
    except DatabaseError as error:
        if is_damage(error):
            raise JournalDamaged(f"{path}: {cause(error)}") from error
        raise JournalUnreadable(f"{path}: {cause(error)}; run as the user of the collector, check the disk") from error
    finally:
        if lock is not None:
            lock.release()


def _lock_unless_live(path: Path) -> FolderLock | None:
    try:
        return FolderLock(path.parent, path.name + LOCK_SUFFIX)
    except JournalBusy:
        return None
