"""When what was taken is due, in local time: correct across the change of clocks, leap days and ends of years.

A local time that the spring change skips falls as far behind the jump as it was meant behind its beginning; of one
that comes twice the first counts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo

from cabinet.policy.rights import Curfew, Right, Rights, Schedule
from cabinet.policy.schedule import local_time, open_until

_DAYS_AHEAD = 9
"""A weekday comes within so many days, even where its hour was skipped this week."""


def due_ms(curfew: Curfew, taken_ms: int, zone: tzinfo, schedule: Schedule | None = None) -> int | None:
    """When an item taken at `taken_ms` is due, Unix ms; None: never. `schedule` is that of the right."""
    return min(_all_due(curfew, taken_ms, zone, schedule), default=None)


def due_by(rights: Rights, right: Right, taken_ms: int) -> int | None:
    """When what is taken by this right is due."""
    return due_ms(right.curfew, taken_ms, rights.zone, rights.schedules[right.schedule] if right.schedule else None)


def passed(curfew: Curfew, wall_ms: int, zone: tzinfo) -> str | None:
    """The date of the curfew that is over, as a person reads it: nothing taken now could be back by then."""
    over = [moment for moment in curfew.dates if _instant(moment, zone) <= wall_ms]
    return f"{min(over):%Y-%m-%d %H:%M}" if over else None


def _all_due(curfew: Curfew, taken_ms: int, zone: tzinfo, schedule: Schedule | None) -> Iterator[int]:
    if curfew.after_s is not None:
        yield taken_ms + curfew.after_s * 1000
    today = local_time(taken_ms, zone).replace(tzinfo=None)
    for weekday, clock in ((None, curfew.at), *curfew.weekly):
        if clock is not None:
            days = (today + timedelta(days=ahead) for ahead in range(_DAYS_AHEAD))
            moments = (datetime.combine(day, clock) for day in days if weekday in (None, day.weekday()))
            yield next(due for moment in moments if (due := _instant(moment, zone)) > taken_ms)
    for date in curfew.dates:
        yield _instant(date, zone)
    if curfew.with_window and schedule is not None and (end := open_until(schedule, taken_ms, zone)) is not None:
        first, second = (_instant(end.replace(fold=fold), zone) for fold in (0, 1))
        yield first if first > taken_ms else second


def _instant(moment: datetime, zone: tzinfo) -> int:
    """fold=0 reads a skipped time with the offset before the change."""
    return int(moment.replace(tzinfo=zone).timestamp() * 1000)
