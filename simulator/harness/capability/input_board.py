"""Slot sensors and the door contact: what is read some moments after it has changed, if it stays so."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from random import Random

from hal.capabilities import Emit, InputBoard, InputRead
from hal.clock import Clock
from simulator.faults import Fault, channels_of
from simulator.harness.capability.fixture import Driver, Fixture
from simulator.wiring import WiredContacts

SEEN_S = (0.06, 0.20)
"""From a change to the reading of it: two sweeps have to agree."""


class InputFixture(Fixture):
    faults = ("unplug", "silent", "sensor-stuck")

    def __init__(self, device: str, random: Random, contacts: WiredContacts, inputs: int) -> None:
        super().__init__(device, random)
        self.channels = range(1, inputs + 1)
        self._contacts = contacts
        self._stuck: dict[int, bool] = {}

    def afflict(self, fault: Fault) -> None:
        if fault.name != "sensor-stuck":
            super().afflict(fault)
        for channel in channels_of(fault, len(self.channels), self.channels):
            self._stuck.setdefault(channel, self.closed(channel))

    def heal(self) -> None:
        self._stuck.clear()
        self.changed()

    def closed(self, channel: int) -> bool:
        return self._stuck.get(channel, self._contacts.level(channel))

    @property
    def truthful(self) -> bool:
        """What it reads is so."""
        return not self._stuck

    def changed(self) -> None:
        """Something the contacts watch has moved."""
        asyncio.get_running_loop().call_later(self.random.uniform(*SEEN_S), self.tell, None)


class WorldInputs(Driver[InputFixture, None], InputBoard):
    def __init__(self, fixture: InputFixture, clock: Clock) -> None:
        super().__init__(fixture, clock)
        self.proof_mono_s: float | None = None
        self._told: dict[int, bool] = {}

    def begin(self, emit: Emit) -> None:
        self._told.clear()
        self._report(self.fixture.channels, emit)

    def take(self, message: None, emit: Emit) -> None:
        self._report(self.fixture.channels, emit)

    def _report(self, channels: Sequence[int], emit: Emit) -> None:
        self.proof_mono_s = self.clock.mono_s()
        for channel in channels:
            closed = self.fixture.closed(channel)
            if self._told.get(channel) != closed:
                self._told[channel] = closed
                emit(InputRead(self.device, channel, closed))
