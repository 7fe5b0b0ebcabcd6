"""Windows and curfews in local time, across the change of clocks and leap days."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from cabinet.policy.rights import Schedule, Window
from cabinet.policy.schedule import describe, is_open

ZURICH = ZoneInfo("Europe/Zurich")
SHANGHAI = ZoneInfo("Asia/Shanghai")


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def local(wall_ms: int | None, zone: ZoneInfo = ZURICH) -> str:
    assert wall_ms is not None
    return datetime.fromtimestamp(wall_ms / 1000, tz=UTC).astimezone(zone).isoformat()


def week(start: str, until: str, days: range | set[int] = range(5)) -> Schedule:
    return Schedule("s", (Window(frozenset(days), time.fromisoformat(start), time.fromisoformat(until)),))


@pytest.mark.parametrize(
    ("instant", "expected"),
    [
        ("2026-01-05T07:59:59.999+01:00", False),
        ("2026-01-05T08:00:00+01:00", True),
        ("2026-01-05T17:59:59.999+01:00", True),
        ("2026-01-05T18:00:00+01:00", False),
        ("2026-01-10T12:00:00+01:00", False),  # Saturday
        ("2026-07-06T08:00:00+02:00", True),  # summer time: the same local hour
        ("2026-07-06T07:30:00+02:00", False),
    ],
)
def test_office_hours_are_local(instant: str, expected: bool) -> None:
    assert is_open(week("08:00", "18:00"), ms(instant), ZURICH) is expected


@pytest.mark.parametrize(
    ("instant", "expected"),
    [
        ("2026-01-05T21:59:00+01:00", False),
        ("2026-01-05T22:00:00+01:00", True),  # Monday
        ("2026-01-06T05:59:00+01:00", True),
        ("2026-01-10T05:00:00+01:00", True),  # Friday's night runs into Saturday
        ("2026-01-10T22:30:00+01:00", False),  # no night begins on Saturday
        ("2026-01-05T05:00:00+01:00", False),  # Sunday's night is not in the window
    ],
)
def test_a_night_belongs_to_the_day_it_begins(instant: str, expected: bool) -> None:
    assert is_open(week("22:00", "06:00"), ms(instant), ZURICH) is expected


def test_equal_ends_mean_the_whole_day() -> None:
    whole = week("00:00", "00:00", {0})
    assert is_open(whole, ms("2026-01-05T00:00:00+01:00"), ZURICH)
    assert is_open(whole, ms("2026-01-05T23:59:59+01:00"), ZURICH)
    assert not is_open(whole, ms("2026-01-06T00:00:00+01:00"), ZURICH)


def test_the_skipped_hour_shortens_and_the_repeated_hour_lengthens_a_window() -> None:
    early = week("02:00", "03:00", set(range(7)))
    spring = [
        minute for minute in range(1440) if is_open(early, ms("2026-03-29T00:00:00+01:00") + minute * 60_000, ZURICH)
    ]
    autumn = [
        minute for minute in range(1500) if is_open(early, ms("2026-10-25T00:00:00+02:00") + minute * 60_000, ZURICH)
    ]
    assert (len(spring), len(autumn)) == (0, 120)


def test_windows_are_described_as_people_write_them() -> None:
    schedule = Schedule(
        "s",
        (
            Window(frozenset({0, 1, 2, 3, 4}), time(8), time(18)),
            Window(frozenset({5}), time(9), time(12, 30)),
            Window(frozenset({1, 2, 6}), time(22), time(6)),
        ),
    )
    assert describe(schedule) == "mon-fri 08:00-18:00, sat 09:00-12:30, tue,wed,sun 22:00-06:00"


@pytest.mark.parametrize(
    ("hours", "instant", "expected"),
    [
        (("08:00", "18:00"), "2026-05-01T10:00+02:00", False),
        (("08:00", "18:00"), "2026-05-04T10:00+02:00", True),
        (("22:00", "06:00"), "2026-05-01T23:00+02:00", False),
        (("22:00", "06:00"), "2026-05-01T05:00+02:00", True),  # began the evening before
        (("22:00", "06:00"), "2026-05-02T05:00+02:00", False),  # would have begun on the holiday
    ],
)
def test_on_a_holiday_no_window_begins(hours: tuple[str, str], instant: str, expected: bool) -> None:
    schedule = replace(week(*hours, range(7)), closed=frozenset({date(2026, 5, 1)}))
    assert is_open(schedule, ms(instant), ZURICH) is expected
    assert describe(schedule).endswith(", not on holidays")
