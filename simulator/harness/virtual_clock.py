"""Time as a cabinet's board tells it: monotonic since its power came, and a wall clock that may be wrong."""

from __future__ import annotations

from hal.clock import Now, Quality
from simulator.harness.virtual_loop import VirtualLoop


class WallTime:
    """What the wall clock of the board shows. It may jump, and may be told to be trusted or not."""

    def __init__(self, loop: VirtualLoop, start_ms: int) -> None:
        self._loop = loop
        self._start_ms = start_ms
        self._wrong_ms = 0
        self.quality: Quality = "ntp"

    @property
    def true_ms(self) -> int:
        """What a good clock would show."""
        return self._start_ms + int(self._loop.time() * 1000)

    @property
    def shown_ms(self) -> int:
        return self.true_ms + self._wrong_ms

    def jump(self, by_ms: int) -> None:
        self._wrong_ms += by_ms

    def correct(self) -> None:
        self._wrong_ms = 0


class VirtualClock:
    """A hal.clock.Clock. Its monotonic time is not the loop's: who mixes the two is found out."""

    def __init__(self, loop: VirtualLoop, wall: WallTime, booted_s: float) -> None:
        """`booted_s`: the loop's time at which the board got power."""
        self._loop = loop
        self._wall = wall
        self._booted_s = booted_s

    def mono_s(self) -> float:
        return self._loop.time() - self._booted_s

    def now(self) -> Now:
        return Now(self.mono_s(), self._wall.shown_ms, self._wall.quality)
