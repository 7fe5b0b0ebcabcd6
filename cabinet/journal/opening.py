"""The next epoch: written whole under a name that nobody looks for, and then there, all at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cabinet.journal.epoch import EpochFile, EpochFolder
from cabinet.journal.errors import BatchTooLarge
from cabinet.journal.leaf import Entry
from cabinet.journal.note import Signer
from cabinet.journal.sealed import Sealed, seal_batch
from cabinet.journal.tree import Frontier


def next_number(folder: EpochFolder) -> int:
    """That nobody had before, whatever was lost."""
    return max(folder.newest_known(), *folder.epochs(), 0) + 1


def epoch_number(origin: str) -> int:
    """Of the epoch with this origin."""
    number = origin.rpartition("/e")[2]
    return int(number) if number.isdecimal() and origin.count("/") > 1 else 1


def epoch_origin(first: str, epoch: int) -> str:
    """`first` is the origin of the first epoch."""
    return first if epoch == 1 else f"{first}/e{epoch}"


def open_epoch(
    folder: EpochFolder,
    epoch: int,
    device: str,
    signer: Signer,
    entries: Sequence[Entry],
    rows: Mapping[str, bytes | None],
) -> None:
    """Begins epoch `epoch` with these leaves and state rows, in as many transactions as that takes.

    `signer` has the name of its origin. The caller holds the folder's claim and has no other epoch open. Whatever
    ends it half-way: the epochs that were there are, and nothing of this one. Raises JournalUnwritable, LeafRefused.
    """
    file = folder.draft(epoch, signer)
    try:
        _write(file, device, signer, entries, rows)
        file.settle()
    finally:
        file.close()
    folder.publish(epoch)
    folder.know(epoch)


def _write(
    file: EpochFile, device: str, signer: Signer, entries: Sequence[Entry], rows: Mapping[str, bytes | None]
) -> None:
    frontier, left = Frontier(), list(entries)
    while left:
        sealed, fits = _most(left, device, frontier, signer, rows)
        file.append(sealed.transaction)
        frontier, left = sealed.frontier, left[fits:]


def _most(
    entries: Sequence[Entry], device: str, frontier: Frontier, signer: Signer, rows: Mapping[str, bytes | None]
) -> tuple[Sealed, int]:
    """As many as one transaction holds; the rows stand with the last."""
    try:
        return seal_batch(entries, device, frontier, signer, rows), len(entries)
    except BatchTooLarge as error:
        return seal_batch(entries[: error.fits], device, frontier, signer, {}), error.fits
