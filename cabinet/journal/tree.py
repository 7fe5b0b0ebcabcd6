"""The Merkle tree of RFC 6962, section 2.1: hashes, the growing frontier, proofs and their check.

A node stands at (level, index): level 0 are the leaf hashes, node (l, i) covers the leaves from i*2^l up to
(i+1)*2^l. Only complete subtrees are nodes; a reader of nodes is asked for nothing else. Proof checks follow
RFC 9162, sections 2.1.3.2 and 2.1.4.2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Final

from cabinet.journal.errors import ProofRefused

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = sha256(b"").digest()

NodeReader = Callable[[int, int], bytes]
"""The hash of the complete subtree at (level, index)."""


def leaf_hash(leaf: bytes) -> bytes:
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """The right edge of a tree: one complete subtree per set bit of its size, the largest first."""

    __slots__ = ("_hashes", "size")

    def __init__(self, size: int = 0, hashes: Iterable[bytes] = ()) -> None:
        """The tree of `size` leaves with these subtrees. Raises ValueError where they do not fit."""
        self.size = size
        self._hashes = list(hashes)
        if size < 0 or len(self._hashes) != size.bit_count():
            raise ValueError(f"a tree of {size} leaves has another number of subtrees than {len(self._hashes)}")
        if any(len(one) != HASH_BYTES for one in self._hashes):
            raise ValueError(f"a hash has {HASH_BYTES} bytes")

    @classmethod
    def read(cls, size: int, node: NodeReader) -> Frontier:
        """The frontier at `size` of a tree that has at least this many leaves."""
        return cls(size, [node(level, index) for level, index in subtrees_of(0, size)])

    @classmethod
    def parse(cls, data: bytes) -> Frontier:
        """What `serialise` wrote; raises ValueError for anything else."""
        if len(data) < 8 or (len(data) - 8) % HASH_BYTES:
            raise ValueError("a frontier is 8 bytes of size and 32 per subtree")
        hashes = [data[at : at + HASH_BYTES] for at in range(8, len(data), HASH_BYTES)]
        return cls(int.from_bytes(data[:8], "big"), hashes)

    def serialise(self) -> bytes:
        """The size in 8 bytes, big-endian, and the hashes."""
        return self.size.to_bytes(8, "big") + b"".join(self._hashes)

    @property
    def hashes(self) -> list[bytes]:
        """The roots of its complete subtrees, the largest first."""
        return list(self._hashes)

    def copy(self) -> Frontier:
        copied = Frontier()
        copied.size, copied._hashes = self.size, list(self._hashes)  # they have been looked at
        return copied

    def push(self, leaf: bytes) -> bytes:
        """Add one leaf hash. Returns the hashes of the subtrees it completes, level 1 first, in one."""
        hashes = self._hashes
        completed = b""
        size = self.size
        while size & 1:
            leaf = sha256(b"\x01" + hashes.pop() + leaf).digest()
            completed += leaf
            size >>= 1
        hashes.append(leaf)
        self.size += 1
        return completed

    def root(self) -> bytes:
        if not self._hashes:
            return EMPTY_ROOT
        root = self._hashes[-1]
        for left in reversed(self._hashes[:-1]):
            root = node_hash(left, root)
        return root


def inclusion(index: int, size: int, node: NodeReader) -> list[bytes]:
    """The proof that leaf `index` is in the tree of `size` leaves, the leaf's sibling first."""
    if not 0 <= index < size:
        raise ValueError(f"index {index} is not in a tree of {size} leaves")
    start, end, path = 0, size, []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(_root(middle, end, node))
            end = middle
        else:
            path.append(_root(start, middle, node))
            start = middle
    return path[::-1]


def consistency(old: int, new: int, node: NodeReader) -> list[bytes]:
    """The proof that the tree of `new` leaves starts with the tree of `old`."""
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {new} leaves does not extend one of {old}")
    if old in (0, new):
        return []
    start, end, path, whole = 0, new, [], True
    while end != old:
        middle = start + _split(end - start)
        if old <= middle:
            path.append(_root(middle, end, node))
            end = middle
        else:
            path.append(_root(start, middle, node))
            start, whole = middle, False
    if not whole:
        path.append(_root(start, end, node))
    return path[::-1]


def check_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Raises ProofRefused unless the leaf hash is at `index` of the tree of `size` leaves with this root."""
    if not 0 <= index < size:
        raise ProofRefused(f"index {index} is not in a tree of {size} leaves")
    at, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise ProofRefused("the inclusion proof is too long")
        if at & 1 or at == last:
            found = node_hash(sibling, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        at, last = at >> 1, last >> 1
    if last != 0 or found != root:
        raise ProofRefused(f"leaf {index} is not proven to be in the tree of {size} leaves")


def check_consistency(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    """Raises ProofRefused unless the tree of `new` leaves starts with the tree of `old`, roots as given."""
    if not 0 <= old <= new:
        raise ProofRefused(f"a tree of {new} leaves does not extend one of {old}")
    if old in (0, new):
        if proof or (old_root != EMPTY_ROOT if old == 0 else old_root != new_root):
            raise ProofRefused(f"the trees of {old} and {new} leaves contradict each other")
        return
    # A complete old tree is itself the first subtree of the new one; the proof does not repeat it.
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    if not path:
        raise ProofRefused("the consistency proof is too short")
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    old_found = new_found = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise ProofRefused("the consistency proof is too long")
        if at & 1 or at == last:
            old_found, new_found = node_hash(sibling, old_found), node_hash(sibling, new_found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            new_found = node_hash(new_found, sibling)
        at, last = at >> 1, last >> 1
    if last != 0 or old_found != old_root or new_found != new_root:
        raise ProofRefused(f"the tree of {new} leaves is not proven to start with the tree of {old}")


def _split(width: int) -> int:
    """The largest power of two below `width`."""
    return 1 << (width - 1).bit_length() - 1


def subtrees_of(start: int, end: int) -> list[tuple[int, int]]:
    """The complete subtrees that cover start..end, the largest first; `start` is where a split put it."""
    found = []
    while start < end:
        level = (end - start).bit_length() - 1
        found.append((level, start >> level))
        start += 1 << level
    return found


def _root(start: int, end: int, node: NodeReader) -> bytes:
    return Frontier(end - start, [node(level, index) for level, index in subtrees_of(start, end)]).root()
