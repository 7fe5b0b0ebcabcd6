"""Slot sensors and contacts on the pins of an MCP23017."""

from __future__ import annotations

import asyncio
import logging
import math

from drivers.contacts import Contacts
from drivers.specs.mcp23017 import Mcp23017Spec
from drivers.wire.mcp23017 import PINS_BYTES, READ_PINS, READ_SET, SET, SET_UP, Pins, pins
from hal.buses import I2cBus
from hal.capabilities import Emit, InputBoard
from hal.clock import Clock
from hal.errors import DeviceTimeout

logger = logging.getLogger(__name__)

MISSES_LOST = 3
"""So many sweeps in a row without a good answer mean that the chip is lost."""
CHECK_S = 1.0
"""All registers are compared so often; whether the chip was reset is seen at each sweep."""
RESET = "its registers are not as they were set; check its supply, its ground and the wires of the bus"


class Mcp23017(InputBoard):
    """The chip itself remembers each change until it is read, so that none is lost between two sweeps."""

    def __init__(self, spec: Mcp23017Spec, bus: I2cBus, clock: Clock) -> None:
        self.device = spec.id
        self.proof_mono_s: float | None = None
        self._spec = spec
        self._bus = bus
        self._clock = clock
        self._contacts = Contacts(spec.id, spec.debounce_ms / 1000)
        self._set_up = False
        self._checked_s = -math.inf

    async def start(self) -> None:
        """Sets the chip up and proves that it is there; every channel will be reported anew."""
        await self._write_registers()
        found = await self._read()
        self._contacts.begin({channel: self._closed(channel, found) for channel in self._channels})

    async def watch(self, emit: Emit) -> None:
        misses = 0
        try:
            while True:
                began_s = self._clock.mono_s()
                try:
                    await self._sweep()
                    misses = 0
                except DeviceTimeout as error:
                    misses += 1
                    if misses >= MISSES_LOST:
                        raise
                    logger.warning("%s: %s", self.device, error.hint)
                else:
                    for reading in self._contacts.news(self._clock.mono_s()):
                        emit(reading)
                next_s = min(began_s + self._spec.sweep_ms / 1000, self._contacts.due_s())
                await asyncio.sleep(max(0.001, next_s - self._clock.mono_s()))
        finally:
            self.proof_mono_s = None

    async def stop(self) -> None:
        """Nothing to switch off."""

    @property
    def _channels(self) -> range:
        return range(1, self._spec.inputs + 1)

    async def _sweep(self) -> None:
        if not self._set_up or self._clock.mono_s() - self._checked_s >= CHECK_S:
            await self._check()
        found = await self._read()
        now_s = self._clock.mono_s()
        for channel in self._channels:
            closed = self._closed(channel, found)
            if found.moved[channel - 1] or closed != self._contacts.stands(channel):
                self._contacts.found(channel, closed, now_s)

    async def _check(self) -> None:
        (registers,) = await self._bus.transfer(self._spec.address, READ_SET, len(SET))
        if registers == SET:
            self._set_up, self._checked_s = True, self._clock.mono_s()
            return
        logger.warning("%s: %s", self.device, RESET)
        await self._write_registers()

    async def _write_registers(self) -> None:
        self._set_up = False
        await self._bus.transfer(self._spec.address, SET_UP)
        (registers,) = await self._bus.transfer(self._spec.address, READ_SET, len(SET))
        if registers != SET:
            raise DeviceTimeout(self.device, "it does not keep its registers; is it an MCP23017, and its supply good?")
        await self._bus.transfer(self._spec.address, READ_PINS, PINS_BYTES)  # what it noticed while it was set up
        self._set_up, self._checked_s = True, self._clock.mono_s()

    async def _read(self) -> Pins:
        (reply,) = await self._bus.transfer(self._spec.address, READ_PINS, PINS_BYTES)
        found = pins(reply)
        if found is None:
            self._set_up = False
            raise DeviceTimeout(self.device, RESET)
        self.proof_mono_s = self._clock.mono_s()
        return found

    def _closed(self, channel: int, found: Pins) -> bool:
        return found.low[channel - 1] != (channel in self._spec.inverted)
