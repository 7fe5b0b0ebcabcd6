"""Schedules in local time, correct across the change of clocks and leap days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo

from cabinet.policy.rights import Schedule, Window

DAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def is_open(schedule: Schedule, wall_ms: int, zone: tzinfo) -> bool:
    """Does any window hold at this instant? Compares wall-clock readings, so a repeated hour counts twice."""
    local = local_time(wall_ms, zone)
    days = (local.date(), local.date() - timedelta(days=1))
    return any(_holds(window, local, schedule.closed, day) for window in schedule.windows for day in days)


def open_until(schedule: Schedule, wall_ms: int, zone: tzinfo) -> datetime | None:
    """The local time, without its zone, at which the window of this instant ends: of several the latest."""
    local = local_time(wall_ms, zone)
    ends = []
    for window in schedule.windows:
        for began in (local.date(), local.date() - timedelta(days=1)):
            if _holds(window, local, schedule.closed, began):
                over_midnight = timedelta(days=window.until <= window.start)
                ends.append(datetime.combine(began, window.until) + over_midnight)
    return max(ends, default=None)


def describe(schedule: Schedule) -> str:
    """The windows as a person reads them: `mon-fri 08:00-18:00, sat 09:00-12:00`."""
    windows = ", ".join(f"{_days(w.days)} {w.start:%H:%M}-{w.until:%H:%M}" for w in schedule.windows)
    return f"{windows}, not on holidays" if schedule.closed else windows


def _holds(window: Window, local: datetime, closed: frozenset[date], began: date) -> bool:
    """The window that began on this day, which is that of `local` or the one before."""
    if not _begins(window, began, closed):
        return False
    clock, over_midnight = local.time(), window.until <= window.start
    if began == local.date():
        return window.start <= clock and (over_midnight or clock < window.until)
    return over_midnight and clock < window.until


def _begins(window: Window, day: date, closed: frozenset[date]) -> bool:
    return day.weekday() in window.days and day not in closed


def local_time(wall_ms: int, zone: tzinfo) -> datetime:
    return datetime.fromtimestamp(wall_ms / 1000, tz=UTC).astimezone(zone)


def _days(days: frozenset[int]) -> str:
    """Runs of at least three days as a range: `mon-fri`, `mon,wed`."""
    ordered, parts = sorted(days), []
    while ordered:
        run = [ordered.pop(0)]
        while ordered and ordered[0] == run[-1] + 1:
            run.append(ordered.pop(0))
        names = [DAY_NAMES[day] for day in run]
        parts.extend([f"{names[0]}-{names[-1]}"] if len(names) > 2 else names)
    return ",".join(parts)
