"""Schedules and curfews in local time, correct across the change of clocks and leap days."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo

from cabinet.policy.rights import Curfew, Schedule, Window

DAY_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def is_open(schedule: Schedule, wall_ms: int, zone: tzinfo) -> bool:
    """Does any window hold at this instant? Compares wall-clock readings, so a repeated hour counts twice."""
    local = _local(wall_ms, zone)
    return any(_holds(window, local, schedule.closed) for window in schedule.windows)


def due_ms(curfew: Curfew, taken_ms: int, zone: tzinfo) -> int | None:
    """When an item taken at `taken_ms` is due, Unix ms; None: never."""
    due = []
    if curfew.after_s is not None:
        due.append(taken_ms + curfew.after_s * 1000)
    if curfew.at is not None:
        due.append(_next_at(curfew.at, taken_ms, zone))
    return min(due) if due else None


def describe(schedule: Schedule) -> str:
    """The windows as a person reads them: `mon-fri 08:00-18:00, sat 09:00-12:00`."""
    windows = ", ".join(f"{_days(w.days)} {w.start:%H:%M}-{w.until:%H:%M}" for w in schedule.windows)
    return f"{windows}, not on holidays" if schedule.closed else windows


def _holds(window: Window, local: datetime, closed: frozenset[date]) -> bool:
    clock, today = local.time(), local.date()
    if window.start < window.until:
        return _begins(window, today, closed) and window.start <= clock < window.until
    began_today = _begins(window, today, closed) and clock >= window.start
    began_yesterday = _begins(window, today - timedelta(days=1), closed) and clock < window.until
    return began_today or began_yesterday


def _begins(window: Window, day: date, closed: frozenset[date]) -> bool:
    return day.weekday() in window.days and day not in closed


def _next_at(at: time, after_ms: int, zone: tzinfo) -> int:
    """The first instant after `after_ms` whose local clock reads `at`.

    A time the spring change skips falls due when the clocks have jumped; of a repeated one the first counts."""
    day = _local(after_ms, zone).date()
    for offset in range(3):
        # fold=0 maps a skipped reading with the offset before the change: the same distance behind the jump.
        candidate = datetime.combine(day + timedelta(days=offset), at, tzinfo=zone)
        instant_ms = int(candidate.timestamp() * 1000)
        if instant_ms > after_ms:
            return instant_ms
    raise AssertionError("a time of day comes within three days")


def _local(wall_ms: int, zone: tzinfo) -> datetime:
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
