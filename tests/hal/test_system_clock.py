"""What vouches for the wall time, and how soon a time service is believed."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from pytest_mock import MockerFixture

from hal import system_clock
from hal.system_clock import SystemClock, time_quality


@pytest.fixture
def mark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of a time service that has not synchronised, on a board without a battery clock."""
    monkeypatch.setattr(system_clock, "_TIMESYNC_MARK", tmp_path / "synchronized")
    monkeypatch.setattr(system_clock, "_RTC", tmp_path / "rtc")
    monkeypatch.setattr(system_clock, "_BATTERY_CLOCK_ALWAYS", ())
    return tmp_path / "synchronized"


def test_what_vouches(mark: Path) -> None:
    assert time_quality() == "none"
    (mark.parent / "rtc" / "rtc0").mkdir(parents=True)
    assert time_quality() == "rtc"
    mark.touch()
    assert time_quality() == "ntp"


def test_who_sets_the_clock_is_looked_for_at_once(mark: Path, mocker: MockerFixture) -> None:
    wall_ns = mocker.patch.object(system_clock.time, "time_ns", return_value=time.time_ns())
    clock = SystemClock()
    mark.touch()
    assert clock.now().quality == "none", "it is not asked at every reading"
    wall_ns.return_value += 5_000_000_000
    assert clock.now().quality == "ntp"
