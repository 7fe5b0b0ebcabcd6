"""The checkpoint of a tree (c2sp.org/tlog-checkpoint): the text that is signed as a note.

    cabinet.<site>/<device>
    <size>
    <base64 of the root hash>

Extension lines are refused: this product writes none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from cabinet.journal import b64, note
from cabinet.journal.errors import NoteRefused
from cabinet.journal.tree import HASH_BYTES

MAX_SIZE: Final = 2**53 - 1
_TEXT: Final = re.compile(r"([^\s+]+)\n(0|[1-9][0-9]{0,15})\n([A-Za-z0-9+/]{43}=)\n")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree's name, number of leaves and root hash."""

    origin: str
    size: int
    root: bytes

    def text(self) -> str:
        return f"{self.origin}\n{self.size}\n{b64.encode(self.root)}\n"

    def signed(self, signer: note.Signer, successor: note.Signer | None = None) -> bytes:
        """The signed note; the signer's name is the origin. A successor signs too where it takes over."""
        text = self.text()
        signers = (signer,) if successor is None else (signer, successor)
        assert [one.name for one in signers] == [self.origin] * len(signers)
        return note.Note(text, tuple([one.sign(text) for one in signers])).encode()


def parse(text: str) -> Checkpoint:
    """The text of a note as a checkpoint. Raises NoteRefused."""
    match = _TEXT.fullmatch(text)
    if match is None:
        raise NoteRefused("a checkpoint is three lines: origin, size, base64 of the root hash")
    size = int(match[2])
    try:
        root = b64.decode(match[3])
    except ValueError:
        raise NoteRefused("the root hash of the checkpoint is not base64") from None
    assert len(root) == HASH_BYTES
    if size > MAX_SIZE:
        raise NoteRefused("the size of the checkpoint is above 2^53")
    return Checkpoint(match[1], size, root)


def read(data: bytes, verifier: note.Verifier) -> Checkpoint:
    """The checkpoint in a note that this key signed under the name of its origin. Raises NoteRefused."""
    signed = note.parse(data)
    verifier.check(signed)
    checkpoint = parse(signed.text)
    if checkpoint.origin != verifier.name:
        raise NoteRefused(f"the checkpoint is of {checkpoint.origin}, its key is named {verifier.name}")
    return checkpoint
