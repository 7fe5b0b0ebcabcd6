"""Acknowledgements between the broker and cabinetd, which judges them one by one. Pure."""

from __future__ import annotations

from collections import deque
from typing import Final

WAITING_MAX: Final = 16
"""Beyond them the oldest is dropped: a newer one says more."""


class AckTray:
    """Keeps what cannot be handed in yet. Leaves out what cabinetd has just seen: the retained one comes again with
    every connection."""

    def __init__(self) -> None:
        self._fresh: deque[str] = deque(maxlen=WAITING_MAX)
        self._stale: deque[str] = deque(maxlen=WAITING_MAX)
        """They came before one that counted: they move nothing, but may contradict us."""
        self._out: str | None = None
        self._last: str | None = None
        self._before: deque[str] = deque()
        """Came before the one that is being judged."""

    def put(self, note: str) -> None:
        known = (*self._fresh, *self._stale, *self._before, self._out, self._last)
        if note not in known:
            self._fresh.append(note)

    def take(self, *, at_rest: bool) -> str | None:
        """The newest; a stale one only when there is time for it. None while one is being judged."""
        waiting = self._fresh or (self._stale if at_rest else None)
        if self._out is not None or not waiting:
            return None
        self._out = waiting.pop()
        if waiting is self._fresh:
            self._before, self._fresh = self._fresh, deque(maxlen=WAITING_MAX)
        return self._out

    def judged(self, *, counted: bool) -> None:
        self._last, self._out = self._out, None
        if counted:
            self._stale.extend(self._before)
            self._before.clear()
        self._wait_again()

    def failed(self) -> None:
        """It could not be judged; should it come again, it is new."""
        self._out = None
        self._wait_again()

    def put_back(self) -> None:
        """Nobody is there to judge; it waits for the next."""
        if self._out is not None:
            self._before.append(self._out)
            self._out = None
            self._wait_again()

    def clear(self) -> None:
        for waiting in (self._fresh, self._stale, self._before):
            waiting.clear()

    def _wait_again(self) -> None:
        """What came before the one that was judged waits before what came since."""
        self._fresh = deque((*self._before, *self._fresh), maxlen=WAITING_MAX)
        self._before.clear()
