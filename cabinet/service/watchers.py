"""Committed leaves on their way to those who watch."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from cabinet.journal.store import Commit

_BEHIND_MAX = 1000


class Following:
    """Leaves committed since the last look."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[int, bytes]] = deque()
        self.behind = False
        """More than 1000 leaves were not taken in time: what is here has a gap."""

    def take(self) -> list[tuple[int, bytes]]:
        """All that waits, oldest first; nothing waits afterwards."""
        taken = list(self._waiting)
        self._waiting.clear()
        return taken

    def add(self, commit: Commit) -> None:
        self._waiting.extend(enumerate(commit.leaves, commit.first))
        if len(self._waiting) > _BEHIND_MAX:
            self._waiting.clear()
            self.behind = True


class Watchers:
    """Hands each durable leaf to everyone who follows."""

    def __init__(self) -> None:
        self._all: set[Following] = set()

    def committed(self, commit: Commit) -> None:
        """From the runner, after each commit; never blocks."""
        for following in self._all:
            following.add(commit)

    @contextmanager
    def follow(self) -> Iterator[Following]:
        """What is committed from now on."""
        following = Following()
        self._all.add(following)
        try:
            yield following
        finally:
            self._all.discard(following)
