"""Earlier epochs as upstream sees them: what lies in their files and nobody has confirmed.

Up to the size that the next epoch goes on from, these are leaves like any other, and upstream joins them to the old
tree. Behind it they are orphans: upstream holds another tree there, or none."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import Final

from cabinet.journal.epoch import EpochFile
from cabinet.journal.errors import JournalDamaged, LeafRefused
from cabinet.journal.leaf import glance
from cabinet.journal.store import Journal

log = logging.getLogger(__name__)

_EPOCH: Final = re.compile(r"/e([1-9][0-9]{0,5})$")


@dataclass(frozen=True, slots=True)
class Tail:
    """Leaves `first` up to `size` of an epoch that has ended; orphans from `common` on."""

    origin: str
    epoch: int
    first: int
    common: int
    size: int


@dataclass(frozen=True, slots=True)
class _Link:
    origin: str
    epoch: int
    size: int
    salvaged: bool
    """What is behind `size` does not verify."""


def tails(journal: Journal) -> list[Tail]:
    """Of all earlier epochs that can be read, the newest first. Raises JournalUnwritable."""
    found: list[Tail] = []
    link = _link(journal.ask(_first_leaf), journal.epoch)
    while link is not None:
        try:
            (size, sealed), acknowledged, leaf = journal.ask_epoch(
                link.epoch, lambda file: (file.sizes(), file.acknowledged(), _first_leaf(file))
            )
        except JournalDamaged as error:
            log.warning("nothing more is sent of %s: %s", link.origin, error.hint)
            return found
        first, size = min(acknowledged, link.size), min(size, sealed)
        if link.salvaged:
            size = min(size, link.size)
        if first < size:
            found.append(Tail(link.origin, link.epoch, first, link.size, size))
        link = _link(leaf, link.epoch)
    return found


def _first_leaf(file: EpochFile) -> bytes | None:
    return next((data for _, data in file.leaves(0, 1)), None)


def _link(leaf: bytes | None, epoch: int) -> _Link | None:
    """What the first leaf of an epoch says of the one before; None for the first epoch."""
    try:
        said = {} if leaf is None else glance(leaf)
    except LeafRefused:
        return None
    origin, size = said.get("old_origin"), said.get("old_size")
    if said.get("ev") != "epoch.opened" or not isinstance(origin, str) or type(size) is not int:
        return None
    match = _EPOCH.search(origin)
    old = int(match[1]) if match else 1
    return _Link(origin, old, size, said.get("reason") == "salvaged") if old < epoch else None
