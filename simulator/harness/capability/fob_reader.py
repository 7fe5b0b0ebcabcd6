"""Which fob hangs in each slot: read some time after it came or went."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from random import Random
from typing import Literal

from hal.capabilities import Emit, FobRead, FobReader
from hal.clock import Clock
from simulator.faults import Fault, channels_of
from simulator.fobs import number_of
from simulator.harness.capability.fixture import Driver, Fixture
from simulator.world import World

SEEN_S = (0.1, 0.8)
"""From a change to the reading of it: the wait for the next look, and how long a contact bounces."""


class FobFixture(Fixture):
    """`slots` is the slot of each channel; on the others nothing hangs."""

    faults = ("unplug", "silent", "short", "two-fobs")

    def __init__(self, device: str, random: Random, world: World, slots: Mapping[int, int], channels: int) -> None:
        super().__init__(device, random)
        self.channels = range(1, channels + 1)
        self._world = world
        self._slots = dict(slots)
        self._shorted: frozenset[int] = frozenset()
        self._doubled: frozenset[int] = frozenset()

    def afflict(self, fault: Fault) -> None:
        match fault.name:
            case "short":
                self._shorted |= channels_of(fault, len(self.channels), self.channels)
            case "two-fobs":
                self._doubled |= channels_of(fault, len(self.channels), self.channels)
            case _:
                super().afflict(fault)
        self.changed()

    def heal(self) -> None:
        self._shorted = self._doubled = frozenset()
        self.changed()

    def seen(self, channel: int) -> FobRead:
        slot = self._slots.get(channel)
        fob = None if slot is None else self._world.fob_in(slot)
        if channel in self._shorted or (fob is not None and channel in self._doubled):
            return FobRead(self.device, channel, "unreadable")
        if fob is None:
            return FobRead(self.device, channel, "empty")
        return FobRead(self.device, channel, "fob", number_of(fob))

    def changed(self) -> None:
        """Something hangs elsewhere, or can be read again."""
        asyncio.get_running_loop().call_later(self.random.uniform(*SEEN_S), self.tell, None)


class WorldFobs(Driver[FobFixture, None], FobReader):
    fobs: Literal["weak", "strong"] = "weak"

    def __init__(self, fixture: FobFixture, clock: Clock) -> None:
        super().__init__(fixture, clock)
        self._told: dict[int, FobRead] = {}

    def begin(self, emit: Emit) -> None:
        self._told.clear()
        self._report(emit)

    def take(self, message: None, emit: Emit) -> None:
        self._report(emit)

    def _report(self, emit: Emit) -> None:
        for channel in self.fixture.channels:
            reading = self.fixture.seen(channel)
            if self._told.get(channel) != reading:
                self._told[channel] = reading
                emit(reading)
