"""From one known key of a log to those that came after it.

A leaf `signer.rotated` names the key that signs from then on, and the note of its transaction is signed by both: the
old key vouches for the new one, and the new one is there. A key is followed forward only; what a later key says of an
earlier one proves nothing. In a new epoch the same key signs under the name of the new origin.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from cabinet.journal import checkpoint, note
from cabinet.journal.checkpoint import Checkpoint
from cabinet.journal.errors import KeyRevoked, LeafRefused, NoteRefused
from cabinet.journal.leaf import glance
from cabinet.journal.note import ED25519, Note, Verifier
from cabinet.journal.revocation import Revocation

ROTATED: Final = "signer.rotated"
Rotation: TypeAlias = tuple[int, bytes, bytes]
"""A leaf that rotates the key, its index before it, and the note of its transaction behind it."""
MARK: Final = b'"ev":"signer.rotated"'
"""Stands in every such leaf."""


def rotation_in(data: bytes) -> tuple[Verifier, Verifier] | None:
    """The old and the new key, where the leaf is a rotation. Raises NoteRefused for one that names no two keys."""
    if MARK not in data:
        return None
    try:
        leaf = glance(data)
    except LeafRefused as error:
        raise NoteRefused(str(error)) from None
    return _keys(leaf) if leaf.get("ev") == ROTATED else None


def walked(first: Verifier, rotations: Iterable[Rotation], revoked: Sequence[Revocation] = ()) -> KeyWalk:
    """Through all rotations of a log without its other leaves. Raises NoteRefused."""
    walk = KeyWalk(first, revoked)
    for n, leaf, signed in rotations:
        walk.leaf(n, leaf)
        walk.check(signed)
    return walk


def renamed(key: Verifier, origin: str) -> Verifier:
    """The same key for another epoch: its name follows the origin."""
    return key if key.name == origin else Verifier(origin, key.kind, key.public)


def known_key(known: Iterable[Verifier], origin: str) -> Verifier | None:
    """The log key of this origin among those that are known."""
    return next((key for key in known if key.name == origin and key.kind == ED25519), None)


@dataclass(slots=True)
class _Reign:
    """`key` signs every size from `since` to `until`; both of them sign where two meet."""

    key: Verifier
    since: int
    until: int | None = None

    def covers(self, size: int) -> bool:
        return self.since <= size and (self.until is None or size <= self.until)


class KeyWalk:
    """The keys of one origin, in step with its leaves: `leaf` hears each of them, `check` the notes between.

    What was passed can be checked once more, in any order."""

    def __init__(self, first: Verifier, revoked: Sequence[Revocation] = ()) -> None:
        """`first` signs from the beginning, its name is the origin. Raises NoteRefused for a key of another kind."""
        if first.kind != ED25519:
            raise NoteRefused(f"{first.name} is not the key of a log")
        self.origin = first.name
        self._reigns = [_Reign(first, 0)]
        self._due: tuple[int, Verifier] | None = None
        self._all_revoked = revoked
        self._revoked = {one.public: one for one in revoked if one.origin == first.name}
        self._gone = {one.public for one in revoked if one.before(first.name)}

    @property
    def revoked(self) -> list[Revocation]:
        """Of keys of this origin."""
        return list(self._revoked.values())

    @property
    def key(self) -> Verifier:
        """Signs what comes next."""
        return self._reigns[-1].key

    @property
    def keys(self) -> list[Verifier]:
        """All that were met, oldest first."""
        return [reign.key for reign in self._reigns]

    @property
    def reigns(self) -> list[tuple[int, int | None, bytes]]:
        """From which size to which each key signs; a key that is due has no end before it."""
        met = [(reign.since, reign.until, reign.key.public) for reign in self._reigns]
        return met if self._due is None else [*met, (self._due[0], None, self._due[1].public)]

    @property
    def rotations(self) -> list[int]:
        """The sizes at which two keys signed."""
        return [reign.since for reign in self._reigns[1:]]

    def leaf(self, n: int, data: bytes) -> None:
        """The next leaf. Raises NoteRefused for a rotation that does not go on from the key that signs here."""
        keys = rotation_in(data)
        if keys is None:
            return
        old, new = keys
        if self._due is not None:
            raise NoteRefused(f"leaf {n} rotates the key, and leaf {self._due[0]} of the same transaction does too")
        if old.public != self.key.public:
            raise NoteRefused(f"leaf {n} rotates key {old.key_id.hex()}, and {self.key.key_id.hex()} signs here")
        if any(new.public == reign.key.public for reign in self._reigns):
            raise NoteRefused(f"leaf {n} goes back to key {new.key_id.hex()}")
        self._due = (n, renamed(new, self.origin))

    def check(self, data: bytes) -> Checkpoint:
        """The checkpoint in a note that exactly the keys of its size signed. Raises NoteRefused."""
        signed = note.parse(data)
        found = checkpoint.parse(signed.text)
        if found.origin != self.origin:
            raise NoteRefused(f"the checkpoint is of {found.origin}, and not of {self.origin}")
        if self._due is not None and found.size > self._due[0]:
            self._turn(signed, found)
        self._check_signed(signed, found)
        return found

    def vouches(self, data: bytes) -> bool:
        """Whether any key that was met signed this note of the log, whatever its size."""
        try:
            signed = note.parse(data)
            if checkpoint.parse(signed.text).origin != self.origin:
                return False
        except NoteRefused:
            return False
        return any(key.signed(signed) for key in self.keys)

    def next(self, origin: str) -> KeyWalk:
        """The walk of the epoch after this one, which its last key begins."""
        return KeyWalk(renamed(self.key, origin), self._all_revoked)

    def _turn(self, signed: Note, found: Checkpoint) -> None:
        """The first note behind a rotation."""
        assert self._due is not None
        new = self._due[1]
        for key in (self.key, new):
            key.check(signed)
        self._reigns[-1].until = found.size
        self._reigns.append(_Reign(new, found.size))
        self._due = None

    def _check_signed(self, signed: Note, found: Checkpoint) -> None:
        keys = [reign.key for reign in self._reigns if reign.covers(found.size)]
        for key in keys:
            key.check(signed)
            if key.public in self._gone:
                raise KeyRevoked(f"key {key.key_id.hex()} was revoked in an earlier epoch")
            revoked = self._revoked.get(key.public)
            if revoked is not None:
                revoked.check(found)
        ids = {key.key_id for key in keys}
        for line in signed.signatures:
            if line.name == self.origin and line.key_id not in ids:
                raise NoteRefused(
                    f"size {found.size} is signed by key {line.key_id.hex()} too, which does not sign here"
                )


def _keys(leaf: Mapping[str, object]) -> tuple[Verifier, Verifier]:
    old, new = (Verifier.from_vkey(str(leaf.get(name))) for name in ("old", "vkey"))
    if (old.kind, new.kind) != (ED25519, ED25519) or old.name != new.name:
        raise NoteRefused("a rotation names two keys of one log")
    return old, new
