"""cabinetd with its wall clock so many hours ahead: `python -m tests.daemon.later 9 --config FILE`; with `none` behind
the hours nobody vouches for it."""

from __future__ import annotations

import sys
from dataclasses import replace

from cabinet import daemon
from cabinet.app import main
from hal.clock import Now
from hal.system_clock import SystemClock


class LaterClock(SystemClock):
    """Everything else is as the system says."""

    ahead_ms = 0
    trusted = True

    def now(self) -> Now:
        now = super().now()
        return replace(now, wall_ms=now.wall_ms + self.ahead_ms, quality=now.quality if self.trusted else "none")


if __name__ == "__main__":
    hours, *rest = sys.argv[1:]
    LaterClock.ahead_ms = int(hours) * 3_600_000
    LaterClock.trusted = rest[0] != "none"
    daemon.SystemClock = LaterClock  # type: ignore[attr-defined]
    raise SystemExit(main(rest if LaterClock.trusted else rest[1:]))
