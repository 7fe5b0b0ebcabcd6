"""How long to wait before the next try."""

from __future__ import annotations

from collections.abc import Callable


class Backoff:
    """Doubles from `first_s` to `last_s`; each wait is drawn from its upper half, so that a fleet does not come
    back in step. `random` gives numbers from 0 to below 1."""

    def __init__(self, first_s: float, last_s: float, random: Callable[[], float]) -> None:
        self._first_s = first_s
        self._last_s = last_s
        self._random = random
        self._next_s = first_s

    def wait_s(self) -> float:
        """The next wait, longer than the one before."""
        wait_s, self._next_s = self._next_s, min(self._next_s * 2, self._last_s)
        return wait_s * (1 + self._random()) / 2

    def reset(self) -> None:
        """After what counts as a success."""
        self._next_s = self._first_s
