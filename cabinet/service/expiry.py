"""Which leaves have outlived their period: asked of the journal's file in small portions. Blocks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from cabinet.core.pruning import EXPIRED_MAX
from cabinet.core.requests import Expired
from cabinet.journal.epoch import Column, EpochFile
from cabinet.journal.leaf import glance
from cabinet.journal.store import Journal
from cabinet.policy.retention import DAY_MS, Periods

Place = tuple[int, int]
"""Wall time and index: how far the look has come."""
START: Final[Place] = (-1, -1)
_ROWS: Final = 400
_AHEAD: Final = 200


@dataclass(frozen=True, slots=True)
class Portion:
    """`unsent`: expired, and not acknowledged by upstream. `next` None: that was all."""

    expired: tuple[Expired, ...]
    unsent: int
    next: Place | None


class Expiry:
    def __init__(self, journal: Journal, periods: Periods) -> None:
        self._journal = journal
        self._periods = periods
        self._vouched: tuple[int, int, int] | None = None
        """Between the first and the second index no leaf has a time that somebody vouched for; that of the second."""

    def portion(self, after: Place, wall_ms: int) -> Portion:
        """From behind `after` on, at this wall time. Raises JournalUnwritable."""
        return self._journal.ask(lambda file: self._portion(file, after, wall_ms))

    def _portion(self, file: EpochFile, after: Place, wall_ms: int) -> Portion:
        shortest = self._periods.shortest_days
        if shortest is None:
            return Portion((), 0, None)
        rows = file.older(wall_ms - shortest * DAY_MS, after, _ROWS)
        acknowledged, unsent = file.acknowledged(), 0
        expired: list[Expired] = []
        for row in rows:
            after = (row.ts, row.n)
            one = self._expired(file, row, wall_ms)
            if one is None:
                continue
            if row.n >= acknowledged:
                unsent += 1
            else:
                expired.append(one)
            if len(expired) == EXPIRED_MAX:
                return Portion(_by_index(expired), unsent, after)
        return Portion(_by_index(expired), unsent, after if len(rows) == _ROWS else None)

    def _expired(self, file: EpochFile, row: Column, wall_ms: int) -> Expired | None:
        rule = self._periods.due(row.kind, wall_ms - row.ts, personal=row.personal)
        if rule is None:
            return None
        told_ms = self._told_ms(file, row)
        if told_ms is None or self._periods.due(row.kind, wall_ms - told_ms, personal=row.personal) is None:
            return None
        return Expired(row.n, row.kind, f"{rule.name} {rule.days}")

    def _told_ms(self, file: EpochFile, row: Column) -> int | None:
        """When it was written at the latest: its own time, or where nobody vouched for that, the time of the next leaf
        that has a better one. None: there is none yet."""
        ((_, data),) = file.leaves(row.n, 1)
        if data is not None and glance(data)["tq"] != "none":
            return row.ts
        if self._vouched is None or not self._vouched[0] <= row.n < self._vouched[1]:
            self._vouched = _vouched_after(file, row.n)
        return None if self._vouched is None else self._vouched[2]


def _vouched_after(file: EpochFile, first: int) -> tuple[int, int, int] | None:
    n = first
    while leaves := file.leaves(n + 1, _AHEAD):
        for n, data in leaves:
            leaf = None if data is None else glance(data)
            if leaf is not None and leaf["tq"] != "none":
                return first, n, leaf["ts"]
    return None


def _by_index(expired: list[Expired]) -> tuple[Expired, ...]:
    return tuple(sorted(expired, key=lambda one: one.n))
