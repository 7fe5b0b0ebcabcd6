"""The check before the first append: is the end of the file whole, and signed by our key? Its cost is constant."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cabinet.journal import checkpoint
from cabinet.journal.epoch import EpochFile
from cabinet.journal.errors import JournalDamaged, NoteRefused
from cabinet.journal.note import Verifier
from cabinet.journal.tree import Frontier, leaf_hash

REHASHED: Final = 64


@dataclass(frozen=True, slots=True)
class Tail:
    """Where the next leaf goes, and the newest signed note."""

    frontier: Frontier
    checkpoint: bytes


def check_tail(file: EpochFile, verifier: Verifier) -> Tail:
    """Compare size and root with the newest checkpoint and hash the last 64 leaves. Raises JournalDamaged,
    JournalUnwritable."""
    size, _ = file.sizes()
    note = file.newest_checkpoint()
    if note is None:
        raise JournalDamaged("the journal has no checkpoint")
    try:
        signed = checkpoint.read(note, verifier)
        frontier = Frontier.read(size, file.node)
    except (NoteRefused, LookupError) as error:
        raise JournalDamaged(f"end of the journal: {error}") from error
    if (signed.size, signed.root) != (size, frontier.root()):
        raise JournalDamaged(f"the newest checkpoint is of {signed.size} leaves, the {size} stored ones differ")
    _rehash(file, max(0, size - REHASHED))
    return Tail(frontier, note)


def _rehash(file: EpochFile, first: int) -> None:
    for n, data in file.leaves(first, REHASHED):
        if data is not None and leaf_hash(data) != file.node(0, n):
            raise JournalDamaged(f"leaf {n} is not what was written")
