"""Matrix keypads: from scanned levels to single key presses. No I/O here.

One row at a time is pulled low; a column that then reads low is a key down. Without diodes, three keys on the
corners of a rectangle show the fourth too, so such scans tell nothing. A key counts after a number of equal
scans (8 ms apart, 3 scans: longer than the 5-20 ms that rubber and dome keys bounce) and only alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import TypeAlias

Key: TypeAlias = tuple[int, int]
"""Row and column, from 0."""
LAYOUT = ("123A", "456B", "789C", "*0#D")
"""What is printed on the keys; keypads with three columns lack the last one."""


def label(key: Key) -> str:
    row, column = key
    return LAYOUT[row][column]


def keys_down(levels: Sequence[Sequence[bool]]) -> frozenset[Key]:
    """`levels[row][column]` is the column's level while that row is pulled low; True is high, not pressed."""
    return frozenset(
        (row, column) for row, columns in enumerate(levels) for column, high in enumerate(columns) if not high
    )


def is_ambiguous(down: frozenset[Key]) -> bool:
    """Two rows share two columns: at least one of these keys may be a ghost."""
    rows: dict[int, set[int]] = {}
    for row, column in down:
        rows.setdefault(row, set()).add(column)
    return any(len(one & other) >= 2 for one, other in combinations(rows.values(), 2))


class Debouncer:
    """Takes one scan after the other and says when a key has gone down.

    Keys down from the very first scan on are `stuck`: they are ignored until they are let go."""

    def __init__(self, scans: int) -> None:
        """`scans`: how many equal scans settle a change, at least 1."""
        self.stuck: frozenset[Key] = frozenset()
        self.settled = False
        """Whether `stuck` is certain."""
        self._scans = scans
        self._first = True
        self._held: Key | None = None
        self._candidate: frozenset[Key] = frozenset()
        self._equal = 0

    @property
    def at_rest(self) -> bool:
        """No key is down, and none may be going down."""
        return self.settled and not self._candidate and self._equal >= self._scans

    def scan(self, down: frozenset[Key]) -> Key | None:
        """The key that has just been pressed, once per press. A ghost or two keys press none."""
        if self._first:
            self._first, self.stuck = False, down
        if is_ambiguous(down):
            self._equal = 0
            return None
        self._equal = self._equal + 1 if down == self._candidate else 1
        self._candidate = down
        return self._settle(down) if self._equal >= self._scans else None

    def _settle(self, down: frozenset[Key]) -> Key | None:
        self.settled = True
        self.stuck &= down
        live = down - self.stuck
        if len(live) > 1:
            return None
        before, self._held = self._held, next(iter(live), None)
        return self._held if self._held != before else None
