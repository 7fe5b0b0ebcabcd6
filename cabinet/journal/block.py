"""A thousand leaves at a time: whether all is well with them, found with as little Python a leaf as can be.

What is not well, or only unusual, is left to the walk leaf by leaf in verify.py, which tells what it is.
"""

from __future__ import annotations

from binascii import b2a_base64
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from operator import add
from typing import Final

from cabinet.journal.rows import PEOPLE_MAX, PSEUDONYM_BYTES, BlockRows
from cabinet.journal.tree import Frontier, subtrees_of

LEAVES: Final = 1024
"""A power of two: a block is a subtree."""


@dataclass(frozen=True, slots=True)
class Block:
    """Leaves that are what their payloads, the inner hashes and the columns say."""

    before: Frontier
    levels: list[list[bytes]]
    pruned: int

    @property
    def after(self) -> Frontier:
        return self.at(self.before.size + len(self.levels[0]))

    def at(self, size: int) -> Frontier:
        """The frontier at a size from that before to that after this block."""
        count = size - self.before.size
        if count == LEAVES:
            blocks = _blocks(self.before)
            blocks.push(self.levels[-1][0])
            return Frontier(size, blocks.hashes)
        inner = [self.levels[level][index] for level, index in subtrees_of(0, count)]
        return Frontier(size, [*self.before.hashes, *inner])


def good_block(
    before: Frontier, count: int, rows: BlockRows, acknowledged: int, fits: Callable[[int], bool]
) -> Block | None:
    """The block of `count` leaves that follows `before`, whose size is a multiple of LEAVES. None: look closer.

    `fits` is asked of single leaves with more in them than is seen here, whether their columns are theirs."""
    stored, payloads, kept = rows
    if len(stored) != count or (len(payloads) < count and before.size + count > acknowledged):
        return None
    odd = [at for at, (_, subs, said, columns) in enumerate(payloads) if columns[:-1] + _people(subs) != said]
    if not all(fits(kept[at] if kept else before.size + at) for at in odd):
        return None
    hashes = [sha256(b"\x00" + leaf).digest() for leaf, _, _, _ in payloads]
    if len(payloads) < count:
        known = [hashed for hashed, _ in stored]
        if hashes != [known[n - before.size] for n in kept]:
            return None
        hashes = known
    levels = _levels(hashes)
    if stored != list(zip(hashes, _completed(before, levels), strict=True)):
        return None
    return Block(before, levels, count - len(payloads))


def _levels(hashes: list[bytes]) -> list[list[bytes]]:
    """Of the complete subtrees: the leaves, the pairs of them, and so on."""
    levels = [hashes]
    while len(below := levels[-1]) > 1:
        levels.append(
            [sha256(b"\x01" + left + right).digest() for left, right in zip(below[::2], below[1::2], strict=False)]
        )
    return levels


def _completed(before: Frontier, levels: list[list[bytes]]) -> list[bytes]:
    """For each leaf the hashes of the subtrees it completes, level 1 first, in one."""
    completed = [b""] * len(levels[0])
    for level, nodes in enumerate(levels[1:], 1):
        step = 1 << level
        completed[step - 1 :: step] = map(add, completed[step - 1 :: step], nodes)
    if len(completed) == LEAVES:
        completed[-1] += _blocks(before).push(levels[-1][0])
    return completed


def _blocks(before: Frontier) -> Frontier:
    """The same tree, with blocks for leaves."""
    return Frontier(before.size // LEAVES, before.hashes)


@lru_cache(maxsize=4096)
def _people(subs: bytes | None) -> str:
    """The pseudonyms of a leaf as `rows.block` spells them; of more people than it looks at, nothing it would spell."""
    people = [] if subs is None else [subs[at : at + PSEUDONYM_BYTES] for at in range(0, len(subs), PSEUDONYM_BYTES)]
    if len(people) > PEOPLE_MAX or subs == b"":
        return ""
    spelled = [f'"{b2a_base64(one, newline=False).decode()}"' for one in people]
    return f",{','.join([*spelled, *['null'] * (PEOPLE_MAX + 1 - len(spelled))])}]"
