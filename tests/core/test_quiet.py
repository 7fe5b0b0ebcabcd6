"""Quiet hours: no tone but an alarm, in local time, by a trusted clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time
from zoneinfo import ZoneInfo

import pytest

from cabinet.core.state import Setup, SlotSetup
from cabinet.policy.rights import Schedule, Window
from tests.core.cabinet import ADA, ADA_CARD, Cabinet, right, rights

NIGHT = Schedule("quiet", (Window(frozenset(range(7)), time(22), time(6)),))


def at(instant: str) -> Cabinet:
    slots = {n: SlotSetup("relays", 0.5) for n in range(1, 5)}
    roster = replace(rights(right(ADA, "K-0001")), zone=ZoneInfo("Europe/Berlin"))
    cabinet = Cabinet(roster, setup=Setup(slots, quiet=NIGHT))
    cabinet.now = replace(cabinet.now, wall_ms=int(datetime.fromisoformat(instant).timestamp() * 1000))
    return cabinet


@pytest.mark.parametrize(
    ("instant", "quiet"),
    [
        ("2026-01-05T21:59:59+01:00", False),
        ("2026-01-05T22:00:00+01:00", True),
        ("2026-01-06T05:59:59+01:00", True),
        ("2026-01-06T06:00:00+01:00", False),
        ("2026-03-29T01:59:59+01:00", True),  # the clocks go forward
        ("2026-03-29T03:00:00+02:00", True),
        ("2026-03-29T06:00:00+02:00", False),
        ("2026-10-25T02:30:00+02:00", True),  # and back: the hour that comes twice
        ("2026-10-25T02:30:00+01:00", True),
        ("2026-10-25T05:30:00+01:00", True),
        ("2026-10-25T06:00:00+01:00", False),
    ],
)
def test_tones_follow_the_local_clock(instant: str, quiet: bool) -> None:
    cabinet = at(instant)
    cabinet.badge(ADA_CARD)
    cabinet.lift(1)
    assert cabinet.pulses() == [1]
    assert bool(cabinet.tones()) is not quiet


def test_an_alarm_sounds_at_any_hour() -> None:
    cabinet = at("2026-01-05T23:00:00+01:00")
    cabinet.lift(2)
    assert cabinet.tones() == ["alarm"]


def test_by_a_clock_that_nobody_vouches_for_no_hour_is_quiet() -> None:
    cabinet = at("2026-01-05T23:00:00+01:00")
    cabinet.now = replace(cabinet.now, quality="none")
    cabinet.badge(ADA_CARD)
    assert cabinet.tones() == ["accepted"]
