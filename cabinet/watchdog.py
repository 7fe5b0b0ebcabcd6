"""Feeds systemd's watchdog by progress."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from hal.notify import Notifier


async def feed(notifier: Notifier, progress: Callable[[], bool]) -> None:
    """Feeds the watchdog while `progress` says that loop, journal and lanes moved. Runs until cancelled."""
    if not notifier.interval_s:
        return
    while True:
        if progress():
            notifier.tell("WATCHDOG=1")
        await asyncio.sleep(notifier.interval_s)
