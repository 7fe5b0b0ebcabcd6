"""The system's own clocks, and what vouches for the wall time."""

from __future__ import annotations

import platform
import time
from pathlib import Path

from hal.clock import Now, Quality

_TIMESYNC_MARK = Path("/run/systemd/timesync/synchronized")
_RTC = Path("/sys/class/rtc")
_BATTERY_CLOCK_ALWAYS = ("x86_64", "i686")
_LOOK_AGAIN_S = 10.0
_STEP_S = 1.0


class SystemClock:
    """CLOCK_BOOTTIME and the system's wall clock. Looks at the time service's mark every 10 s, and when somebody has
    set the clock: it may have been the time service."""

    def __init__(self) -> None:
        self._quality: Quality = time_quality()
        self._looked_s = self.mono_s()
        self._started_s = time.time() - self._looked_s

    def mono_s(self) -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def now(self) -> Now:
        mono_s, wall_ns = self.mono_s(), time.time_ns()
        started_s = wall_ns / 1e9 - mono_s
        if mono_s - self._looked_s > _LOOK_AGAIN_S or abs(started_s - self._started_s) > _STEP_S:
            self._quality, self._looked_s, self._started_s = time_quality(), mono_s, started_s
        return Now(mono_s, wall_ns // 1_000_000, self._quality)


def time_quality() -> Quality:
    """`ntp`: the time service has synchronised since the boot; `rtc`: a battery clock set the time; `none`: neither.

    A PC always boots with the time of its battery clock, even where no rtc device is shown (virtual machines,
    containers); a Raspberry Pi before the 5 has none."""
    if _TIMESYNC_MARK.exists():
        return "ntp"
    if platform.machine() in _BATTERY_CLOCK_ALWAYS or (_RTC.is_dir() and any(_RTC.iterdir())):
        return "rtc"
    return "none"
