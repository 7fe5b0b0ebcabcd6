"""The full check of an epoch, and what it ends in.

A long journal is checked by two processes where the caller lends one: the other one begins in the middle, from the
hashes that are stored there. What it found counts once the walk from the first leaf on has come to the same tree and
the same keys; otherwise that half is walked once more from there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from cabinet.journal import block, checkpoint, note
from cabinet.journal.check import Check, Outcome, Scope, Stand
from cabinet.journal.checkpoint import Checkpoint
from cabinet.journal.errors import JournalDamaged, JournalUnreadable, NoteRefused
from cabinet.journal.key_walk import KeyWalk, walked
from cabinet.journal.note import Verifier
from cabinet.journal.reader import JournalReader
from cabinet.journal.revocation import Revocation
from cabinet.journal.tree import Frontier
from cabinet.journal.verdict import Failed, Result, Verdict

HALVED_FROM: Final = 65_536
"""Leaves: fewer are checked sooner than another process is there."""
_FIRST_HALF: Final = 0.4
"""The lesser one: SQLite's check of its own file is done by the same process."""


@dataclass(frozen=True, slots=True)
class Half:
    """What the other process is given; `held`: this one has the writer's lock."""

    folder: Path
    epoch: int
    held: bool
    start: Stand
    end: int
    scope: Scope


class Pending(Protocol):
    def result(self) -> Outcome | None:
        """Waits for it. None: the process was lost."""
        ...

    def stop(self) -> None:
        """Whether or not it has ended."""
        ...


class Aside(Protocol):
    """Begins a function in a process of its own."""

    def __call__(self, function: Callable[[Half], Outcome], half: Half, /) -> Pending: ...


def verify(
    reader: JournalReader,
    vkey: str,
    *,
    trusted: bytes | None = None,
    expected: Sequence[Checkpoint] = (),
    revoked: Sequence[Revocation] = (),
    progress: Callable[[int, int], None] | None = None,
    aside: Aside | None = None,
) -> Verdict:
    """Check the leaves that are there when it starts; a daemon may go on writing meanwhile.

    `vkey` is the key that signs the first checkpoint; those that the journal rotates to follow from it. `trusted` is an
    earlier signed checkpoint of this journal: without one, a journal that was cut off and signed again by the device's
    own key verifies; `expected` are such checkpoints that somebody else vouches for. `progress` is called with leaves
    checked and all leaves. Blocks for seconds per million leaves; with `aside` two processes share them. Raises
    NoteRefused for a malformed `vkey`, and for a `trusted` that none of its keys signed.
    """
    walk = KeyWalk(Verifier.from_vkey(vkey), revoked)
    witnesses = [*expected, *(one.checkpoint for one in walk.revoked)]
    if trusted is not None:
        witnesses.append(checkpoint.parse(note.parse(trusted).text))
    verdict, walk = _Verification(reader, witnesses, progress or _silent, aside).run(walk, revoked)
    if trusted is not None and verdict.result != "failed" and not walk.vouches(trusted):
        raise NoteRefused("the trusted checkpoint is not signed by a key of this journal")
    return verdict


def check_half(half: Half) -> Outcome:
    """In the other process."""
    with JournalReader(half.folder, half.epoch, held=half.held) as reader:
        return Check(reader, half.start, half.end, half.scope).run(lambda done: None)


class _Verification:
    def __init__(
        self,
        reader: JournalReader,
        witnesses: Sequence[Checkpoint],
        progress: Callable[[int, int], None],
        aside: Aside | None,
    ) -> None:
        self._reader = reader
        self._size, self._sealed = reader.sizes()
        self._scope = Scope(self._sealed, reader.acknowledged(), tuple(witnesses))
        self._progress = progress
        self._aside = aside if self._size >= HALVED_FROM else None
        self._sound: bool | None = None

    def run(self, walk: KeyWalk, revoked: Sequence[Revocation]) -> tuple[Verdict, KeyWalk]:
        """The walk that is given back has met all keys."""
        middle = self._middle(walk.key, revoked)
        outcome = self._walked(walk) if middle is None else self._halved(walk, middle)
        return self._verdict(outcome), outcome.stand.walk

    def _walked(self, walk: KeyWalk) -> Outcome:
        return self._check(Stand(Frontier(), walk), self._size, lambda done: self._progress(done, self._size))

    def _check(self, start: Stand, end: int, progress: Callable[[int], None]) -> Outcome:
        return Check(self._reader, start, end, self._scope).run(progress)

    def _middle(self, first: Verifier, revoked: Sequence[Revocation]) -> Stand | None:
        """What is stored there; None where nobody begins there, or could."""
        at = int(self._size * _FIRST_HALF) // block.LEAVES * block.LEAVES
        if self._aside is None or at == 0:
            return None
        try:
            rotations = (one for one in self._reader.rotations() if one[0] < at)
            return Stand(Frontier.read(at, self._reader.node), walked(first, rotations, revoked), at)
        except (JournalDamaged, JournalUnreadable, NoteRefused):
            return None

    def _halved(self, walk: KeyWalk, middle: Stand) -> Outcome:
        assert self._aside is not None
        reader, at = self._reader, middle.frontier.size
        half = Half(reader.path.parent, reader.epoch, not reader.live, middle, self._size, self._scope)
        pending = self._aside(check_half, half)
        try:
            # The other one is about as far in its half.
            first = self._check(
                Stand(Frontier(), walk), at, lambda done: self._progress(done * self._size // at, self._size)
            )
            if first.failed is not None:
                return first
            self._is_sound()
            second = pending.result() if _same(first.stand, middle) else None
        finally:
            pending.stop()
        if second is None:
            second = self._check(first.stand, self._size, lambda done: self._progress(done, self._size))
        failed = second.failed
        if failed is not None and failed.rule in ("checkpoint", "key-revoked") and failed.n == at:
            failed = Failed(first.stand.good, failed.rule)
        return Outcome(second.stand, first.pruned + second.pruned, first.forked or second.forked, failed)

    def _is_sound(self) -> bool:
        """What SQLite says of its file; asked for once."""
        if self._sound is None:
            try:
                self._sound = self._reader.is_sound()
            except (JournalDamaged, JournalUnreadable):
                self._sound = False
        return self._sound

    def _verdict(self, outcome: Outcome) -> Verdict:
        keys = tuple(key.vkey for key in outcome.stand.walk.keys)
        failed = outcome.failed or self._failed(outcome.stand.frontier.size)
        if failed is not None:
            return Verdict("failed", self._size, self._sealed, failed.n, failed.rule, outcome.pruned, keys)
        result: Result = "unsealed-tail" if self._sealed < self._size else "verified"
        if outcome.forked:
            result = "forked"
        elif any(one.size > self._size for one in self._scope.witnesses):
            result = "rolled-back"
        return Verdict(result, self._size, self._sealed, None, None, outcome.pruned, keys)

    def _failed(self, checked: int) -> Failed | None:
        """What is wrong with the journal though every leaf is good."""
        if checked < self._sealed:
            return Failed(checked, "leaf-missing")
        if self._sealed < 0:
            return Failed(0, "checkpoint")
        if not self._is_sound():
            return Failed(self._size, "unreadable")
        try:
            return None if self._reader.is_as_made() else Failed(self._size, "schema")
        except (JournalDamaged, JournalUnreadable):
            return Failed(self._size, "unreadable")


def _same(one: Stand, other: Stand) -> bool:
    return one.frontier.serialise() == other.frontier.serialise() and one.walk.reigns == other.walk.reigns


def _silent(done: int, size: int) -> None:
    """No progress is wanted."""
