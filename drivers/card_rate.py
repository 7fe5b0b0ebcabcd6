"""More cards than a hand can hold up are no hand."""

from __future__ import annotations

from collections import deque

from hal.capabilities import DeviceSuspect, Emit
from hal.clock import Clock

CARDS_PER_S = 4
"""A hand is slower; a box between reader and cabinet that tries numbers is not."""
QUIET_S = 60.0
"""So long without one too many, and it is over."""


class CardRate:
    """Of one reader. The first too many is told to the technician."""

    def __init__(self, device: str, clock: Clock) -> None:
        self.refused = 0
        """Cards beyond the limit."""
        self._device = device
        self._clock = clock
        self._taken_s: deque[float] = deque(maxlen=CARDS_PER_S)
        self._quiet_at_s: float | None = None

    def allows(self, emit: Emit) -> bool:
        """Whether another card may be told now; then it counts."""
        now_s = self._clock.mono_s()
        if len(self._taken_s) < CARDS_PER_S or now_s - self._taken_s[0] >= 1.0:
            self._taken_s.append(now_s)
            return True
        self.refused += 1
        if self._quiet_at_s is None:
            hint = f"more than {CARDS_PER_S} cards a second: look for something between the reader and the cabinet"
            emit(DeviceSuspect(self._device, "cards.flooding", hint))
        self._quiet_at_s = now_s + QUIET_S
        return False

    def left_s(self) -> float | None:
        """Seconds until it is over; None: nothing is."""
        return None if self._quiet_at_s is None else self._quiet_at_s - self._clock.mono_s()

    def end_if_quiet(self, emit: Emit) -> None:
        if (left_s := self.left_s()) is not None and left_s <= 0:
            self._quiet_at_s = None
            emit(DeviceSuspect(self._device, "cards.flooding", None))
