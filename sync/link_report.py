"""What the cabinet's journal is told of the broker. Pure."""

from __future__ import annotations

from typing import Final

LOST_S: Final = 5.0
"""A connection that is back by then was not lost, as far as the journal is concerned."""


class LinkReport:
    """Up is said at once, down when it lasts, and neither twice to the same cabinetd. Times are monotonic seconds."""

    def __init__(self, started_s: float) -> None:
        self._is_up = False
        self._lost_s: float | None = started_s
        self._said: bool | None = None

    def up(self) -> None:
        """Tools see us."""
        self._is_up = True

    def connected(self) -> None:
        self._lost_s = None

    def lost(self, now_s: float) -> None:
        self._is_up = False
        self._lost_s = now_s

    def forget(self) -> None:
        """The cabinetd that was told is gone, and what tools see of it."""
        self._is_up = False
        self._said = None

    def due(self, now_s: float) -> bool | None:
        """What is to be said now; None for nothing."""
        if self._is_up and self._said is not True:
            self._said = True
        elif (at := self.wake_s()) is not None and now_s >= at:
            self._said = False
        else:
            return None
        return self._said

    def wake_s(self) -> float | None:
        """When a loss has lasted."""
        return None if self._lost_s is None or self._said is False else self._lost_s + LOST_S
