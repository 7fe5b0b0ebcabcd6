"""Bolts whose pulses the board itself ends."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from random import Random

from hal.capabilities import Emit, Lock, LockBoard
from hal.clock import Clock
from hal.errors import DeviceMisconfigured, DeviceRefused, OutcomeUnknown
from simulator.faults import Fault, channels_of
from simulator.harness.capability.fixture import Driver, Fixture
from simulator.harness.process import outside
from simulator.wiring import WiredBolts
from simulator.world import Timer

ANSWER_S = (0.010, 0.040)


class LockFixture(Fixture):
    """`echo` of the common faults is left out: it is one of bytes. With `late` the pulse is done, and no answer
    comes."""

    faults = ("unplug", "silent", "late", "busy", "stuck-locked", "forced-open", "stuck-on")

    def __init__(self, device: str, random: Random, bolts: WiredBolts, slots: Mapping[int, int]) -> None:
        """`slots` by channel."""
        super().__init__(device, random)
        self._slots = slots
        self.channels = range(1, max(slots, default=0) + 1)
        self.busy = False
        self.unheard = False
        self._bolts = bolts
        self._on: dict[int, Timer | None] = {}
        self._stuck: frozenset[int] = frozenset()

    def afflict(self, fault: Fault) -> None:
        match fault.name:
            case "busy":
                self.busy = True
            case "late":
                self.unheard = True
            case "stuck-on":
                self._stuck = channels_of(fault, len(self.channels), self.channels)
            case "stuck-locked":
                for channel in channels_of(fault, len(self.channels), self.channels):
                    self._bolts.jam(channel, jammed=True)
            case "forced-open":
                for channel in channels_of(fault, len(self.channels), (1,)):
                    self._bolts.break_bolt(channel, broken=True)
            case _:
                super().afflict(fault)

    def heal(self) -> None:
        self.busy = self.unheard = False
        stuck, self._stuck = self._stuck, frozenset()
        for channel in self.channels:
            self._bolts.jam(channel, jammed=False)
            self._bolts.break_bolt(channel, broken=False)
        for channel in stuck & self._on.keys():
            if self._on[channel] is None:
                self.switch_off(channel)

    def power(self, *, on: bool) -> None:
        super().power(on=on)
        if not on:
            for channel in tuple(self._on):
                self._drop(channel)

    def flash(self, channel: int, hold_s: float) -> None:
        """On now; off by the board's own clock."""
        self._stop_timer(channel)
        later = asyncio.get_running_loop().call_later
        self._on[channel] = later(hold_s, lambda: self.switch_off(channel))
        self._bolts.energise(channel, on=True)

    def switch_on(self, slot: int) -> None:
        """By somebody else, until somebody switches it off."""
        for channel, at in self._slots.items():
            if at == slot and self.powered:
                self._stop_timer(channel)
                self._on[channel] = None
                self._bolts.energise(channel, on=True)
                self.tell(channel)

    def switch_off(self, channel: int) -> None:
        if channel not in self._on:
            return
        self._stop_timer(channel)
        if channel in self._stuck:
            self._on[channel] = None
        else:
            self._drop(channel)

    def is_on(self, channel: int) -> bool:
        return channel in self._on

    def _drop(self, channel: int) -> None:
        self._stop_timer(channel)
        del self._on[channel]
        self._bolts.energise(channel, on=False)

    def _stop_timer(self, channel: int) -> None:
        if (timer := self._on.get(channel)) is not None:
            timer.cancel()


class WorldLocks(Driver[LockFixture, int], LockBoard):
    """It is told of a coil that it did not switch on."""

    def __init__(self, fixture: LockFixture, clock: Clock) -> None:
        super().__init__(fixture, clock)
        self._one_at_a_time = asyncio.Lock()
        self._free_at_s = 0.0
        """When the last pulse has ended."""

    def lock(self, channel: int) -> Lock:
        if channel not in self.fixture.channels:
            raise DeviceMisconfigured(self.device, f"no channel {channel}")
        return WorldLock(self, channel)

    async def start(self) -> None:
        await self.all_off()

    async def stop(self) -> None:
        await self.all_off()

    async def all_off(self) -> None:
        self.fixture.check()
        for channel in self.fixture.channels:
            outside(self.fixture.switch_off, channel)
            if self.fixture.is_on(channel):
                raise DeviceRefused(self.device, f"channel {channel}: the coil stays on although it was switched off")

    def take(self, message: int, emit: Emit) -> None:
        outside(self.fixture.switch_off, message)

    async def pulse(self, channel: int, hold_s: float) -> None:
        async with self._one_at_a_time:
            wait_s = max(0.0, self._free_at_s - self.clock.mono_s())
            await asyncio.sleep(wait_s + self.fixture.random.uniform(*ANSWER_S))
            self.fixture.check()
            if self.fixture.busy:
                raise DeviceRefused(self.device, f"channel {channel}: it is busy")
            outside(self.fixture.flash, channel, hold_s)
            self._free_at_s = self.clock.mono_s() + hold_s
            await asyncio.sleep(self.fixture.random.uniform(*ANSWER_S))
            if self.fixture.unheard or not self.fixture.within_reach:
                raise OutcomeUnknown(self.device, f"channel {channel}: pulse sent, no answer")


class WorldLock(Lock):
    def __init__(self, board: WorldLocks, channel: int) -> None:
        self.device = board.device
        self._board = board
        self._channel = channel

    async def pulse(self, hold_s: float) -> None:
        await self._board.pulse(self._channel, hold_s)

    async def energised(self) -> bool:
        self._board.fixture.check()
        return self._board.fixture.is_on(self._channel)
