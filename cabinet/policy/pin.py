"""What a PIN must be like, and when it has to be changed."""

from __future__ import annotations

from itertools import pairwise
from typing import Final, Literal

from cabinet.policy.rights import Person

PinFault = Literal["pin_length", "pin_repeated", "pin_run"]
PinDue = Literal["pin_expired", "pin_temporary"]
DIGITS_MIN: Final = 4
DIGITS_MAX: Final = 12
_DAY_MS: Final = 86_400_000


def fault(digits: str) -> PinFault | None:
    """Why these may not become a PIN."""
    if not (digits.isascii() and digits.isdigit() and DIGITS_MIN <= len(digits) <= DIGITS_MAX):
        return "pin_length"
    steps = {(int(b) - int(a)) % 10 for a, b in pairwise(digits)}
    if steps == {0}:
        return "pin_repeated"
    return "pin_run" if steps in ({1}, {9}) else None


def due(person: Person, wall_ms: int, days: int | None, *, wall_time_trusted: bool) -> PinDue | None:
    """Why the person has to choose another PIN before theirs counts again. `days`: how long one is good, None: for
    good. By a clock that nobody vouches for none expires."""
    if not person.pin_set:
        return None
    if person.pin_temporary:
        return "pin_temporary"
    expires = days is not None and wall_time_trusted
    return "pin_expired" if expires and wall_ms >= person.pin_since_ms + (days or 0) * _DAY_MS else None
