"""The full check of an epoch: every payload is hashed again, every stored hash, column and note compared."""

from __future__ import annotations

from binascii import a2b_base64
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from cabinet.journal import block, checkpoint, note
from cabinet.journal.block import Block
from cabinet.journal.checkpoint import Checkpoint
from cabinet.journal.epoch import EntryRow
from cabinet.journal.errors import JournalDamaged, JournalUnreadable, KeyRevoked, LeafRefused, NoteRefused
from cabinet.journal.key_walk import KeyWalk
from cabinet.journal.leaf import glance
from cabinet.journal.note import Verifier
from cabinet.journal.reader import JournalReader
from cabinet.journal.revocation import Revocation
from cabinet.journal.tree import Frontier, leaf_hash
from cabinet.journal.verdict import Failed, Result, Rule, Verdict


def verify(
    reader: JournalReader,
    vkey: str,
    *,
    trusted: bytes | None = None,
    expected: Sequence[Checkpoint] = (),
    revoked: Sequence[Revocation] = (),
    progress: Callable[[int, int], None] | None = None,
) -> Verdict:
    """Check the leaves that are there when it starts; a daemon may go on writing meanwhile.

    `vkey` is the key that signs the first checkpoint; those that the journal rotates to follow from it. `trusted` is an
    earlier signed checkpoint of this journal: without one, a journal that was cut off and signed again by the device's
    own key verifies; `expected` are such checkpoints that somebody else vouches for. `progress` is called with leaves
    checked and all leaves. Blocks for seconds per million leaves. Raises NoteRefused for a malformed `vkey`, and for a
    `trusted` that none of its keys signed.
    """
    walk = KeyWalk(Verifier.from_vkey(vkey), revoked)
    witnesses = [*expected, *(one.checkpoint for one in walk.revoked)]
    if trusted is not None:
        witnesses.append(checkpoint.parse(note.parse(trusted).text))
    verdict = _Check(reader, walk, witnesses).run(progress or _silent)
    if trusted is not None and verdict.result != "failed" and not walk.vouches(trusted):
        raise NoteRefused("the trusted checkpoint is not signed by a key of this journal")
    return verdict


Note: TypeAlias = tuple[int, bytes]
"""The size a note is kept under, and its bytes."""


class _Check:
    """One run over the file, in step with its notes; stops at the first thing that is wrong."""

    def __init__(self, reader: JournalReader, walk: KeyWalk, witnesses: Sequence[Checkpoint]) -> None:
        self._reader = reader
        self._walk = walk
        self._device = walk.origin.split("/")[1] if "/" in walk.origin else ""
        self._witnesses = witnesses
        self._frontier = Frontier()
        self._notes: Iterator[Note] = iter(())
        self._due: Note | None = None
        self._good = 0
        self._pruned = 0
        self._forked = False
        self._size, self._sealed = reader.sizes()
        self._acknowledged = reader.acknowledged()

    def run(self, progress: Callable[[int, int], None]) -> Verdict:
        try:
            self._check_all(progress)
            if not self._reader.is_sound():
                raise Failed(self._size, "unreadable")
            if not self._reader.is_as_made():
                raise Failed(self._size, "schema")
        except Failed as failure:
            return self._verdict("failed", failure.n, failure.rule)
        except (JournalDamaged, JournalUnreadable):
            return self._verdict("failed", self._frontier.size, "unreadable")
        if self._forked:
            return self._verdict("forked")
        if any(one.size > self._size for one in self._witnesses):
            return self._verdict("rolled-back")
        return self._verdict("unsealed-tail" if self._sealed < self._size else "verified")

    def _verdict(self, result: Result, failed_at: int | None = None, rule: Rule | None = None) -> Verdict:
        keys = tuple(key.vkey for key in self._walk.keys)
        return Verdict(result, self._size, self._sealed, failed_at, rule, self._pruned, keys)

    def _check_all(self, progress: Callable[[int, int], None]) -> None:
        self._notes = self._reader.checkpoints()
        self._due = next(self._notes, None)
        self._check_size(self._frontier)
        while (first := self._frontier.size) < self._size:
            end = min(self._size, first + block.LEAVES)
            found = self._block(first, end)
            if found is None:
                self._check_leaves(first, end)
            else:
                self._pruned += found.pruned
                self._check_sizes(found)
                self._frontier = found.after
            progress(end, self._size)
        if self._frontier.size < self._sealed:
            raise Failed(self._frontier.size, "leaf-missing")
        if self._sealed < 0:
            raise Failed(0, "checkpoint")

    def _block(self, first: int, end: int) -> Block | None:
        try:
            rows = self._reader.block(first, end, self._device)
        except (JournalDamaged, JournalUnreadable):
            return None  # not JSON, or not readable: leaf by leaf it is told apart
        try:
            return block.good_block(self._frontier, end - first, rows, self._acknowledged)
        except TypeError:
            return None  # a broken row has values of any type

    def _check_sizes(self, found: Block) -> None:
        """What is said of the sizes in a good block."""
        first, end = self._frontier.size, found.after.size
        for one in self._witnesses:
            if first < one.size <= end:
                self._compare(one, found.at(one.size))
        while self._due is not None and self._due[0] <= end:
            self._check_note(self._due, found.at(self._due[0]))

    def _check_size(self, frontier: Frontier) -> None:
        """What is said of the present size."""
        for one in self._witnesses:
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
        if n >= self._acknowledged:
            raise Failed(n, "payload-missing")
        self._pruned += 1


def _silent(done: int, size: int) -> None:
    """No progress is wanted."""
