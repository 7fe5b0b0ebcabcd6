"""The word of whoever answers for all cabinets that a log's key is not to be trusted any more: a signed note of five
lines, by the fleet key.

    key revocation v1
    <origin>
    <verifier key of the log>
    <size>
    <base64 of the root hash at that size>

Whoever has the stolen key can sign any tree, one of an earlier size as well. So the note names the last tree that is
good: what continues it by that key counts for nothing, and what it begins with stays as good as it was.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from cabinet.journal import b64, note
from cabinet.journal.checkpoint import MAX_SIZE, Checkpoint
from cabinet.journal.errors import KeyRevoked, NoteRefused
from cabinet.journal.note import ED25519, Note, Signer, Verifier
from cabinet.journal.tree import HASH_BYTES

_HEAD: Final = "key revocation v1"
_EPOCH: Final = re.compile(r"([^/]+/[^/]+)(?:/e([1-9][0-9]{0,5}))?")
_TEXT: Final = re.compile(
    r"key revocation v1\n([^\s+]+)\n([^\s+]+\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+)\n"
    r"(0|[1-9][0-9]{0,15})\n([A-Za-z0-9+/]{43}=)\n"
)


@dataclass(frozen=True, slots=True)
class Revocation:
    """`vkey` is trusted up to this checkpoint of its log, and no further."""

    vkey: str
    checkpoint: Checkpoint

    @property
    def origin(self) -> str:
        return self.checkpoint.origin

    @property
    def size(self) -> int:
        return self.checkpoint.size

    @property
    def public(self) -> bytes:
        return Verifier.from_vkey(self.vkey).public

    def before(self, origin: str) -> bool:
        """Whether it is of an earlier epoch of the same log: in this one the key signs nothing."""
        mine, theirs = (_EPOCH.fullmatch(name) for name in (self.origin, origin))
        if mine is None or theirs is None or mine[1] != theirs[1]:
            return False
        return int(mine[2] or 1) < int(theirs[2] or 1)

    def text(self) -> str:
        known = self.checkpoint
        return f"{_HEAD}\n{known.origin}\n{self.vkey}\n{known.size}\n{b64.encode(known.root)}\n"

    def signed(self, fleet: Signer) -> bytes:
        return Note(self.text(), (fleet.sign(self.text()),)).encode()

    def check(self, found: Checkpoint) -> None:
        """Raises KeyRevoked for a checkpoint by the revoked key that goes beyond the known one, or is another."""
        if found.size > self.size:
            raise KeyRevoked(f"key {self.vkey.split('+')[1]} is revoked from size {self.size} on")
        if found.size == self.size and found.root != self.checkpoint.root:
            raise KeyRevoked(f"the tree of {found.size} leaves is not the one up to which its key is good")


def read(data: bytes, fleet: Verifier) -> Revocation:
    """The revocation in a note that the fleet key signed. Raises NoteRefused."""
    signed = note.parse(data)
    fleet.check(signed)
    match = _TEXT.fullmatch(signed.text)
    if match is None:
        raise NoteRefused("a revocation is five lines: its head, origin, verifier key, size, base64 of the root hash")
    key, size = Verifier.from_vkey(match[2]), int(match[3])
    if key.kind != ED25519 or key.name != match[1]:
        raise NoteRefused(f"the revoked key is of {key.name}, and not of {match[1]}")
    try:
        root = b64.decode(match[4])
    except ValueError:
        raise NoteRefused("the root hash of the revocation is not base64") from None
    if size > MAX_SIZE or len(root) != HASH_BYTES:
        raise NoteRefused("the size of the revocation is above 2^53")
    return Revocation(key.vkey, Checkpoint(match[1], size, root))
