"""A chip on an I2C bus, and the faults every chip there can have, played between the two."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from simulator.body import I2cBody, Pluggable
from simulator.faults import ActiveFaults, Fault


class I2cDevice:
    def __init__(self, body: I2cBody, link: Pluggable) -> None:
        self.body = body
        self.holds_low = False
        self._link = link
        self._faults = ActiveFaults()
        self._on = False
        self._recovery: dict[str, asyncio.TimerHandle] = {}

    def begin(self) -> bool:
        """A message is addressed to it; whether it acknowledges."""
        if not self._on or self._faults.act("silent"):
            return False
        self.body.begin()
        return True

    def start(self) -> None:
        self._switch(on=True)

    def stop(self) -> None:
        self._stop_recovery()
        self._switch(on=False)

    def fault(self, fault: Fault) -> None:
        """Sets one of the body's faults, beside those already set. Raises FaultError."""
        match fault.name:
            case "unplug":
                self._link.unplug()
                self._recover(fault, self._link.replug)
            case "power-cycle":
                self._switch(on=False)
                self._recover(fault, lambda: self._switch(on=True))
            case "stuck-low":
                self.holds_low = True
                self._recover(fault, self._let_go)
            case "silent":
                self._faults.set(fault)
            case _:
                self.body.afflict(fault)

    def clear(self) -> None:
        """Ends all faults: power and link are back."""
        self._faults.clear()
        self._let_go()
        self.body.heal()
        self._stop_recovery()
        self._link.replug()
        self._switch(on=True)

    def _let_go(self) -> None:
        self.holds_low = False

    def _switch(self, *, on: bool) -> None:
        if self._on != on:
            self._on = on
            self.body.power(on=on)

    def _recover(self, fault: Fault, action: Callable[[], None]) -> None:
        if timer := self._recovery.pop(fault.name, None):
            timer.cancel()
        if fault.amount is not None:
            self._recovery[fault.name] = asyncio.get_running_loop().call_later(fault.amount / 1000, action)

    def _stop_recovery(self) -> None:
        for timer in self._recovery.values():
            timer.cancel()
        self._recovery.clear()
