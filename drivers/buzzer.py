"""An active buzzer on a GPIO line: it has one pitch, so tones differ by rhythm."""

from __future__ import annotations

import asyncio
from typing import TypeAlias

from drivers.specs.buzzer import BuzzerSpec
from hal import capabilities
from hal.buses import GpioLines
from hal.capabilities import Emit, Tone
from hal.clock import Clock

Beep: TypeAlias = tuple[float, float]
"""Seconds on, then seconds off."""
TONES: dict[Tone, tuple[Beep, ...]] = {
    "key": ((0.03, 0.0),),
    "accepted": ((0.08, 0.08), (0.08, 0.0)),
    "refused": ((0.6, 0.0),),
    "alarm": ((0.4, 0.2),) * 10,
}
REFRESH_S = 2.0
"""How often a silent buzzer is switched off again: finds a lost link and mends a glitch."""


class Buzzer(capabilities.Buzzer):
    """A tone asked for while the buzzer is lost is not played later."""

    def __init__(self, spec: BuzzerSpec, gpio: GpioLines, clock: Clock) -> None:
        self.device = spec.id
        self._line = spec.line
        self._active_high = spec.active_high
        self._gpio = gpio
        self._tone: Tone = "key"
        self._asked = asyncio.Event()

    async def start(self) -> None:
        self._asked.clear()
        await self._gpio.release([self._line])
        await self._gpio.claim_outputs([self._line], high=not self._active_high)

    async def watch(self, emit: Emit) -> None:
        while True:
            if await self._asked_within(REFRESH_S):
                self._asked.clear()
                await self._play(TONES[self._tone])
            else:
                await self._switch(on=False)

    async def stop(self) -> None:
        await self._switch(on=False)

    async def sound(self, tone: Tone) -> None:
        self._tone = tone
        self._asked.set()

    async def _play(self, beeps: tuple[Beep, ...]) -> None:
        """To its end, or until another tone is asked for."""
        for on_s, off_s in beeps:
            await self._switch(on=True)
            await self._asked_within(on_s)
            await self._switch(on=False)
            if await self._asked_within(off_s):
                return

    async def _asked_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._asked.wait()
        except TimeoutError:
            return False
        return True

    async def _switch(self, *, on: bool) -> None:
        await self._gpio.write({self._line: on == self._active_high})
