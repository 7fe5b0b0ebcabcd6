"""A simulated I2C bus, used by a program directly: the wires without their socket."""

from __future__ import annotations

import asyncio

from hal.errors import DeviceTimeout, LinkLost
from hal.i2c_hints import STUCK_LOW, not_acknowledged
from simulator.harness.process import outside
from simulator.i2c_wires import I2cWires, NotAcknowledged, StuckLow


class MemoryWires:
    """The wires and their plug; one program at a time has them open."""

    def __init__(self, name: str, wires: I2cWires) -> None:
        self.name = name
        self.wires = wires
        self.plugged = True
        self._bus: MemoryI2c | None = None

    def unplug(self) -> None:
        self.plugged = False
        self.abandon()

    def replug(self) -> None:
        self.plugged = True

    def opened(self, bus: MemoryI2c) -> None:
        self._bus = bus

    def has_open(self, bus: MemoryI2c) -> bool:
        return self._bus is bus

    def abandon(self) -> None:
        """Whoever had them open finds them gone, or is dead."""
        self._bus = None


class MemoryI2c:
    """A hal I2cBus."""

    def __init__(self, wires: MemoryWires) -> None:
        self.name = wires.name
        self._wires = wires

    async def open(self) -> None:
        if not self._wires.plugged:
            raise LinkLost(self.name, "no such bus")
        self._wires.opened(self)

    async def close(self) -> None:
        if self._wires.has_open(self):
            self._wires.abandon()

    async def transfer(self, address: int, *messages: bytes | int) -> tuple[bytes, ...]:
        self._check()
        try:
            read, duration_s = outside(self._wires.wires.transfer, address, messages)
        except NotAcknowledged:
            raise DeviceTimeout(self.name, not_acknowledged(address)) from None
        except StuckLow:
            raise LinkLost(self.name, STUCK_LOW) from None
        await asyncio.sleep(duration_s)
        self._check()
        return tuple(read)

    def _check(self) -> None:
        if not self._wires.has_open(self):
            raise LinkLost(self.name, "the bus is gone")
