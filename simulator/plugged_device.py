"""A body on a simulated GPIO chip, or at a keyboard's plug. The link as a whole may be unplugged; other faults are the
body's."""

from __future__ import annotations

import asyncio

from simulator.body import Body, Pluggable
from simulator.faults import Fault


class PluggedDevice:
    def __init__(self, body: Body, link: Pluggable) -> None:
        self.body = body
        self._link = link
        self._replug: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self.body.power(on=True)

    def stop(self) -> None:
        self._stop_replug()
        self.body.power(on=False)

    def fault(self, fault: Fault) -> None:
        """Sets one of the body's faults, beside those already set. Raises FaultError."""
        if fault.name != "unplug":
            self.body.afflict(fault)
            return
        self._stop_replug()
        self._link.unplug()
        if fault.amount is not None:
            loop = asyncio.get_running_loop()
            self._replug = loop.call_later(fault.amount / 1000, self._link.replug)

    def clear(self) -> None:
        """Ends all faults."""
        self._stop_replug()
        self.body.heal()
        self._link.replug()

    def _stop_replug(self) -> None:
        if self._replug is not None:
            self._replug.cancel()
            self._replug = None
