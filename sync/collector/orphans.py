"""Leaves of an origin that its cabinet has given up, behind the last size it has in common with us.

They are what somebody has seen and signed, so they are kept, by index and hash; but they are no part of the tree,
and nobody's acknowledgement is given for them.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from cabinet.journal.note import Note
from cabinet.journal.tree import Frontier
from sync.collector import epoch_rows
from sync.collector.batch import Batch, Refused
from sync.collector.held import Held

BYTES_MAX: Final = 64_000_000
"""Of one origin; what comes beyond is counted."""


def keep(connection: Connection, held: Held, batch: Batch, signed: Note, now_ms: int) -> None:
    """Those that are not there yet, and the note that the cabinet signed over them. Raises Refused."""
    _, size = epoch_rows.orphan_load(connection, held.id)
    if size + sum(len(leaf) for leaf in batch.leaves if leaf is not None) > BYTES_MAX:
        raise Refused("full")
    rows = list(zip(range(batch.first, batch.end), batch.hashes, batch.leaves, strict=True))
    epoch_rows.put_orphans(connection, held.id, rows, now_ms)
    sealed = batch.checkpoint
    epoch_rows.put_orphan_note(connection, held.id, sealed.size, sealed.root, signed.encode(), now_ms)


def vouched(connection: Connection, held: Held, batch: Batch) -> bool:
    """Whether the cabinet signed for exactly these leaves, behind ours and the orphans that are there."""
    common = min(batch.first, held.size)
    frontier = held.frontier_at(connection, common)
    between = epoch_rows.orphans(connection, held.id, common, batch.first)
    if [n for n, _ in between] != list(range(common, batch.first)):
        return False
    return _root(frontier, [*(hashed for _, hashed in between), *batch.hashes]) == batch.checkpoint.root


def _root(frontier: Frontier, hashes: list[bytes]) -> bytes:
    for hashed in hashes:
        frontier.push(hashed)
    return frontier.root()
