"""The full check of a journal: every payload is hashed again, every stored hash and note compared."""

from __future__ import annotations

from binascii import a2b_base64
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from cabinet.journal import checkpoint, note
from cabinet.journal.checkpoint import Checkpoint
from cabinet.journal.epoch import EntryRow
from cabinet.journal.errors import JournalDamaged, JournalUnreadable, KeyRevoked, LeafRefused, NoteRefused
from cabinet.journal.key_walk import KeyWalk
from cabinet.journal.leaf import glance
from cabinet.journal.note import Verifier
from cabinet.journal.reader import JournalReader
from cabinet.journal.revocation import Revocation
from cabinet.journal.tree import Frontier, leaf_hash

Result: TypeAlias = Literal["verified", "unsealed-tail", "failed", "rolled-back", "forked"]
Rule: TypeAlias = Literal[
    "leaf-missing",  # an index is skipped, or leaves that a checkpoint counts are not there
    "leaf-hash",  # the payload does not hash to the stored leaf hash
    "leaf-form",  # the payload is no leaf of this index and device
    "payload-missing",  # pruned although upstream does not hold it
    "subtree",  # a stored inner hash is not that of its leaves
    "columns",  # time, kind, slot, item or pseudonyms beside the payload differ from it
    "rotation",  # a leaf names another key than the one that signs there, or no new one
    "key-revoked",  # signed by a revoked key, beyond the size up to which it is trusted
    "checkpoint",  # a kept note is malformed, of another size or root, or not signed by the key that is due
    "unreadable",  # the database itself is broken, one of its indexes perhaps
]


@dataclass(frozen=True, slots=True)
class Verdict:
    """`sealed` leaves are covered by the newest checkpoint; a failure names the first leaf not known to be good."""

    result: Result
    size: int
    sealed: int
    failed_at: int | None
    rule: Rule | None
    pruned: int


def verify(
    reader: JournalReader,
    vkey: str,
    *,
    trusted: bytes | None = None,
    revoked: Sequence[Revocation] = (),
    progress: Callable[[int, int], None] | None = None,
) -> Verdict:
    """Check the leaves that are there when it starts; a daemon may go on writing meanwhile.

    `vkey` is the key that signs the first checkpoint; those that the journal rotates to follow from it. `trusted` is an
    earlier signed checkpoint of this journal: without one, a journal that was cut off and signed
    again by the device's own key verifies. `progress` is called with leaves checked and all leaves. Blocks for
    seconds per million leaves. Raises NoteRefused for a malformed `vkey`, and for a `trusted` that none of its
    keys signed.
    """
    walk = KeyWalk(Verifier.from_vkey(vkey), revoked)
    witness = None if trusted is None else checkpoint.parse(note.parse(trusted).text)
    verdict = _Check(reader, walk, witness).run(progress or _silent)
    if trusted is not None and verdict.result != "failed" and not walk.vouches(trusted):
        raise NoteRefused("the trusted checkpoint is not signed by a key of this journal")
    return verdict


Note: TypeAlias = tuple[int, bytes]
"""The size a note is kept under, and its bytes."""


class _Failed(Exception):
    def __init__(self, n: int, rule: Rule) -> None:
        super().__init__(n, rule)
        self.n = n
        self.rule = rule


