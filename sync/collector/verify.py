"""The full check of one origin: every leaf is hashed again, every stored hash and note compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from cabinet.journal import checkpoint, note
from cabinet.journal.checkpoint import Checkpoint
from cabinet.journal.errors import NoteRefused
from cabinet.journal.note import ED25519, Verifier
from cabinet.journal.tree import Frontier, leaf_hash
from sync.collector.reading import Origin

Result: TypeAlias = Literal["verified", "behind", "failed"]
Rule: TypeAlias = Literal[
    "leaf-missing",  # an index is skipped, or the checkpoint counts another number of leaves
    "leaf-hash",  # the bytes do not hash to the stored leaf hash
    "subtree",  # a stored inner hash is not that of its leaves
    "checkpoint",  # the cabinet's note is malformed, of another root, or not signed by a pinned key
    "key-revoked",  # held behind the size up to which its key is trusted
    "cosignature",  # the acknowledgement is malformed, of another root, or not by our key
]
NOTHING: Final = Checkpoint("", 0, b"")


@dataclass(frozen=True, slots=True)
class Verdict:
    """`behind`: something was cosigned beyond what is held, so the database was lost or restored."""

    origin: str
    result: Result
    size: int
    cosigned: int
    failed_at: int | None
    rule: Rule | None
    pruned: int


def verify(origin: Origin, cosigner: Verifier) -> Verdict:
    """Blocks for seconds per million leaves. Raises JournalDamaged, JournalUnreadable."""
    return _Check(origin, cosigner).run()


class _Failed(Exception):
    def __init__(self, n: int, rule: Rule) -> None:
        super().__init__(n, rule)
        self.n = n
        self.rule = rule


class _Check:
    def __init__(self, origin: Origin, cosigner: Verifier) -> None:
        self._origin = origin
        self._cosigner = cosigner
        self._frontier = Frontier()
        self._pruned = 0
        self._size = origin.size
        self._ack = NOTHING

    def run(self) -> Verdict:
        try:
            self._ack = self._read_ack()
            self._check_leaves()
            self._check_checkpoint()
            self._check_revoked()
        except _Failed as failure:
            return self._verdict("failed", failure.n, failure.rule)
        return self._verdict("behind" if self._ack.size > self._size else "verified")

    def _verdict(self, result: Result, failed_at: int | None = None, rule: Rule | None = None) -> Verdict:
        name = self._origin.name
        return Verdict(name, result, self._size, self._ack.size, failed_at, rule, self._pruned)

    def _read_ack(self) -> Checkpoint:
        data = self._origin.newest_ack()
        if data is None:
            return NOTHING
        try:
            signed = note.parse(data)
            self._cosigner.check(signed)
            return self._own(checkpoint.parse(signed.text))
        except NoteRefused:
            raise _Failed(0, "cosignature") from None

    def _check_leaves(self) -> None:
        for _, n, hashed, subtrees, data in self._origin.pages(0, self._size):
            if n != self._frontier.size:
                raise _Failed(self._frontier.size, "leaf-missing")
            if data is None:
                self._pruned += 1
            elif leaf_hash(data) != hashed:
                raise _Failed(n, "leaf-hash")
            if self._frontier.push(hashed) != subtrees:
                raise _Failed(n, "subtree")
            if self._frontier.size == self._ack.size and self._frontier.root() != self._ack.root:
                raise _Failed(n, "cosignature")
        if self._frontier.size != self._size:
            raise _Failed(self._frontier.size, "leaf-missing")

    def _check_checkpoint(self) -> None:
        if self._size == 0:
            return
        try:
            signed = note.parse(self._origin.checkpoint())
            found = self._own(checkpoint.parse(signed.text))
            self._check_signed(signed)
        except NoteRefused:
            raise _Failed(self._size, "checkpoint") from None
        if found.size != self._size:
            raise _Failed(min(found.size, self._size), "leaf-missing")
        if found.root != self._frontier.root():
            raise _Failed(self._size, "checkpoint")

    def _check_revoked(self) -> None:
        if self._size == 0:
            return
        signed = note.parse(self._origin.checkpoint())
        for public, size in self._origin.revoked():
            if size < self._size and Verifier(self._origin.name, ED25519, public).signed(signed):
                raise _Failed(size, "key-revoked")

    def _check_signed(self, signed: note.Note) -> None:
        for public in self._origin.pinned():
            try:
                Verifier(self._origin.name, ED25519, public).check(signed)
            except NoteRefused:
                continue
            return
        raise NoteRefused("not signed by a pinned key")

    def _own(self, found: Checkpoint) -> Checkpoint:
        if found.origin != self._origin.name:
            raise NoteRefused(f"the checkpoint is of {found.origin}")
        return found
