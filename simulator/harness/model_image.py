"""The tables of one epoch as the journal sees them: a write is applied to them, and can be taken back."""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from cabinet.journal.epoch import Column, Transaction


@dataclass(frozen=True, slots=True)
class Ack:
    size: int
    note: bytes


@dataclass(frozen=True, slots=True)
class Published:
    """An epoch that was written whole before it had its name."""

    writes: tuple[Transaction, ...]


@dataclass(frozen=True, slots=True)
class Thinned:
    """Checkpoints that are let go."""

    sizes: tuple[int, ...]


Write: TypeAlias = Transaction | Ack | Thinned


@dataclass(slots=True)
class Image:
    """The tables of one epoch, with all writes up to some moment in them."""

    hashes: list[bytes] = field(default_factory=list)
    """Of each leaf, and behind it those of the subtrees it completes."""
    payloads: list[bytes | None] = field(default_factory=list)
    columns: list[Column] = field(default_factory=list)
    by_time: list[tuple[int, int]] = field(default_factory=list)
    """Wall time and index of each payload that is kept, ascending."""
    sizes: list[int] = field(default_factory=list)
    notes: dict[int, bytes] = field(default_factory=dict)
    acks: list[Ack] = field(default_factory=list)
    state: dict[str, bytes] = field(default_factory=dict)
    unwiped: list[bytes] = field(default_factory=list)
    """Payloads that were pruned and still stand in the log file."""
    unreadable: bool = False

    def apply(self, write: Write) -> Callable[[], None]:
        """Gives what takes it back."""
        match write:
            case Ack():
                return self._ack(write)
            case Thinned():
                return self._thin(write)
        return self._append(write)

    def _thin(self, thinned: Thinned) -> Callable[[], None]:
        acked = {ack.size for ack in self.acks}
        assert not acked & set(thinned.sizes), "a checkpoint that was cosigned is kept"
        assert all(size < max(acked, default=0) for size in thinned.sizes), "kept until a cosigned one covers it"
        sizes, notes = self.sizes[:], dict(self.notes)
        self.sizes = [size for size in sizes if size not in set(thinned.sizes)]
        for size in thinned.sizes:
            del self.notes[size]

        def take_back() -> None:
            self.sizes, self.notes = sizes, notes

        return take_back

    def _ack(self, ack: Ack) -> Callable[[], None]:
        assert not self.acks or ack.size > self.acks[-1].size, "an acknowledgement only moves forward"
        assert ack.size in self.notes, "an acknowledgement is of a checkpoint that is kept"
        self.acks.append(ack)
        return lambda: _drop(self.acks)

    def _append(self, transaction: Transaction) -> Callable[[], None]:
        before, old = len(self.hashes), {key: self.state.get(key) for key in transaction.state}
        assert [row[0] for row in transaction.entries] == list(range(before, transaction.size)), "leaves without a gap"
        assert not self.sizes or transaction.size > self.sizes[-1], "a checkpoint is never signed for an older size"
        for row in transaction.entries:
            self.hashes.append(row[1] + row[2])
            self.payloads.append(row[-1])
            assert row[3] is not None
            assert row[4] is not None
            self.columns.append(Column(row[0], row[3], row[4], row[7] is not None))
            insort(self.by_time, (row[3], row[0]))
        self.sizes.append(transaction.size)
        self.notes[transaction.size] = transaction.note
        _put(self.state, transaction.state)
        pruned = self._prune(transaction)

        def take_back() -> None:
            for n, data in pruned.items():
                self.payloads[n] = data
                insort(self.by_time, (self.columns[n].ts, n))
            for column in self.columns[before:]:
                self.by_time.remove((column.ts, column.n))
            del self.hashes[before:], self.payloads[before:], self.columns[before:]
            del self.notes[self.sizes.pop()]
            _put(self.state, old)

        return take_back

    def _prune(self, transaction: Transaction) -> dict[int, bytes]:
        """What it takes away."""
        numbers = [n for first, end in transaction.pruned for n in range(first, end)]
        assert all(n < (self.acks[-1].size if self.acks else 0) for n in numbers), "only what upstream holds is pruned"
        gone = {n: data for n in numbers if (data := self.payloads[n]) is not None}
        for n, data in gone.items():
            self.payloads[n] = None
            self.by_time.remove((self.columns[n].ts, n))
            self.unwiped.append(data)
        return gone


def _put(state: dict[str, bytes], rows: object) -> None:
    assert isinstance(rows, dict)
    for key, value in rows.items():
        if value is None:
            state.pop(key, None)
        else:
            state[key] = value


def _drop(acks: list[Ack]) -> None:
    acks.pop()