class _Check:
    """One run over the file, in step with its notes; stops at the first thing that is wrong."""

    def __init__(self, reader: JournalReader, walk: KeyWalk, trusted: Checkpoint | None) -> None:
        self._reader = reader
        self._walk = walk
        self._device = walk.origin.split("/")[1] if "/" in walk.origin else ""
        self._trusted = [one.checkpoint for one in walk.revoked] + ([] if trusted is None else [trusted])
        self._frontier = Frontier()
        self._good = 0
        self._pruned = 0
        self._forked = False
        self._size, self._sealed = reader.sizes()
        self._acknowledged = reader.acknowledged()

    def run(self, progress: Callable[[int, int], None]) -> Verdict:
        try:
            self._check_leaves(progress)
            if not self._reader.is_sound():
                raise _Failed(self._size, "unreadable")
        except _Failed as failure:
            return self._verdict("failed", failure.n, failure.rule)
        except (JournalDamaged, JournalUnreadable):
            return self._verdict("failed", self._frontier.size, "unreadable")
        if self._forked:
            return self._verdict("forked")
        if any(one.size > self._size for one in self._trusted):
            return self._verdict("rolled-back")
        return self._verdict("unsealed-tail" if self._sealed < self._size else "verified")

    def _verdict(self, result: Result, failed_at: int | None = None, rule: Rule | None = None) -> Verdict:
        return Verdict(result, self._size, self._sealed, failed_at, rule, self._pruned)

    def _check_leaves(self, progress: Callable[[int, int], None]) -> None:
        notes = self._reader.checkpoints()
        due = self._check_notes(notes, next(notes, None))
        for page in self._reader.pages(0, self._size):
            for row in page:
                self._check_leaf(row)
                if due is not None and due[0] <= self._frontier.size:
                    due = self._check_notes(notes, due)
                if self._trusted:
                    self._compare()
            progress(self._frontier.size, self._size)
        if self._frontier.size < max(self._size, self._sealed):
            raise _Failed(self._frontier.size, "leaf-missing")
        if self._sealed < 0:
            raise _Failed(0, "checkpoint")

    def _compare(self) -> None:
        for one in self._trusted:
            if one.size == self._frontier.size and one.root != self._frontier.root():
                self._forked = True

    def _check_notes(self, notes: Iterator[Note], due: Note | None) -> Note | None:
        """Check every note up to the present size, and give the next one."""
        while due is not None and due[0] <= self._frontier.size:
            try:
                signed = self._walk.check(due[1])
            except KeyRevoked:
                raise _Failed(self._good, "key-revoked") from None
            except NoteRefused:
                raise _Failed(self._good, "checkpoint") from None
            if (signed.size, signed.root) != (due[0], self._frontier.root()) or due[0] != self._frontier.size:
                raise _Failed(self._good, "checkpoint")
            self._good = due[0]
            due = next(notes, None)
        return due

    def _check_leaf(self, row: EntryRow) -> None:
        n, hashed, subtrees, _, _, _, _, _, data = row
        if n != self._frontier.size:
            raise _Failed(self._frontier.size, "leaf-missing")
        if data is None:
            self._count_pruned(n)
        else:
            if leaf_hash(data) != hashed:
                raise _Failed(n, "leaf-hash")
            self._check_columns(row, data)
            self._follow(n, data)
        if self._frontier.push(hashed) != subtrees:
            raise _Failed(n, "subtree")

    def _follow(self, n: int, data: bytes) -> None:
        try:
            self._walk.leaf(n, data)
        except NoteRefused:
            raise _Failed(n, "rotation") from None

    def _check_columns(self, row: EntryRow, data: bytes) -> None:
        n, _, _, ts, kind, slot, item, subs, _ = row
        try:
            leaf = glance(data)
            named = b"".join([a2b_base64(sub["p"]) for sub in leaf.get("subs", ())])
        except (LeafRefused, LookupError, TypeError, ValueError):
            raise _Failed(n, "leaf-form") from None
        if leaf.get("n") != n or leaf.get("dev") != self._device:
            raise _Failed(n, "leaf-form")
        if leaf.get("ts") != ts or leaf.get("ev") != kind or leaf.get("slot") != slot or leaf.get("item") != item:
            raise _Failed(n, "columns")
        if named != (subs or b""):
            raise _Failed(n, "columns")

    def _count_pruned(self, n: int) -> None:
        if n >= self._acknowledged:
            raise _Failed(n, "payload-missing")
        self._pruned += 1


def _silent(done: int, size: int) -> None:
    """No progress is wanted."""
