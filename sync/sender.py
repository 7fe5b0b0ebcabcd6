"""Which leaves are sent next: the journal is the outbox, here are only positions. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

WINDOW: Final = 20
"""Batches on the way: not taken by the broker yet, or not held by upstream."""
BATCH_LEAVES_MAX: Final = 100
RESEND_S_MAX: Final = 300.0
REQUEST_S_MIN: Final = 5.0
"""Upstream is sent old leaves again at most once in so long."""


@dataclass(slots=True)
class _Flight:
    """A batch on the way. `end` is the size after it, 0 once it is to be sent again."""

    end: int
    taken: bool = False


class Sender:
    """Positions are sizes of the journal; times are monotonic seconds.

    Upstream holds `acked` leaves; the next batch begins at `next`. It leaves `acked` behind only when it is told of
    a counted acknowledgement, and goes back only to what was not acknowledged, or on request.
    """

    def __init__(self, resend_s: float) -> None:
        self.acked = 0
        self.size = 0
        self.next = 0
        self.caught_up = False
        """Within one batch of the head, once on this connection."""
        self._resend_s = resend_s
        self._patience_s = resend_s
        self._flights: dict[int, _Flight] = {}
        self._window = WINDOW
        self._begin_s = 0.0
        self._resend_at: float | None = None
        self._asked_s: float | None = None
        self._replaying = False

    def connect(self, begin_s: float) -> None:
        """A new connection: nothing is on the way, and nothing is sent before `begin_s`."""
        self._begin_s = begin_s
        self._flights.clear()
        self._patience_s = self._resend_s
        self._window = WINDOW
        self._resend_at = None
        self._replaying = False
        self.caught_up = False
        self.next = self.acked

    def found(self, size: int, acked: int) -> None:
        """What the cabinet's journal says, on the first and every later asking."""
        shrunk = size < self.size or acked < self.acked
        self.size = size
        self.acked = acked
        if shrunk or (self.next < acked and not self._replaying):
            self.next = acked
        self._look()

    def grown(self, size: int) -> None:
        self.size = max(self.size, size)
        self._look()

    @property
    def all_held(self) -> bool:
        """Upstream has confirmed everything."""
        return self.acked >= self.size

    @property
    def flowing(self) -> bool:
        """Something is on the way, and less than half of the window."""
        return 0 < len(self._flights) < WINDOW // 2

    def may_send(self, now_s: float) -> bool:
        """Whether the batch that begins at `next` may be sent now."""
        return now_s >= self._begin_s and len(self._flights) < self._window and self.next < self.size

    def hold(self, until_s: float) -> None:
        """The cabinet cannot give a batch for now."""
        self._begin_s = max(self._begin_s, until_s)

    def sent(self, token: int, end: int, now_s: float) -> None:
        """The batch that begins at `next` was published."""
        self._flights[token] = _Flight(end)
        self.next = end
        self._replaying = self._replaying and end < self.acked
        if end > self.acked and self._resend_at is None:
            self._resend_at = now_s + self._patience_s
        self._look()

    def taken(self, token: int) -> None:
        """The broker has it; what upstream holds already needs nothing more."""
        flight = self._flights.get(token)
        if flight is not None:
            flight.taken = True
            self._settle()

    def acknowledged(self, acked: int, now_s: float) -> None:
        """A counted acknowledgement."""
        if acked <= self.acked:
            return
        self.acked = acked
        if self.next < acked and not self._replaying:
            self.next = acked
        self._patience_s = self._resend_s
        self._window = WINDOW
        self._resend_at = now_s + self._patience_s if self.next > acked else None
        self._settle()

    def look_at_time(self, now_s: float) -> bool:
        """Whether upstream has kept silent for too long. Then what it did not acknowledge is sent again: one batch,
        and the others once that is acknowledged. It may be down for days."""
        if self._resend_at is None or now_s < self._resend_at:
            return False
        if self._replaying:
            # Upstream is being served what it asked for; it cannot acknowledge what comes after.
            self._resend_at = now_s + self._patience_s
            return False
        self._resend_at = None
        self._patience_s = max(self._resend_s, min(2 * self._patience_s, RESEND_S_MAX))
        self._window = 1
        self._back_to(self.acked)
        return True

    def request(self, first: int, now_s: float) -> bool:
        """Upstream wants the leaves from `first` on again, `first` not beyond the size. False when it was served
        just now."""
        if self._asked_s is not None and now_s - self._asked_s < REQUEST_S_MIN:
            return False
        self._asked_s = now_s
        self._window = WINDOW
        self._back_to(first)
        self._replaying = self.next < self.acked
        return True

    def wake_s(self, now_s: float) -> float | None:
        """When time alone makes a difference."""
        begin = [self._begin_s] if self.next < self.size and now_s < self._begin_s else []
        again = [] if self._resend_at is None else [self._resend_at]
        return min(begin + again, default=None)

    def _back_to(self, first: int) -> None:
        """What the broker has not confirmed still fills the window: it is held in memory until then."""
        self.next = min(self.next, first)
        for flight in self._flights.values():
            if flight.end > first:
                flight.end = 0
        self._settle()

    def _settle(self) -> None:
        self._flights = {
            token: flight for token, flight in self._flights.items() if not flight.taken or flight.end > self.acked
        }

    def _look(self) -> None:
        self.caught_up = self.caught_up or self.size - self.next <= BATCH_LEAVES_MAX
