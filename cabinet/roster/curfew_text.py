"""How a curfew is written: `8h`, `18:00`, `fri 18:00`, `2026-03-31 18:00`, `schedule`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, time
from typing import Annotated, Final

from pydantic import AfterValidator

from cabinet.policy.rights import Curfew
from cabinet.policy.schedule import DAY_NAMES

WITH_WINDOW: Final = "schedule"
TIME: Final = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")
_SPAN: Final = re.compile(r"([1-9][0-9]{0,4})([mhd])")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SPAN_S: Final = {"m": 60, "h": 3600, "d": 86_400}
_SPAN_S_MAX: Final = 366 * 86_400
_WRITTEN: Final = (
    'should be a span such as "90m", "8h", "2d" (at most 366d), a time of day such as "18:00", a weekday with time '
    'such as "fri 18:00", a date with time such as "2026-03-31 18:00", or "schedule"'
)


def _part(value: str) -> str:
    day, _, clock = value.rpartition(" ")
    span = _span_s(value)
    if value == WITH_WINDOW or (span is not None and span <= _SPAN_S_MAX):
        return value
    if TIME.fullmatch(clock) and (day in ("", *DAY_NAMES) or (_DATE.fullmatch(day) and _is_day(day))):
        return value
    raise ValueError(_WRITTEN)


CurfewPart = Annotated[str, AfterValidator(_part)]


def curfew_problem(parts: Sequence[str], *, has_schedule: bool) -> str | None:
    """What does not go together."""
    if WITH_WINDOW in parts and not has_schedule:
        return 'curfew: "schedule" is the end of the window, and the right has no schedule'
    for what, count in (
        ("one span", sum(_span_s(part) is not None for part in parts)),
        ("one time of day", sum(bool(TIME.fullmatch(part)) for part in parts)),
    ):
        if count > 1:
            return f"curfew: at most {what}; weekdays and dates may be several"
    return None


def curfew(parts: Iterable[str]) -> Curfew:
    """Of parts that were checked."""
    after_s: int | None = None
    at: time | None = None
    weekly: list[tuple[int, time]] = []
    dates: list[datetime] = []
    with_window = False
    for part in parts:
        day, _, clock = part.rpartition(" ")
        if part == WITH_WINDOW:
            with_window = True
        elif (span := _span_s(part)) is not None:
            after_s = span
        elif not day:
            at = time.fromisoformat(clock)
        elif day in DAY_NAMES:
            weekly.append((DAY_NAMES.index(day), time.fromisoformat(clock)))
        else:
            dates.append(datetime.fromisoformat(part))
    return Curfew(after_s, at, tuple(weekly), tuple(dates), with_window)


def _span_s(part: str) -> int | None:
    span = _SPAN.fullmatch(part)
    return int(span[1]) * _SPAN_S[span[2]] if span else None


def _is_day(day: str) -> bool:
    try:
        datetime.fromisoformat(day)
    except ValueError:
        return False
    return True
