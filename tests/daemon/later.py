"""cabinetd with its wall clock so many hours ahead: `python -m tests.daemon.later 9 --config FILE`."""

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

    def now(self) -> Now:
        now = super().now()
        return replace(now, wall_ms=now.wall_ms + self.ahead_ms)


if __name__ == "__main__":
    LaterClock.ahead_ms = int(sys.argv[1]) * 3_600_000
    daemon.SystemClock = LaterClock  # type: ignore[attr-defined]
    raise SystemExit(main(sys.argv[2:]))
