"""The check before the first append: is the end of the file whole, and signed by our key? Its cost is constant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cabinet.journal import checkpoint
from cabinet.journal.checkpoint import Checkpoint
from cabinet.journal.epoch import EpochFile
from cabinet.journal.errors import JournalDamaged, JournalForeign, NoteRefused
from cabinet.journal.note import Verifier
from cabinet.journal.tree import Frontier, leaf_hash

REHASHED: Final = 64


@dataclass(frozen=True, slots=True)
class Tail:
    """Where the next leaf goes, the newest signed note, and which key signed it."""

    frontier: Frontier
    checkpoint: bytes
    verifier: Verifier


def check_tail(file: EpochFile, *verifiers: Verifier) -> Tail:
    """Compare size and root with the newest checkpoint and hash the last 64 leaves. Of several keys the first that
    signed it counts. Raises JournalDamaged, JournalForeign where none did, JournalUnwritable."""
    size, _ = file.sizes()
    note = file.newest_checkpoint()
    if note is None:
        raise JournalDamaged("the journal has no checkpoint")
    signed, verifier = _read(note, verifiers)
    try:
        frontier = Frontier.read(size, file.node)
    except LookupError as error:
        raise JournalDamaged(f"end of the journal: {error}") from error
    if (signed.size, signed.root) != (size, frontier.root()):
        raise JournalDamaged(f"the newest checkpoint is of {signed.size} leaves, the {size} stored ones differ")
    _rehash(file, max(0, size - REHASHED))
    return Tail(frontier, note, verifier)


def _read(note: bytes, verifiers: Sequence[Verifier]) -> tuple[Checkpoint, Verifier]:
    refused: NoteRefused | None = None
    for verifier in verifiers:
        try:
            return checkpoint.read(note, verifier), verifier
        except NoteRefused as error:
            refused = error
    raise JournalForeign(
        f"end of the journal: {refused}; restore the key that signed it, or begin with a new one: "
        "cabinetctl journal replace-key"
    )


def _rehash(file: EpochFile, first: int) -> None:
    for n, data in file.leaves(first, REHASHED):
        if data is not None and leaf_hash(data) != file.node(0, n):
            raise JournalDamaged(f"leaf {n} is not what was written")
