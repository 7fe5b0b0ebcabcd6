"""Curfews in local time: worked out by hand from the calendars of four zones."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cabinet.policy.curfew import due_ms, passed
from cabinet.policy.rights import Curfew, Schedule, Window
from cabinet.policy.schedule import DAY_NAMES

ZURICH = ZoneInfo("Europe/Zurich")
SHANGHAI = ZoneInfo("Asia/Shanghai")


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def local(wall_ms: int | None, zone: ZoneInfo = ZURICH) -> str:
    assert wall_ms is not None
    return datetime.fromtimestamp(wall_ms / 1000, tz=UTC).astimezone(zone).isoformat()


def weekly(*moments: str) -> Curfew:
    pairs = (moment.split(" ") for moment in moments)
    return Curfew(weekly=tuple((DAY_NAMES.index(day), time.fromisoformat(clock)) for day, clock in pairs))


@pytest.mark.parametrize(
    ("taken", "at", "due"),
    [
        ("2026-01-05T09:00:00+01:00", "18:00", "2026-01-05T18:00:00+01:00"),
        ("2026-01-05T18:00:00+01:00", "18:00", "2026-01-06T18:00:00+01:00"),
        ("2026-03-28T20:00:00+01:00", "18:00", "2026-03-29T18:00:00+02:00"),  # the day the clocks go forward
        ("2026-03-28T20:00:00+01:00", "02:30", "2026-03-29T03:30:00+02:00"),  # 02:30 does not exist
        ("2026-10-24T20:00:00+02:00", "02:30", "2026-10-25T02:30:00+02:00"),  # the first of two
        ("2028-02-28T20:00:00+01:00", "18:00", "2028-02-29T18:00:00+01:00"),  # leap day
        ("2026-12-31T20:00:00+01:00", "08:00", "2027-01-01T08:00:00+01:00"),
    ],
)
def test_a_curfew_at_a_time_of_day(taken: str, at: str, due: str) -> None:
    assert local(due_ms(Curfew(at=time.fromisoformat(at)), ms(taken), ZURICH)) == due


def test_a_relative_curfew_counts_real_hours() -> None:
    due = due_ms(Curfew(after_s=8 * 3600), ms("2026-03-28T22:00:00+01:00"), ZURICH)
    assert local(due) == "2026-03-29T07:00:00+02:00"


def test_the_earlier_of_both_curfews_counts() -> None:
    both = Curfew(after_s=3600, at=time(18))
    assert local(due_ms(both, ms("2026-01-05T09:00:00+08:00"), SHANGHAI), SHANGHAI) == "2026-01-05T10:00:00+08:00"
    assert local(due_ms(both, ms("2026-01-05T17:30:00+08:00"), SHANGHAI), SHANGHAI) == "2026-01-05T18:00:00+08:00"
    assert due_ms(Curfew(), 0, UTC) is None


@given(
    taken_ms=st.integers(0, 4_102_444_800_000),
    at=st.times(),
    zone=st.sampled_from(["Europe/Zurich", "America/New_York", "Asia/Shanghai", "Australia/Lord_Howe", "Pacific/Apia"]),
)
def test_a_curfew_is_always_ahead_and_within_two_days(taken_ms: int, at: time, zone: str) -> None:
    due = due_ms(Curfew(at=at.replace(microsecond=0)), taken_ms, ZoneInfo(zone))
    assert due is not None
    assert 0 < due - taken_ms <= 50 * 3_600_000


@pytest.mark.parametrize(
    ("zone", "taken", "moment", "due"),
    [
        # 2026-01-05 is a Monday.
        ("Europe/Berlin", "2026-01-05T09:00:00+01:00", "fri 18:00", "2026-01-09T18:00:00+01:00"),
        ("Europe/Berlin", "2026-01-09T17:59:59+01:00", "fri 18:00", "2026-01-09T18:00:00+01:00"),
        ("Europe/Berlin", "2026-01-09T18:00:00+01:00", "fri 18:00", "2026-01-16T18:00:00+01:00"),
        ("Europe/Berlin", "2026-12-30T09:00:00+01:00", "fri 08:00", "2027-01-01T08:00:00+01:00"),  # year's end
        ("Europe/Berlin", "2028-02-25T09:00:00+01:00", "tue 12:00", "2028-02-29T12:00:00+01:00"),  # leap day
        ("Europe/Berlin", "2026-03-27T09:00:00+01:00", "sun 18:00", "2026-03-29T18:00:00+02:00"),  # an hour shorter
        ("Europe/Berlin", "2026-03-27T09:00:00+01:00", "sun 02:30", "2026-03-29T03:30:00+02:00"),  # does not exist
        ("Europe/Berlin", "2026-10-23T09:00:00+02:00", "sun 18:00", "2026-10-25T18:00:00+01:00"),  # an hour longer
        ("Europe/Berlin", "2026-10-23T09:00:00+02:00", "sun 02:30", "2026-10-25T02:30:00+02:00"),  # the first of two
        ("America/New_York", "2026-03-06T09:00:00-05:00", "sun 02:30", "2026-03-08T03:30:00-04:00"),
        ("America/New_York", "2026-03-06T09:00:00-05:00", "mon 08:00", "2026-03-09T08:00:00-04:00"),
        ("America/New_York", "2026-10-30T09:00:00-04:00", "sun 01:30", "2026-11-01T01:30:00-04:00"),
        ("America/New_York", "2026-10-30T09:00:00-04:00", "mon 08:00", "2026-11-02T08:00:00-05:00"),
        # Lord Howe's clocks change by half an hour: 02:00 to 02:30 in October, 02:00 to 01:30 in April.
        ("Australia/Lord_Howe", "2026-10-02T09:00:00+10:30", "sun 02:15", "2026-10-04T02:45:00+11:00"),
        ("Australia/Lord_Howe", "2026-10-02T09:00:00+10:30", "sun 18:00", "2026-10-04T18:00:00+11:00"),
        ("Australia/Lord_Howe", "2026-04-03T09:00:00+11:00", "sun 01:45", "2026-04-05T01:45:00+11:00"),
        ("Australia/Lord_Howe", "2026-04-03T09:00:00+11:00", "sun 18:00", "2026-04-05T18:00:00+10:30"),
    ],
)
def test_a_weekday(zone: str, taken: str, moment: str, due: str) -> None:
    assert local(due_ms(weekly(moment), ms(taken), ZoneInfo(zone)), ZoneInfo(zone)) == due


@pytest.mark.parametrize(
    ("zone", "date", "due"),
    [
        ("Europe/Berlin", "2026-03-31T18:00", "2026-03-31T18:00:00+02:00"),
        ("Europe/Berlin", "2026-03-29T02:30", "2026-03-29T03:30:00+02:00"),
        ("Europe/Berlin", "2026-10-25T02:30", "2026-10-25T02:30:00+02:00"),
        ("Europe/Berlin", "2026-12-31T23:59", "2026-12-31T23:59:00+01:00"),
        ("Europe/Berlin", "2028-02-29T08:00", "2028-02-29T08:00:00+01:00"),
        ("America/New_York", "2026-11-01T01:30", "2026-11-01T01:30:00-04:00"),
        ("Australia/Lord_Howe", "2026-10-04T02:15", "2026-10-04T02:45:00+11:00"),
    ],
)
def test_a_date_and_when_it_has_passed(zone: str, date: str, due: str) -> None:
    where, curfew = ZoneInfo(zone), Curfew(dates=(datetime.fromisoformat(date),))
    assert local(due_ms(curfew, ms("2026-01-05T09:00:00+00:00"), where), where) == due
    assert passed(curfew, ms(due) - 1, where) is None
    assert passed(curfew, ms(due), where) == date.replace("T", " ")


OFFICE = Window(frozenset(range(5)), time(8), time(18))
NIGHTS = Window(frozenset(range(7)), time(22), time(6))
EARLY = Window(frozenset(range(7)), time(0), time(2, 30))
WHOLE = Window(frozenset({0}), time(0), time(0))


@pytest.mark.parametrize(
    ("windows", "taken", "due"),
    [
        ((OFFICE,), "2026-01-05T08:00:00+01:00", "2026-01-05T18:00:00+01:00"),
        ((OFFICE,), "2026-01-05T17:59:59+01:00", "2026-01-05T18:00:00+01:00"),
        ((NIGHTS,), "2026-01-05T22:00:00+01:00", "2026-01-06T06:00:00+01:00"),
        ((NIGHTS,), "2026-01-06T05:00:00+01:00", "2026-01-06T06:00:00+01:00"),
        ((NIGHTS,), "2026-12-31T23:00:00+01:00", "2027-01-01T06:00:00+01:00"),
        ((NIGHTS,), "2026-03-28T23:00:00+01:00", "2026-03-29T06:00:00+02:00"),
        ((NIGHTS,), "2026-10-24T23:00:00+02:00", "2026-10-25T06:00:00+01:00"),
        (
            (OFFICE, Window(frozenset({0}), time(12), time(20))),
            "2026-01-05T13:00:00+01:00",
            "2026-01-05T20:00:00+01:00",
        ),
        ((WHOLE,), "2026-01-05T13:00:00+01:00", "2026-01-06T00:00:00+01:00"),
        ((EARLY,), "2026-10-25T01:00:00+02:00", "2026-10-25T02:30:00+02:00"),
        ((EARLY,), "2026-10-25T02:10:00+01:00", "2026-10-25T02:30:00+01:00"),  # the hour that comes again
    ],
)
def test_the_end_of_the_window(windows: tuple[Window, ...], taken: str, due: str) -> None:
    assert local(due_ms(Curfew(with_window=True), ms(taken), ZURICH, Schedule("s", windows))) == due


def test_a_window_that_began_before_a_holiday_ends_on_it() -> None:
    eve = Schedule("s", (NIGHTS,), frozenset({date(2026, 5, 1)}))
    taken = ms("2026-04-30T23:00:00+02:00")
    assert local(due_ms(Curfew(with_window=True), taken, ZURICH, eve)) == "2026-05-01T06:00:00+02:00"


def test_the_earliest_of_everything() -> None:
    schedule = Schedule("s", (OFFICE,))
    all_of_it = Curfew(
        86_400, time(19), ((0, time(17)), (0, time(16))), (datetime.fromisoformat("2026-01-05 15:00"),), True
    )
    taken = ms("2026-01-05T09:00:00+01:00")
    assert local(due_ms(all_of_it, taken, ZURICH, schedule)) == "2026-01-05T15:00:00+01:00"
    assert local(due_ms(weekly("mon 17:00", "mon 16:00"), taken, ZURICH)) == "2026-01-05T16:00:00+01:00"
    assert local(due_ms(Curfew(at=time(19), with_window=True), taken, ZURICH, schedule)) == "2026-01-05T18:00:00+01:00"


@given(
    taken_ms=st.integers(0, 4_102_444_800_000),
    weekday=st.integers(0, 6),
    at=st.times(),
    zone=st.sampled_from(["Europe/Zurich", "America/New_York", "Asia/Shanghai", "Australia/Lord_Howe"]),
)
def test_a_weekday_comes_within_a_week_and_an_hour(taken_ms: int, weekday: int, at: time, zone: str) -> None:
    due = due_ms(Curfew(weekly=((weekday, at.replace(microsecond=0)),)), taken_ms, ZoneInfo(zone))
    assert due is not None
    assert 0 < due - taken_ms <= (7 * 24 + 2) * 3_600_000
