"""Slot sensors and contacts on a Modbus board with digital inputs."""

from __future__ import annotations

import asyncio
import logging

from drivers.specs.modbus_input_board import ModbusInputBoardSpec
from hal.buses import ModbusLine
from hal.capabilities import Emit, InputBoard, InputRead
from hal.clock import Clock
from hal.errors import DeviceTimeout

logger = logging.getLogger(__name__)

MISSES_LOST = 3
"""So many sweeps in a row without an answer mean that the board is lost."""


AGAIN_S = 0.05
"""A level that has changed is read again after this, or at the next sweep if that is sooner."""


class ModbusInputBoard(InputBoard):
    """Reads all inputs in one request; a level counts when two sweeps in a row agree on it."""

    def __init__(self, spec: ModbusInputBoardSpec, line: ModbusLine, clock: Clock) -> None:
        self.device = spec.id
        self.proof_mono_s: float | None = None
        self._spec = spec
        self._line = line
        self._clock = clock
        self._reported: list[bool | None] = []
        self._last: list[bool | None] = []

    async def start(self) -> None:
        """Proves that the board answers; every channel will be reported anew."""
        await self._sweep()
        self._reported = [None] * self._spec.inputs
        self._last = [None] * self._spec.inputs

    async def watch(self, emit: Emit) -> None:
        try:
            await self._poll(emit)
        finally:
            self.proof_mono_s = None

    async def stop(self) -> None:
        """Nothing to switch off."""

    async def _poll(self, emit: Emit) -> None:
        misses = 0
        while True:
            asked_s = self._clock.mono_s()
            try:
                self._report(await self._sweep(), emit)
                misses = 0
            except DeviceTimeout:
                misses += 1
                if misses >= MISSES_LOST:
                    raise
            pause_s = self._spec.poll_ms / 1000
            if self._last != self._reported:
                pause_s = min(pause_s, AGAIN_S)
            await asyncio.sleep(max(0.0, asked_s + pause_s - self._clock.mono_s()))

    async def _sweep(self) -> list[bool]:
        """Whether each contact is closed, channel 1 first."""
        levels = await self._line.read_inputs(self._spec.unit, 0, self._spec.inputs)
        self.proof_mono_s = self._clock.mono_s()
        return [level != (channel in self._spec.inverted) for channel, level in enumerate(levels, start=1)]

    def _report(self, sweep: list[bool], emit: Emit) -> None:
        for index, closed in enumerate(sweep):
            if closed == self._last[index] and closed != self._reported[index]:
                self._reported[index] = closed
                emit(InputRead(self.device, index + 1, closed))
            self._last[index] = closed
