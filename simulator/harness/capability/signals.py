"""What people see and hear: display, lamps, buzzer. They never hold anything up."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from random import Random

from hal.capabilities import Buzzer, Display, Indicator, IndicatorBoard, Pattern, Tone
from hal.errors import DeviceMisconfigured
from simulator.harness.capability.fixture import Driver, Fixture
from simulator.harness.process import outside
from simulator.world import World

WRITE_S = 0.004
TONE_S = 0.2


class SignalFixture(Fixture):
    """`lamps` is the slot of each lamp, by channel."""

    def __init__(self, device: str, random: Random, world: World, lamps: Mapping[int, int] | None = None) -> None:
        super().__init__(device, random)
        self.world = world
        self.lamps = dict(lamps or {})

    def power(self, *, on: bool) -> None:
        super().power(on=on)
        if not on:
            for slot in self.lamps.values():
                self.world.light(slot, lit=False)


class WorldDisplay(Driver[SignalFixture, None], Display):
    async def show(self, text: str) -> None:
        await asyncio.sleep(WRITE_S)
        self.fixture.check()
        outside(self.fixture.world.show_text, text)


class WorldBuzzer(Driver[SignalFixture, None], Buzzer):
    async def sound(self, tone: Tone) -> None:
        self.fixture.check()
        outside(self._sound)

    def _sound(self) -> None:
        self.fixture.world.sound(on=True)
        asyncio.get_running_loop().call_later(TONE_S, lambda: self.fixture.world.sound(on=False))


class WorldLamps(Driver[SignalFixture, None], IndicatorBoard):
    def indicator(self, channel: int) -> Indicator:
        if channel not in self.fixture.lamps:
            raise DeviceMisconfigured(self.device, f"no lamp {channel}")
        return WorldLamp(self, self.fixture.lamps[channel])


class WorldLamp(Indicator):
    def __init__(self, board: WorldLamps, slot: int) -> None:
        self.device = board.device
        self._board = board
        self._slot = slot

    async def show(self, pattern: Pattern) -> None:
        self._board.fixture.check()
        outside(lambda: self._board.fixture.world.light(self._slot, lit=pattern != "off"))
