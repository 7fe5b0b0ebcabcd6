"""Upstream's word that it holds a tree: which acknowledgements count, and which prove a second life of this log.

An acknowledgement is the note of one of our checkpoints with two signatures: our own, and a cosignature by a
delivery key, whose operator states that it stores all leaves. Its time decides nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from cabinet.journal import checkpoint, note
from cabinet.journal.checkpoint import Checkpoint
from cabinet.journal.errors import NoteRefused
from cabinet.journal.note import Verifier

Cause = Literal["malformed", "unknown-origin", "unsigned", "not-cosigned", "stale", "fork", "rollback"]


@dataclass(frozen=True, slots=True)
class Ruling:
    """`cause` None: it counts. fork and rollback: our own key has signed what this log does not hold."""

    cause: Cause | None
    checkpoint: Checkpoint | None = None


def judge(
    data: bytes,
    own: Sequence[Verifier],
    delivery: Sequence[Verifier],
    *,
    size: int,
    acknowledged: int,
    root_at: Callable[[int], bytes],
) -> Ruling:
    """Judges the raw bytes of one acknowledgement. `own` are the keys that sign this log or did, by the name of its
    origin; `root_at` gives our root at a size up to `size`. Never raises for what it is given."""
    try:
        signed = note.parse(data)
        claimed = checkpoint.parse(signed.text)
    except NoteRefused:
        return Ruling("malformed")
    if claimed.origin != own[0].name:
        return Ruling("unknown-origin")
    if not any(key.signed(signed) for key in own):
        return Ruling("unsigned")
    if not any(key.signed(signed) for key in delivery):
        return Ruling("not-cosigned")
    if claimed.size > size:
        return Ruling("rollback", claimed)
    if root_at(claimed.size) != claimed.root:
        return Ruling("fork", claimed)
    return Ruling("stale" if claimed.size <= acknowledged else None, claimed)
