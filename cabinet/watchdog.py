"""Tells systemd that the daemon is ready, alive, or leaving (sd_notify(3): datagrams to $NOTIFY_SOCKET)."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping


class Notifier:
    """Silent where nobody listens."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        self.interval_s = int(environ.get("WATCHDOG_USEC", "0")) / 2_000_000
        """Half of what systemd allows; 0 when it does not watch."""

    def tell(self, state: str) -> None:
        """Sends e.g. `READY=1`. Never blocks, never raises: a missing listener must not stop a cabinet."""
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as notify:
            try:
                notify.sendto(state.encode(), address)
            except OSError:
                return


async def feed(notifier: Notifier, progress: Callable[[], bool]) -> None:
    """Feeds the watchdog while `progress` says that loop, journal and lanes moved. Runs until cancelled."""
    if not notifier.interval_s:
        return
    while True:
        if progress():
            notifier.tell("WATCHDOG=1")
        await asyncio.sleep(notifier.interval_s)
