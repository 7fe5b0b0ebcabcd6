"""Digits that somebody is typing, whatever the keys hang on."""

from __future__ import annotations

from hal.capabilities import Cancelled, Emit, Entered, Typed
from hal.clock import Clock
from hal.secret import Secret


class TypedDigits:
    """They stay in here until `#` hands them out as one secret. `*` clears them, and cancels when there are none."""

    def __init__(self, device: str, clock: Clock, *, entry_s: float, digits_max: int) -> None:
        """Digits that are not ended are forgotten `entry_s` after the last one; those beyond `digits_max` are
        ignored."""
        self._device = device
        self._clock = clock
        self._entry_s = entry_s
        self._digits_max = digits_max
        self._digits = ""
        self._forget_at_s = 0.0

    def press(self, key: str, emit: Emit) -> None:
        """A digit, * or #; other keys do nothing."""
        self._forget_at_s = self._clock.mono_s() + self._entry_s
        if key == "#" and self._digits:
            secret, self._digits = Secret(self._digits), ""
            emit(Entered(self._device, secret))
        elif key == "*" and self._digits:
            self.forget(emit)
        elif key == "*":
            emit(Cancelled(self._device))
        elif key.isdigit():
            self._digits = (self._digits + key)[: self._digits_max]
            emit(Typed(self._device, len(self._digits)))

    def forget(self, emit: Emit) -> None:
        if self._digits:
            self._digits = ""
            emit(Typed(self._device, 0))

    def forget_if_late(self, emit: Emit) -> None:
        left_s = self.left_s()
        if left_s is not None and left_s <= 0:
            self.forget(emit)

    def left_s(self) -> float | None:
        """Seconds until they are forgotten; None: there are none."""
        return self._forget_at_s - self._clock.mono_s() if self._digits else None
