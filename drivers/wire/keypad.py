"""Matrix keypads: from scanned levels to single key presses. No I/O here.

One row at a time is pulled low; a column that then reads low is a key down. Without diodes, three keys on the
corners of a rectangle show the fourth too, so a key that is such a corner tells nothing, and one that is none is
surely down. A key counts after a number of equal scans (8 ms apart, 3 scans: longer than the 5-20 ms that rubber and
dome keys bounce) and only alone, beside those that are stuck.
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


def corners(down: frozenset[Key]) -> frozenset[Key]:
    """Those among them that are corners of a rectangle: where two rows share two columns, one of the four may be a
    ghost."""
    rows: dict[int, set[int]] = {}
    for row, column in down:
        rows.setdefault(row, set()).add(column)
    found = set()
    for one, other in combinations(rows, 2):
        shared = rows[one] & rows[other]
        if len(shared) >= 2:
            found |= {(row, column) for row in (one, other) for column in shared}
    return frozenset(found)


class Debouncer:
    """Takes one scan after the other and says when a key has gone down.

    Keys down from the very first scan on are `stuck`, and those that `give_up` names: they are ignored until they are
    let go."""

    def __init__(self, scans: int) -> None:
        """`scans`: how many equal scans settle a change, at least 1."""
        self.stuck: frozenset[Key] = frozenset()
        self.down: frozenset[Key] = frozenset()
        """As the last equal scans had it, ghosts among them."""
        self._scans = scans
        self._first = True
        self._held: Key | None = None
        self._candidate: frozenset[Key] = frozenset()
        self._equal = 0

    @property
    def at_rest(self) -> bool:
        """No key is down, and none may be going down."""
        return not self._candidate and self._equal >= self._scans

    @property
    def all_stuck(self) -> bool:
        """No key is down, or may be going down, but those that are stuck."""
        return self._candidate <= self.stuck and self._equal >= self._scans

    def scan(self, down: frozenset[Key]) -> Key | None:
        """The key that has just been pressed, once per press. A ghost or two keys press none."""
        if self._first:
            self._first, self.stuck = False, down
        self._equal = self._equal + 1 if down == self._candidate else 1
        self._candidate = down
        return self._settle(down) if self._equal >= self._scans else None

    def give_up(self, keys: frozenset[Key]) -> None:
        """They will not be let go: the others count again."""
        self.stuck |= keys & self.down
        if self._held in self.stuck:
            self._held = None

    def _settle(self, down: frozenset[Key]) -> Key | None:
        self.down = down
        self.stuck &= down
        live = down - self.stuck
        if len(live) > 1 or live & corners(down):
            return None
        before, self._held = self._held, next(iter(live), None)
        return self._held if self._held != before else None
