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
        self._waiting: deque[str] = deque(maxlen=WAITING_MAX)
        self._out: str | None = None
        self._last: str | None = None

    def put(self, note: str) -> None:
        if note not in (self._out, self._last) and note not in self._waiting:
            self._waiting.append(note)

    def take(self) -> str | None:
        """The newest that waits; None while one is being judged, or there is none.

        One that counts confirms all before it. Those are judged too, should they contradict us, but move nothing."""
        if self._out is not None or not self._waiting:
            return None
        self._out = self._waiting.pop()
        return self._out

    def judged(self) -> None:
        self._last, self._out = self._out, None

    def failed(self) -> None:
        """It could not be judged; should it come again, it is new."""
        self._out = None

    def put_back(self) -> None:
        """Nobody is there to judge; it waits for the next."""
        if self._out is not None:
            self._waiting.appendleft(self._out)
            self._out = None

    def clear(self) -> None:
        self._waiting.clear()
