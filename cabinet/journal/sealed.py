"""From entries to the one transaction that holds them: leaves, tree and signed checkpoint."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

from cabinet.journal import b64
from cabinet.journal.checkpoint import Checkpoint
from cabinet.journal.epoch import EntryRow, Transaction
from cabinet.journal.leaf import Entry, encode_batch
from cabinet.journal.note import Signer
from cabinet.journal.pruning import destroyed
from cabinet.journal.tree import Frontier, leaf_hash


@dataclass(frozen=True, slots=True)
class Sealed:
    """What is to be written, and the tree with it."""

    transaction: Transaction
    leaves: tuple[bytes, ...]
    frontier: Frontier
    root: bytes


def seal_batch(
    entries: Sequence[Entry],
    device: str,
    before: Frontier,
    signer: Signer,
    rows: Mapping[str, bytes | None],
    successor: Signer | None = None,
) -> Sealed:
    """`before` stays as it is; the signer's name is the origin. Raises LeafRefused, BatchTooLarge."""
    first = before.size
    leaves = encode_batch(entries, device, first)
    frontier = before.copy()
    inserts = [
        _row(n, entry, leaf, frontier) for n, (entry, leaf) in enumerate(zip(entries, leaves, strict=True), first)
    ]
    root = frontier.root()
    note = Checkpoint(signer.name, frontier.size, root).signed(signer, successor)
    return Sealed(Transaction(inserts, frontier.size, note, rows, destroyed(entries)), leaves, frontier, root)


def _row(n: int, entry: Entry, leaf: bytes, frontier: Frontier) -> EntryRow:
    hashed = leaf_hash(leaf)
    slot = cast("int | None", entry.fields.get("slot"))
    item = cast("str | None", entry.fields.get("item"))
    subs = b"".join([_pseudonym(sub["p"]) for sub in entry.subs]) or None
    return n, hashed, frontier.push(hashed), entry.ts, entry.ev, slot, item, subs, leaf


@lru_cache(maxsize=4096)
def _pseudonym(text: str) -> bytes:
    return b64.decode(text)
