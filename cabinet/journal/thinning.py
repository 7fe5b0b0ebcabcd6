"""Which checkpoints are not needed any more once a cosigned one covers them. Pure.

Kept are: every cosigned one; the last of each hour and of each boot; those around a change of the signing key; and so
many of the others that two neighbours are at most 100 leaves and 32 kB apart, so that whatever is asked for again
can be sent in batches that end with a signed note."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Final

from cabinet.journal.epoch import Column, KeptNote
from cabinet.journal.tree import HASH_BYTES

APART_LEAVES: Final = 100
APART_BYTES: Final = 32_768
WINDOW: Final = 512
"""Leaves to look at in one step: longer than two neighbours may be apart, and the largest transaction behind it."""
BOOT: Final = "cabinet.started"
KEY_CHANGES: Final = frozenset({"signer.rotated"})
_HOUR_MS: Final = 3_600_000


def spare(notes: Sequence[KeptNote], leaves: Mapping[int, tuple[Column, int]]) -> list[int]:
    """Sizes of the notes between the first and the last of these that may go. `leaves` are those between the two, by
    index, with their bytes; where a payload is gone nothing more is known, and the note that ends there stays."""
    if len(notes) < 3:
        return []
    first = kept = notes[0].size
    lengths = (leaves[n][1] if n in leaves else HASH_BYTES for n in range(first, notes[-1].size))
    bytes_to = [0, *accumulate(lengths)]
    changes = [n for n, (one, _) in leaves.items() if one.kind in KEY_CHANGES]
    gone: list[int] = []
    for (before, note), (_, after) in pairwise(pairwise(notes)):
        apart = bytes_to[after.size - first] - bytes_to[kept - first]
        changed = any(before.size <= n < after.size for n in changes)
        if after.size - kept > APART_LEAVES or apart > APART_BYTES or changed or _stands(note, after, leaves):
            kept = note.size
        else:
            gone.append(note.size)
    return gone


def _stands(note: KeptNote, after: KeptNote, leaves: Mapping[int, tuple[Column, int]]) -> bool:
    last, follows, later = (leaves.get(n) for n in (note.size - 1, note.size, after.size - 1))
    if note.acked or last is None or follows is None or later is None:
        return True
    return follows[0].kind == BOOT or last[0].ts // _HOUR_MS != later[0].ts // _HOUR_MS
