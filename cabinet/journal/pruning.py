"""Which payloads a leaf of kind payload.destroyed says are gone: they go in the transaction that writes it, so there
is no moment at which one of the two is true without the other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from cabinet.journal.errors import LeafRefused
from cabinet.journal.leaf import Entry

DESTROYED: Final = "payload.destroyed"


def destroyed(entries: Iterable[Entry]) -> list[tuple[int, int]]:
    """First and end of each range of leaves that these entries name as destroyed. Raises LeafRefused."""
    return [pair for entry in entries if entry.ev == DESTROYED for pair in _ranges(entry.fields.get("ranges", []))]


def _ranges(ranges: object) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for one in ranges if isinstance(ranges, list) else [ranges]:
        match one:
            case [int(first), int(end)] if (found[-1][1] if found else 0) <= first < end:
                found.append((first, end))
            case _:
                raise LeafRefused(f"{DESTROYED}: ranges are pairs of first and end, ascending")
    return found
