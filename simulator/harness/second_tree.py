"""The journal's tree and notes once more, written for the simulation alone: what verifies must not share a mistake
with what is verified."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from hashlib import sha256


class SecondTree:
    """Roots of whole subtrees by their height, and the root over them."""

    def __init__(self) -> None:
        self.size = 0
        self._parts: list[tuple[int, bytes]] = []

    def copy(self) -> SecondTree:
        other = SecondTree()
        other.size, other._parts = self.size, list(self._parts)
        return other

    def add(self, leaf: bytes) -> None:
        self.add_hash(leaf_hash(leaf))

    def add_hash(self, hashed: bytes) -> None:
        """Of a leaf."""
        self.size += 1
        self._parts.append((0, hashed))
        while len(self._parts) > 1 and self._parts[-1][0] == self._parts[-2][0]:
            (height, right), (_, left) = self._parts.pop(), self._parts.pop()
            self._parts.append((height + 1, sha256(b"\1" + left + right).digest()))

    @property
    def root(self) -> bytes:
        if not self._parts:
            return sha256(b"").digest()
        root = self._parts[-1][1]
        for _, left in self._parts[-2::-1]:
            root = sha256(b"\1" + left + root).digest()
        return root


def leaf_hash(leaf: bytes) -> bytes:
    return sha256(b"\0" + leaf).digest()


@dataclass(frozen=True, slots=True)
class ReadNote:
    """`text` is what is signed; of each signature line name, key id and signature."""

    text: str
    origin: str
    size: int
    root: bytes
    signatures: tuple[tuple[str, bytes, bytes], ...]


def parse_note(note: bytes) -> ReadNote:
    """Of a good checkpoint."""
    text, _, lines = note.decode().partition("\n\n")
    origin, size, root = text.split("\n")
    signatures = []
    for line in lines.splitlines():
        _, name, blob = line.split(" ")
        signed = base64.b64decode(blob)
        signatures.append((name, signed[:4], signed[4:]))
    return ReadNote(f"{text}\n", origin, int(size), base64.b64decode(root), tuple(signatures))
