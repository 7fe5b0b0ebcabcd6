"""Reading one epoch file beside a running daemon, or alone while none runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, TypeVar

from sqlalchemy import Connection, func, select

from cabinet.journal import b64, rows, tree
from cabinet.journal.connection import DatabaseError, begin_read, cause, close, is_damage, open_reader
from cabinet.journal.epoch import EntryRow
from cabinet.journal.errors import JournalBusy, JournalDamaged, JournalError, JournalMissing, JournalUnreadable
from cabinet.journal.key_walk import ROTATED, Rotation
from cabinet.journal.lock import FolderLock
from cabinet.journal.rows import BlockRows
from cabinet.journal.schema import epoch_file, epochs, is_as_made, payload

PAGE: Final = 1000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stored:
    """A leaf as it is stored; `data` is None where the payload was pruned."""

    n: int
    hash: bytes
    data: bytes | None


@dataclass(frozen=True, slots=True)
class Moment:
    """Number of leaves, the signed note of that size, and the state rows that belong to it."""

    size: int
    checkpoint: bytes
    state: dict[str, bytes]


class JournalReader:
    """One epoch of a folder, read-only; every method blocks, one caller at a time.

    Live beside a daemon of the same user; alone it holds the writer's lock until `close`, so that no daemon
    starts meanwhile. Every question sees a moment of its own: ask for `size` first and stay below it. A file that
    cannot be read raises JournalDamaged or JournalUnreadable.
    """

    def __init__(self, folder: Path, epoch: int | None = None, *, held: bool = False) -> None:
        """The given or newest epoch. `held`: the caller has the writer's lock, and writes nothing.

        Raises JournalMissing; JournalUnwritable where the lock cannot be taken."""
        found = epochs(folder)
        self.epoch = epoch if epoch is not None else max(found, default=1)
        self.path = epoch_file(folder, self.epoch)
        if self.epoch not in found:
            raise JournalMissing(f"there is no {self.path}; look for state_dir in the configuration")
        self._lock = None if held else _lock_unless_live(folder)
        self._alone = held or self._lock is not None
        try:
            self._connection = self._open()
        except BaseException:
            self._release()
            raise

    @property
    def live(self) -> bool:
        """Whether a daemon has the file open for writing."""
        return not self._alone

    @property
    def size(self) -> int:
        return self.sizes()[0]

    def sizes(self) -> tuple[int, int]:
        """Number of leaves, and the size of the newest checkpoint (-1: none), both of one moment."""
        return self._ask(rows.sizes)

    def acknowledged(self) -> int:
        """The size that upstream holds; 0 before the first acknowledgement."""
        return self._ask(rows.acknowledged)

    def checkpoint(self) -> bytes:
        """The newest signed note. Raises JournalDamaged where there is none."""
        note = self._ask(rows.newest_checkpoint)
        if note is None:
            raise JournalDamaged(f"{self.path} has no checkpoint")
        return note

    def checkpoints(self, above: int = -1) -> Iterator[tuple[int, bytes]]:
        """Size and signed note of every kept checkpoint and of every acknowledgement above a size, by size."""
        after = (above, 1)
        while page := self._ask(partial(rows.notes, after=after, limit=PAGE)):
            for size, acked, note in page:
                after = (size, acked)
                yield size, note

    def moment(self) -> Moment:
        """What belongs together, also while a daemon writes. Raises JournalDamaged where no note is of that size."""

        def ask(connection: Connection) -> tuple[tuple[int, int], bytes | None, dict[str, bytes]]:
            begin_read(connection)
            return rows.sizes(connection), rows.newest_checkpoint(connection), rows.state(connection)

        (size, sealed), note, state = self._ask(ask)
        if note is None or sealed != size:
            raise JournalDamaged(f"{self.path}: its end is not sealed by a checkpoint; see cabinetctl journal verify")
        return Moment(size, note, state)

    def notes(self, above: int, end: int) -> Iterator[tuple[int, bool, bytes]]:
        """Size, whether upstream acknowledged with it, signed note; of all sizes above one and up to another."""
        after = (above, 1)
        while page := self._ask(partial(rows.notes, after=after, limit=PAGE)):
            for size, acked, note in page:
                if size > end:
                    return
                after = (size, acked)
                yield size, acked == 1, note

    def rotations(self) -> Iterator[Rotation]:
        """Each leaf that rotates the key, with its transaction's note. Raises JournalDamaged where there is none."""
        first = 0
        while page := self.find(kind=ROTATED, first=first):
            for n, data in page:
                above = self._ask(partial(rows.checkpoints_above, size=n, limit=1))
                if not above:
                    raise JournalDamaged(f"{self.path}: no checkpoint covers leaf {n}")
                yield n, data, above[0][1]
            first = page[-1][0] + 1

    def newest_ack(self) -> bytes | None:
        """The newest cosigned note that upstream acknowledged with."""
        return self._ask(rows.newest_ack)

    def state(self) -> dict[str, bytes]:
        return self._ask(rows.state)

    def state_at_size(self) -> tuple[dict[str, bytes], int]:
        """Every state row, and the number of leaves they follow from: of one moment."""

        def ask(connection: Connection) -> tuple[dict[str, bytes], int]:
            begin_read(connection)
            return rows.state(connection), rows.sizes(connection)[0]

        return self._ask(ask)

    def leaves(self, first: int = 0, end: int | None = None) -> Iterator[Stored]:
        """The leaves from `first` up to `end` (the present size), streamed."""
        for page in self.pages(first, self.size if end is None else end):
            for row in page:
                yield Stored(row[0], row[1], row[-1])

    def pages(self, first: int, end: int) -> Iterator[list[EntryRow]]:
        """All stored columns of the leaves from `first` up to `end`, PAGE leaves at a time."""
        while first < end:
            page = self._ask(partial(rows.entries, first=first, limit=min(PAGE, end - first)))
            if not page:
                return
            yield page
            first = page[-1][0] + 1

    def block(self, first: int, end: int, device: str) -> BlockRows:
        """The leaves from `first` up to `end` of one moment, as `rows.block` compares them."""
        return self._ask(partial(rows.block, first=first, end=end, device=device))

    def find(
        self,
        *,
        kind: str | None = None,
        slot: int | None = None,
        item: str | None = None,
        subject: str | None = None,
        since_ts: int | None = None,
        first: int = 0,
        limit: int = PAGE,
    ) -> list[tuple[int, bytes]]:
        """Index and bytes of the first `limit` leaves from `first` on for which everything given is true.

        `subject` is a pseudonym as in the leaf (base64), `since_ts` wall time in ms. Pruned leaves are not found.
        Raises ValueError for a subject that is not base64.
        """
        wanted = {"kind": kind, "slot": slot, "item": item}
        conditions = [payload.c[name] == value for name, value in wanted.items() if value is not None]
        if since_ts is not None:
            conditions.append(payload.c.ts >= since_ts)
        if subject is not None:
            conditions.append(func.instr(payload.c.subs, b64.decode(subject)) % rows.PSEUDONYM_BYTES == 1)
        # n + 0: the covering index is read for the numbers, never the wide rows in order of n.
        number = payload.c.n + 0
        chosen = select(payload.c.n).where(number >= first, *conditions).order_by(number).limit(limit)
        question = select(payload.c.n, payload.c.bytes).where(payload.c.n.in_(chosen)).order_by(payload.c.n)
        return self._ask(lambda connection: [(n, data) for n, data in connection.execute(question)])

    def is_sound(self) -> bool:
        """Whether SQLite finds its own file in order, indexes included. Seconds per million leaves."""
        return self._ask(rows.is_sound)

    def is_as_made(self) -> bool:
        """Whether tables, indexes, view and triggers are what they were made as."""
        return self._ask(is_as_made)

    def node(self, level: int, index: int) -> bytes:
        """The hash of a complete subtree. Raises JournalDamaged where it is not stored."""
        try:
            return self._ask(partial(rows.node, level=level, index=index))
        except LookupError as error:
            raise JournalDamaged(f"{self.path}: {error.args[0]}") from None

    def inclusion(self, n: int, size: int) -> list[bytes]:
        """The proof that leaf `n` is in the tree of `size` leaves. Raises ValueError where it is not."""
        return tree.inclusion(n, size, self.node)

    def consistency(self, old: int, new: int) -> list[bytes]:
        """The proof that the tree of `new` leaves starts with that of `old`. Raises ValueError."""
        return tree.consistency(old, new, self.node)

    def close(self) -> None:
        close(self._connection)
        self._release()

    def __enter__(self) -> JournalReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _open(self) -> Connection:
        # Without a -wal file SQLite would make one, and leave it: a pure reader must not need to write.
        alone = self._alone and not self.path.with_name(self.path.name + "-wal").exists()
        try:
            connection = open_reader(self.path, immutable=alone)
            try:
                with connection.begin():
                    connection.exec_driver_sql("SELECT n FROM entry LIMIT 1").all()
            except BaseException:
                close(connection)
                raise
        except DatabaseError as error:
            raise _unreadable(error, self.path) from error
        return connection

    def _ask(self, question: Callable[[Connection], T]) -> T:
        try:
            with self._connection.begin():
                return question(self._connection)
        except DatabaseError as error:
            raise _unreadable(error, self.path) from error

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()


def _lock_unless_live(folder: Path) -> FolderLock | None:
    try:
        return FolderLock(folder)
    except JournalBusy:
        return None


def _unreadable(error: Exception, path: Path) -> JournalError:
    if is_damage(error):
        return JournalDamaged(f"{path}: {cause(error)}")
    return JournalUnreadable(f"{path}: {cause(error)}; run as the user of the daemon, check the disk")
