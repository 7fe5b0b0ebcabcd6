"""Contacts that a device is wired to directly, watched while it has power: it is told each change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from simulator.contacts import Contacts, Sensors
from simulator.faults import Fault, channels_of

SCAN_S = 0.005


class SwitchedInputs:
    faults = ("sensor-stuck", "forced-open", "chatter")

    def __init__(self, contacts: Contacts, count: int, changed: Callable[[int, bool], None]) -> None:
        """`changed` gets channel and whether the contact is closed; all are open at first."""
        self.channels = range(1, count + 1)
        self._sensors = Sensors(contacts, count)
        self._changed = changed
        self._levels = dict.fromkeys(self.channels, False)
        self._chattering: frozenset[int] = frozenset()
        self._scan: asyncio.TimerHandle | None = None

    def power(self, *, on: bool) -> None:
        if self._scan is not None:
            self._scan.cancel()
            self._scan = None
        if on:
            self.look()

    def afflict(self, fault: Fault) -> None:
        match fault.name:
            case "sensor-stuck":
                self._sensors.stick(fault)
            case "forced-open":
                self._sensors.force(fault)
            case _:
                assert fault.name == "chatter", fault.name
                self._chattering |= channels_of(fault, len(self.channels), self.channels)

    def heal(self) -> None:
        self._chattering = frozenset()
        self._sensors.heal()

    def closed(self, channel: int) -> bool:
        return self._levels[channel]

    def look(self) -> None:
        """Tells what has changed, and looks again."""
        for channel, closed in zip(self.channels, self._sensors.read(0, len(self.channels)), strict=True):
            level = not self._levels[channel] if channel in self._chattering else closed
            if level != self._levels[channel]:
                self._levels[channel] = level
                self._changed(channel, level)
        if self._scan is not None:
            self._scan.cancel()
        self._scan = asyncio.get_running_loop().call_later(SCAN_S, self.look)
