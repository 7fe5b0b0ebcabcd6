"""Items that are kept for somebody at some time, and what that means for everybody else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Final, Literal

from cabinet.policy.rights import Pseudonym

CODE_DIGITS: Final = 8
CODE_EARLY_MS: Final = 15 * 60_000
"""So long before its booking begins a code is taken."""


@dataclass(frozen=True, slots=True)
class Booking:
    """`holder` has the item from `starts_ms` until before `until_ms` (wall time, Unix ms). `code` is the keyed digest
    of a code that identifies them once, None when there is none (any more)."""

    item: str
    holder: Pseudonym
    starts_ms: int
    until_ms: int
    code: str | None = None

    def holds(self, wall_ms: int) -> bool:
        return self.starts_ms <= wall_ms < self.until_ms

    def takes_code(self, wall_ms: int) -> bool:
        return self.starts_ms - CODE_EARLY_MS <= wall_ms < self.until_ms

    def overlaps(self, starts_ms: int, until_ms: int) -> bool:
        return self.starts_ms < until_ms and starts_ms < self.until_ms


def of_others(bookings: Iterable[Booking], item: str, person: Pseudonym) -> list[Booking]:
    """By their beginning."""
    found = [one for one in bookings if one.item == item and one.holder != person]
    return sorted(found, key=lambda one: one.starts_ms)


def in_the_way(
    bookings: Iterable[Booking], item: str, person: Pseudonym, wall_ms: int, *, wall_time_trusted: bool
) -> Booking | None:
    """Somebody else's, now. By a clock that nobody vouches for, any of the item may be."""
    others = of_others(bookings, item, person)
    return next((one for one in others if one.holds(wall_ms) or not wall_time_trusted), None)


def due_ms(
    bookings: Iterable[Booking], item: str, person: Pseudonym, curfew_ms: int | None, wall_ms: int
) -> tuple[int | None, Literal["booked"] | None]:
    """When an item taken now is due: by the right's curfew, at the end of the person's own booking, or where somebody
    else's begins, whichever comes first; and whether it is the last."""
    bookings = list(bookings)
    ends = [one.until_ms for one in bookings if (one.item, one.holder) == (item, person) and one.takes_code(wall_ms)]
    begins = [one.starts_ms for one in of_others(bookings, item, person) if one.starts_ms > wall_ms]
    due = min((at for at in (curfew_ms, *ends, *begins) if at is not None), default=None)
    return due, "booked" if due in begins else None


def window(booking: Booking, zone: tzinfo) -> str:
    """As a person reads it: `2026-03-10 14:00-16:00`."""
    starts, until = (
        datetime.fromtimestamp(ms / 1000, tz=UTC).astimezone(zone) for ms in (booking.starts_ms, booking.until_ms)
    )
    last = f"-{until:%H:%M}" if starts.date() == until.date() else f" - {until:%Y-%m-%d %H:%M}"
    return f"{starts:%Y-%m-%d %H:%M}{last}"
