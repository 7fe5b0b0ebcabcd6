"""Lamps beside the slots, each on its own GPIO line."""

from __future__ import annotations

import asyncio
import contextlib

from drivers.specs.led import LedSpec
from hal.buses import GpioLines
from hal.capabilities import Emit, Indicator, IndicatorBoard, Pattern
from hal.clock import Clock
from hal.errors import DeviceMisconfigured

BLINK_HALF_S = 0.25
"""Two flashes a second, all lamps together."""
REFRESH_S = 2.0
"""How often steady lamps are written again: finds a lost link and mends a glitch."""


class Lamp(Indicator):
    """One line of a board of lamps."""

    def __init__(self, board: Led, channel: int) -> None:
        self.device = board.device
        self._board = board
        self._channel = channel

    async def show(self, pattern: Pattern) -> None:
        await self._board.light(self._channel, pattern)


class Led(IndicatorBoard):
    """What was asked of a lamp while the board was away is shown when `watch` runs again."""

    def __init__(self, spec: LedSpec, gpio: GpioLines, clock: Clock) -> None:
        self.device = spec.id
        self._spec = spec
        self._gpio = gpio
        self._patterns: dict[int, Pattern] = dict.fromkeys(spec.lines, "off")
        self._flash = True
        """Whether blinking lamps are lit just now."""
        self._changed = asyncio.Event()

    def indicator(self, channel: int) -> Indicator:
        if not 1 <= channel <= len(self._spec.lines):
            raise DeviceMisconfigured(
                self.device, f"channel {channel}: there are channels 1 to {len(self._spec.lines)}"
            )
        return Lamp(self, channel)

    async def start(self) -> None:
        await self._gpio.release(self._spec.lines)
        await self._gpio.claim_outputs(self._spec.lines, high=not self._spec.active_high)

    async def watch(self, emit: Emit) -> None:
        while True:
            self._changed.clear()
            await self._gpio.write({line: self._level(line) for line in self._spec.lines})
            if "blink" in self._patterns.values():
                await asyncio.sleep(BLINK_HALF_S)
                self._flash = not self._flash
            else:
                self._flash = True
                await self._wait_for_change()

    async def stop(self) -> None:
        await self._gpio.write(dict.fromkeys(self._spec.lines, not self._spec.active_high))

    async def light(self, channel: int, pattern: Pattern) -> None:
        """As Indicator.show, for one channel."""
        line = self._spec.lines[channel - 1]
        self._patterns[line] = pattern
        self._changed.set()
        await self._gpio.write({line: self._level(line)})

    def _level(self, line: int) -> bool:
        pattern = self._patterns[line]
        lit = pattern == "on" or (pattern == "blink" and self._flash)
        return lit == self._spec.active_high

    async def _wait_for_change(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(REFRESH_S):
                await self._changed.wait()
