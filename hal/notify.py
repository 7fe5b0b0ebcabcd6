"""Tells systemd that a daemon is ready, alive, or leaving (sd_notify(3): datagrams to $NOTIFY_SOCKET)."""

from __future__ import annotations

import socket
from collections.abc import Mapping


class Notifier:
    """Silent where nobody listens."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._address = environ.get("NOTIFY_SOCKET", "")
        self.interval_s = int(environ.get("WATCHDOG_USEC", "0")) / 2_000_000
        """Half of what systemd allows; 0 when it does not watch."""

    def tell(self, state: str) -> None:
        """Sends e.g. `READY=1`. Never blocks, never raises: a missing listener must not stop a daemon."""
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as notify:
            try:
                notify.sendto(state.encode(), address)
            except OSError:
                return
