"""The full check of a journal: every payload is hashed again, every stored hash and note compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from heapq import merge
from typing import Final, Literal, TypeAlias

from cabinet.journal import b64, checkpoint
from cabinet.journal.checkpoint import Checkpoint
from cabinet.journal.errors import JournalDamaged, LeafRefused, NoteRefused
from cabinet.journal.leaf import glance
from cabinet.journal.note import Verifier
from cabinet.journal.reader import JournalReader
from cabinet.journal.rows import EntryRow
from cabinet.journal.tree import Frontier, leaf_hash

Result: TypeAlias = Literal["verified", "unsealed-tail", "failed", "rolled-back", "forked"]
Rule: TypeAlias = Literal[
    "leaf-missing",  # an index is skipped, or leaves that a checkpoint counts are not there
    "leaf-hash",  # the payload does not hash to the stored leaf hash
    "leaf-form",  # the payload is no leaf of this index and device
    "payload-missing",  # pruned although upstream does not hold it
    "subtree",  # a stored inner hash is not that of its leaves
    "columns",  # time, kind, slot or item beside the payload differ from it
    "subjects",  # the look-up by pseudonym differs from the payloads
    "checkpoint",  # a kept note is malformed, of another size or root, or not signed by this key
    "unreadable",  # the database itself is broken
]


@dataclass(frozen=True, slots=True)
class Verdict:
    """`sealed` leaves are covered by the newest checkpoint; a failure names the first leaf not known to be good."""

    result: Result
    size: int
    sealed: int
    failed_at: int | None
    rule: Rule | None
    pruned: int


def verify(
    reader: JournalReader,
    vkey: str,
    *,
    trusted: bytes | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Verdict:
    """Check the leaves that are there when it starts; a daemon may go on writing meanwhile.

    `trusted` is an earlier signed checkpoint of this journal: without one, a journal that was cut off and signed
    again by the device's own key verifies. `progress` is called with leaves checked and all leaves. Blocks for
    seconds per million leaves. Raises NoteRefused for a malformed `vkey`, and for a `trusted` that this key did not sign.
    """
    verifier = Verifier.from_vkey(vkey)
    witness = None if trusted is None else checkpoint.read(trusted, verifier)
    return _Check(reader, verifier, witness).run(progress or _silent)
