"""How much of a damaged epoch verifies: hashed anew from the first leaf on, up to the last size that a key of ours has
signed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cabinet.journal import checkpoint, note
from cabinet.journal.checkpoint import Checkpoint
from cabinet.journal.epoch import EpochFile
from cabinet.journal.errors import JournalError, NoteRefused
from cabinet.journal.note import Verifier
from cabinet.journal.tree import EMPTY_ROOT, Frontier, leaf_hash

_PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class Sound:
    """`size` leaves are what one of our keys has signed. `whole`: there are no others, and the newest checkpoint is
    theirs. `by`: the key that signed that; None: none of ours has signed anything in it, not even that it was empty."""

    size: int
    root: bytes
    whole: bool
    by: Verifier | None


NOTHING: Final = Sound(0, EMPTY_ROOT, False, None)


def sound_part(file: EpochFile, verifiers: Sequence[Verifier]) -> Sound:
    """Reads all of the file. Never raises for what is wrong with it."""
    marks = list[tuple[int, bytes, bytes]]()
    try:
        whole = _walk(file, marks)
    except (JournalError, LookupError):
        whole = False
    for size, root, data in reversed(marks):
        if (by := next((one for one in verifiers if _is_signed(data, one)), None)) is not None:
            return Sound(size, root, whole, by)
        whole = False
    return NOTHING


def _walk(file: EpochFile, marks: list[tuple[int, bytes, bytes]]) -> bool:
    """Adds each size at which the stored checkpoint is of the leaves before it."""
    frontier, (size, newest) = Frontier(), file.sizes()
    whole = newest == size
    for at, data in file.checkpoints_above(-1, 1):
        if at == 0 and _is_of(data, 0, EMPTY_ROOT):
            marks.append((0, EMPTY_ROOT, data))
    while frontier.size < size:
        first = frontier.size
        notes = dict(file.checkpoints_above(first, _PAGE))
        for n, leaf in file.leaves(first, _PAGE):
            if n != frontier.size:
                return False
            frontier.push(file.node(0, n) if leaf is None else leaf_hash(leaf))
            found = notes.get(frontier.size)
            if found is not None and _is_of(found, frontier.size, root := frontier.root()):
                marks.append((frontier.size, root, found))
            elif found is not None:
                whole = False
        if frontier.size == first:
            return False
    return whole


def _is_of(data: bytes, size: int, root: bytes) -> bool:
    found = _parsed(data)
    return found is not None and (found.size, found.root) == (size, root)


def _parsed(data: bytes) -> Checkpoint | None:
    try:
        return checkpoint.parse(note.parse(data).text)
    except NoteRefused:
        return None


def _is_signed(data: bytes, verifier: Verifier) -> bool:
    try:
        checkpoint.read(data, verifier)
    except NoteRefused:
        return False
    return True
