"""Cards at a reader that sends each of them once, when it comes into the field."""

from __future__ import annotations

from drivers.card_rate import CardRate
from hal.capabilities import CardPresented, CardRemoved, Emit
from hal.clock import Clock


class SentOnce:
    """The same number again within the time of removal is the same presentation; after it the card counts as removed,
    though it may still be there."""

    def __init__(self, device: str, clock: Clock, removal_s: float) -> None:
        self.rate = CardRate(device, clock)
        self._device = device
        self._clock = clock
        self._removal_s = removal_s
        self._card: bytes | None = None
        self._seen_s = 0.0

    def seen(self, card: bytes, emit: Emit) -> None:
        if card != self._card:
            if not self.rate.allows(emit):
                return
            self._removed(emit)
            emit(CardPresented(self._device, card))
        self._card, self._seen_s = card, self._clock.mono_s()

    def left_s(self) -> float | None:
        """Seconds until something is due; None: nothing is."""
        now_s = self._clock.mono_s()
        removal_s = None if self._card is None else self._seen_s + self._removal_s - now_s
        return min((one for one in (removal_s, self.rate.left_s()) if one is not None), default=None)

    def pass_time(self, emit: Emit) -> None:
        """What is due."""
        if self._clock.mono_s() - self._seen_s >= self._removal_s:
            self._removed(emit)
        self.rate.end_if_quiet(emit)

    def _removed(self, emit: Emit) -> None:
        card, self._card = self._card, None
        if card is not None:
            emit(CardRemoved(self._device, card))
