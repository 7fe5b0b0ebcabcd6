"""The first leaf of every epoch but the first one: which tree it goes on from, and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cabinet.journal import b64
from cabinet.journal.checkpoint import Checkpoint
from cabinet.journal.errors import LeafRefused
from cabinet.journal.leaf import glance
from cabinet.journal.tree import HASH_BYTES

OPENED: Final = "epoch.opened"
_NEW_KEY: Final = frozenset({"key-lost", "key-revoked"})


@dataclass(frozen=True, slots=True)
class Opened:
    """`old` is the tree that the epoch goes on from: what its file held beyond that is not part of the history.
    `old_vkey` is the key that signed it last, where another one signs now that it did not vouch for."""

    reason: str
    old: Checkpoint
    old_vkey: str | None = None

    @property
    def new_key(self) -> bool:
        return self.reason in _NEW_KEY or self.old_vkey is not None


def opened_by(leaf: bytes) -> Opened | None:
    """None for a leaf that opens no epoch, or does not say which one it goes on from."""
    try:
        found = glance(leaf)
        root = b64.decode(str(found.get("old_root")))
    except (LeafRefused, ValueError):
        return None
    origin, size, reason = found.get("old_origin"), found.get("old_size"), found.get("reason")
    if found.get("ev") != OPENED or not isinstance(origin, str) or type(size) is not int or len(root) != HASH_BYTES:
        return None
    vkey = found.get("old_vkey")
    return Opened(str(reason), Checkpoint(origin, size, root), vkey if isinstance(vkey, str) else None)
