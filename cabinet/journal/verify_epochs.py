"""The full check of a journal: each epoch by itself, and that each goes on from the one it names.

The first leaf of an epoch says size and root of the tree it goes on from. For the older file that is a trusted
checkpoint: it may hold more than that, never less, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from cabinet.journal import checkpoint, note
from cabinet.journal.checkpoint import Checkpoint
from cabinet.journal.errors import JournalDamaged, JournalMissing, NoteRefused
from cabinet.journal.key_walk import known_key, renamed, rotation_in
from cabinet.journal.note import Verifier
from cabinet.journal.opened import Opened, opened_by
from cabinet.journal.opening import epoch_number, epoch_origin
from cabinet.journal.reader import JournalReader
from cabinet.journal.revocation import Revocation
from cabinet.journal.sqlite_epoch import SqliteFolder
from cabinet.journal.tree import Frontier
from cabinet.journal.verdict import Result, Verdict
from cabinet.journal.verify import Aside, verify

_WORST_FIRST: Final[tuple[Result, ...]] = ("failed", "forked", "rolled-back", "unsealed-tail", "verified")
_LATER_EPOCH: Final = re.compile(r"/e[1-9][0-9]*\Z")

Progress = Callable[[int, int, int], None]
"""Epoch, leaves checked, all leaves of it."""


@dataclass(frozen=True, slots=True)
class EpochVerdict:
    """`opened` is what its first leaf says. `accounted`: it failed, and the epoch after it was opened for that reason
    and goes on from a part of it that is good."""

    epoch: int
    origin: str
    verdict: Verdict
    opened: Opened | None = None
    accounted: bool = False


@dataclass(frozen=True, slots=True)
class JournalVerdict:
    """Of each epoch that was checked, the oldest first."""

    epochs: tuple[EpochVerdict, ...]

    @property
    def deciding(self) -> EpochVerdict:
        """The epoch whose result is that of the whole: the worst one, the newest where all are alike."""
        counted = [one for one in self.epochs if not one.accounted] or list(self.epochs)
        return min(reversed(counted), key=lambda one: _WORST_FIRST.index(one.verdict.result))


def verify_epochs(
    folder: Path,
    known: Sequence[Verifier],
    *,
    epoch: int | None = None,
    trusted: bytes | None = None,
    revoked: Sequence[Revocation] = (),
    progress: Progress | None = None,
    aside: Aside | None = None,
) -> JournalVerdict:
    """Check all epochs of a folder, or the given one.

    `known` are keys of this log that somebody vouches for, of any of its epochs; one is enough as long as each key
    was followed by the next in order. `trusted` is an earlier signed checkpoint of any epoch, `aside` as for `verify`.
    Raises JournalMissing, JournalUnreadable, NoteRefused where `trusted` is of none of these epochs or not signed by a
    key of its own.
    """
    newest = newest_epoch(folder)
    if epoch is not None and not 1 <= epoch <= newest:
        raise JournalMissing(f"there is no epoch {epoch} in {folder}; the newest one is {newest}")
    journal = _Journal(folder, newest, known, trusted, revoked, progress, aside)
    return journal.run(journal.numbers() if epoch is None else [epoch])


def newest_epoch(folder: Path) -> int:
    """Number of the newest epoch that is known to have been. Raises JournalMissing where there was none."""
    newest = max(SqliteFolder(folder).newest_known(), *SqliteFolder(folder).epochs(), 0)
    if newest == 0:
        raise JournalMissing(f"there is no journal in {folder}; look for state_dir in the configuration")
    return newest


class _Journal:
    def __init__(
        self,
        folder: Path,
        newest: int,
        known: Sequence[Verifier],
        trusted: bytes | None,
        revoked: Sequence[Revocation],
        progress: Progress | None,
        aside: Aside | None,
    ) -> None:
        self._folder = folder
        self._known = known
        self._first = _LATER_EPOCH.sub("", known[0].name)
        self._trusted = trusted
        self._trusted_origin = None if trusted is None else checkpoint.parse(note.parse(trusted).text).origin
        self._revoked = revoked
        self._progress = progress
        self._aside = aside
        self._newest = newest
        self._there = frozenset(SqliteFolder(folder).epochs())
        self._publics = {key.public for key in known}
        self._opened: dict[int, Opened] = {}
        self._unopened = set[int]()
        self._rotated: dict[int, Verifier] = {}
        for number in range(1, newest + 1):
            self._look(number)
        self._key: Verifier | None = None
        self._claimed: list[int] = []
        self._unvouched: list[int] = []

    def numbers(self) -> list[int]:
        """All there have to be: a restore that went back to an older epoch has passed over those between."""
        restored = {number: one.old.origin for number, one in self._opened.items() if one.reason == "restored"}
        passed = {
            between
            for number, origin in restored.items()
            for between in range(2, number)
            if between not in self._there and epoch_number(origin) < between
        }
        return [number for number in range(1, self._newest + 1) if number not in passed]

    def run(self, numbers: Iterable[int]) -> JournalVerdict:
        verdicts = {number: self._epoch(number) for number in numbers}
        for number in self._unvouched + self._claimed:
            # No known key signed behind that one: the files alone say that it is right.
            failed = replace(verdicts[number].verdict, result="failed", failed_at=0, rule="checkpoint")
            verdicts[number] = replace(verdicts[number], verdict=failed, accounted=False)
        if self._trusted is not None and self._trusted_origin not in {one.origin for one in verdicts.values()}:
            raise NoteRefused(f"the trusted checkpoint is of {self._trusted_origin}, which is not checked here")
        return JournalVerdict(tuple(verdicts.values()))

    def _look(self, number: int) -> None:
        """What an epoch says of others, before any is checked."""
        try:
            with JournalReader(self._folder, number) as reader:
                first = next(reader.leaves(0, 1), None)
                rotated = _first_rotated(reader)
        except (JournalMissing, JournalDamaged):
            return
        if rotated is not None:
            self._rotated[number] = rotated
        if number > 1 and first is not None and isinstance(first.data, bytes):
            opened = opened_by(first.data)
            if opened is None:
                self._unopened.add(number)
            else:
                self._opened[number] = opened

    def _epoch(self, number: int) -> EpochVerdict:
        origin, opened = epoch_origin(self._first, number), self._opened.get(number)
        followers = [one for one in self._opened.values() if one.old.origin == origin]
        try:
            with JournalReader(self._folder, number) as reader:
                verdict = self._verify(reader, origin, [one.old for one in followers])
                accounted = verdict.result == "failed" and any(_accounts(one, verdict, reader) for one in followers)
        except JournalMissing:
            verdict, accounted = Verdict("failed", 0, -1, 0, "leaf-missing", 0), False
        except JournalDamaged:
            verdict, accounted = Verdict("failed", 0, -1, 0, "unreadable", 0), any(map(_gives_up, followers))
        if number in self._unopened and verdict.result != "failed":
            verdict = replace(verdict, result="failed", failed_at=0, rule="epoch")
        return EpochVerdict(number, origin, verdict, opened, accounted)

    def _verify(self, reader: JournalReader, origin: str, expected: list[Checkpoint]) -> Verdict:
        key, claimed = self._first_key(reader.epoch, origin)
        tell = self._progress
        verdict = verify(
            reader,
            key.vkey,
            trusted=self._trusted if self._trusted_origin == origin else None,
            expected=expected,
            revoked=self._revoked,
            progress=None if tell is None else lambda done, size: tell(reader.epoch, done, size),
            aside=self._aside,
        )
        self._claimed += [reader.epoch] if claimed else []
        keys = [Verifier.from_vkey(vkey) for vkey in verdict.keys]
        # Of the first key it is not known that it signed anything, of each other one it is.
        signed = keys if verdict.result != "failed" else keys[1:]
        if self._publics.intersection(key.public for key in signed):
            self._claimed.clear()
        self._key = keys[-1]
        return verdict

    def _first_key(self, number: int, origin: str) -> tuple[Verifier, bool]:
        """The key that begins this epoch, and whether only the files say so."""
        opened = self._opened.get(number)
        new_key = opened is not None and opened.new_key
        if self._key is not None and not new_key:
            return renamed(self._key, origin), bool(self._claimed)
        if opened is None or opened.old_vkey is None:
            self._unvouched += self._claimed
            self._claimed = []
        claimed = self._claimed_key(number)
        if claimed is not None:
            return renamed(claimed, origin), claimed.public not in self._publics
        return known_key(self._known, origin) or renamed(self._known[0], origin), False

    def _claimed_key(self, number: int) -> Verifier | None:
        """What the files say of it: the key that the first rotation follows, in this epoch or those behind it that
        began with its last key, or the one that was lost at their end."""
        for later in range(number, self._newest + 1):
            opened = self._opened.get(later)
            if later > number and opened is not None and opened.new_key:
                return _verifier(opened.old_vkey)
            if (rotated := self._rotated.get(later)) is not None:
                return rotated
        return None


def _verifier(vkey: str | None) -> Verifier | None:
    try:
        return None if vkey is None else Verifier.from_vkey(vkey)
    except NoteRefused:
        return None


def _first_rotated(reader: JournalReader) -> Verifier | None:
    """The key that the first rotation of this epoch follows."""
    try:
        for _, data, _ in reader.rotations():
            keys = rotation_in(data)
            return None if keys is None else keys[0]
    except (JournalDamaged, NoteRefused, TypeError):
        pass  # the check itself says where and how
    return None


def _gives_up(follower: Opened) -> bool:
    return follower.reason == "salvaged" and follower.old.size == 0


def _accounts(follower: Opened, verdict: Verdict, reader: JournalReader) -> bool:
    given_up = follower.reason == "salvaged" or follower.reason == verdict.rule == "key-revoked"
    if not given_up or verdict.failed_at is None or verdict.failed_at < follower.old.size:
        return False
    try:
        return Frontier.read(follower.old.size, reader.node).root() == follower.old.root
    except JournalDamaged:
        return False
