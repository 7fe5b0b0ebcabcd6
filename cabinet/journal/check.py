"""One walk over the leaves of an epoch: every payload is hashed again, every stored hash, column and note compared."""

from __future__ import annotations

from binascii import a2b_base64
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from cabinet.journal import block
from cabinet.journal.block import Block
from cabinet.journal.checkpoint import Checkpoint
from cabinet.journal.epoch import EntryRow
from cabinet.journal.errors import JournalDamaged, JournalUnreadable, KeyRevoked, LeafRefused, NoteRefused
from cabinet.journal.key_walk import MARK, KeyWalk
from cabinet.journal.leaf import glance
from cabinet.journal.reader import JournalReader
from cabinet.journal.tree import Frontier, leaf_hash
from cabinet.journal.verdict import Failed

Note: TypeAlias = tuple[int, bytes]
"""The size a note is kept under, and its bytes."""
Progress: TypeAlias = Callable[[int], None]
"""Told the size up to which the leaves are checked."""


@dataclass(frozen=True, slots=True)
class Stand:
    """How far a walk is: the tree of the leaves before it, the keys that signed it, the size of the last good note."""

    frontier: Frontier
    walk: KeyWalk
    good: int = 0


@dataclass(frozen=True, slots=True)
class Scope:
    """What is known of the journal when a check of it begins: `sealed` is the size of its newest checkpoint (-1: none),
    up to `acknowledged` payloads may have been pruned, `witnesses` are trees that somebody vouches for."""

    sealed: int
    acknowledged: int
    witnesses: tuple[Checkpoint, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one walk: where it ended, and what it met. `failed`: the first thing that is wrong."""

    stand: Stand
    pruned: int
    forked: bool
    failed: Failed | None


class Check:
    """A walk from a stand on, in step with the notes; it stops at the first thing that is wrong."""

    def __init__(self, reader: JournalReader, start: Stand, end: int, scope: Scope) -> None:
        self._reader = reader
        self._walk = start.walk
        self._device = self._walk.origin.split("/")[1] if "/" in self._walk.origin else ""
        self._frontier = start.frontier
        self._end = end
        self._good = start.good
        self._scope = scope
        self._notes: Iterator[Note] = iter(())
        self._due: Note | None = None
        self._pruned = 0
        self._forked = False

    def run(self, progress: Progress) -> Outcome:
        failed = None
        try:
            self._check_all(progress)
        except Failed as failure:
            failed = failure
        except (JournalDamaged, JournalUnreadable):
            failed = Failed(self._frontier.size, "unreadable")
        return Outcome(Stand(self._frontier, self._walk, self._good), self._pruned, self._forked, failed)

    def _check_all(self, progress: Progress) -> None:
        self._notes = self._reader.checkpoints(above=self._frontier.size or -1)
        self._due = next(self._notes, None)
        if self._frontier.size == 0:
            self._check_size(self._frontier)
        while (first := self._frontier.size) < self._end:
            end = min(self._end, first + block.LEAVES)
            found = self._block(first, end)
            if found is None:
                self._check_leaves(first, end)
            else:
                self._pruned += found.pruned
                self._check_sizes(found)
                self._frontier = found.after
            progress(end)

    def _block(self, first: int, end: int) -> Block | None:
        try:
            rows = self._reader.block(first, end, self._device)
            return block.good_block(self._frontier, end - first, rows, self._scope.acknowledged, self._fits)
        except (JournalDamaged, JournalUnreadable):
            return None  # not JSON, or not readable: leaf by leaf it is told apart
        except TypeError:
            return None  # a broken row has values of any type

    def _fits(self, n: int) -> bool:
        """Whether a leaf that rotates no key has its own columns beside it."""
        row = next((row for page in self._reader.pages(n, n + 1) for row in page), None)
        if row is None or row[0] != n or (data := row[-1]) is None or MARK in data:
            return False
        try:
            self._check_columns(row, data)
        except Failed:
            return False
        return True

    def _check_sizes(self, found: Block) -> None:
        """What is said of the sizes in a good block."""
        first, end = self._frontier.size, found.after.size
        for one in self._scope.witnesses:
            if first < one.size <= end:
                self._compare(one, found.at(one.size))
        while self._due is not None and self._due[0] <= end:
            self._check_note(self._due, found.at(self._due[0]))

    def _check_size(self, frontier: Frontier) -> None:
        """What is said of the present size."""
        for one in self._scope.witnesses:
            if one.size == frontier.size:
                self._compare(one, frontier)
        while self._due is not None and self._due[0] <= frontier.size:
            self._check_note(self._due, frontier)

    def _compare(self, witness: Checkpoint, frontier: Frontier) -> None:
        if witness.root != frontier.root():
            self._forked = True

    def _check_note(self, due: Note, frontier: Frontier) -> None:
        if not isinstance(due[1], bytes):
            raise Failed(self._good, "checkpoint")
        try:
            signed = self._walk.check(due[1])
        except KeyRevoked:
            raise Failed(self._good, "key-revoked") from None
        except NoteRefused:
            raise Failed(self._good, "checkpoint") from None
        if (signed.size, signed.root) != (frontier.size, frontier.root()) or due[0] != frontier.size:
            raise Failed(self._good, "checkpoint")
        self._good = due[0]
        self._due = next(self._notes, None)

    def _check_leaves(self, first: int, end: int) -> None:
        """Leaf by leaf: tells which one it is, and finds that nothing is wrong where only something is unusual."""
        for row in self._rows(first, end):
            self._check_leaf(row)
            self._check_size(self._frontier)
        if self._frontier.size < end:
            raise Failed(self._frontier.size, "leaf-missing")

    def _rows(self, first: int, end: int) -> Iterator[EntryRow]:
        """One by one where they cannot be read together: the one that is broken is known by that."""
        try:
            yield from [row for page in self._reader.pages(first, end) for row in page]
        except (JournalDamaged, JournalUnreadable):
            for n in range(first, end):
                for page in self._reader.pages(n, n + 1):
                    yield from page

    def _check_leaf(self, row: EntryRow) -> None:
        n, hashed, subtrees, _, _, _, _, _, data = row
        if n != self._frontier.size:
            raise Failed(self._frontier.size, "leaf-missing")
        if not (isinstance(hashed, bytes) and isinstance(subtrees, bytes) and isinstance(data, bytes | None)):
            raise Failed(n, "leaf-hash")
        if data is None:
            self._count_pruned(n)
        else:
            if leaf_hash(data) != hashed:
                raise Failed(n, "leaf-hash")
            self._check_columns(row, data)
            self._follow(n, data)
        if self._frontier.push(hashed) != subtrees:
            raise Failed(n, "subtree")

    def _follow(self, n: int, data: bytes) -> None:
        try:
            self._walk.leaf(n, data)
        except NoteRefused:
            raise Failed(n, "rotation") from None

    def _check_columns(self, row: EntryRow, data: bytes) -> None:
        n, _, _, ts, kind, slot, item, subs, _ = row
        try:
            leaf = glance(data)
            named = b"".join([a2b_base64(sub["p"]) for sub in leaf.get("subs", ())])
        except (LeafRefused, LookupError, TypeError, ValueError):
            raise Failed(n, "leaf-form") from None
        if leaf.get("n") != n or leaf.get("dev") != self._device:
            raise Failed(n, "leaf-form")
        if leaf.get("ts") != ts or leaf.get("ev") != kind or leaf.get("slot") != slot or leaf.get("item") != item:
            raise Failed(n, "columns")
        if (named or None) != subs:
            raise Failed(n, "columns")

    def _count_pruned(self, n: int) -> None:
        if n >= self._scope.acknowledged:
            raise Failed(n, "payload-missing")
        self._pruned += 1
