"""Which fob hangs in each slot: iButtons on the eight 1-Wire channels of a DS2482-800."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Literal

from drivers.ds2482_chip import ChipWasReset, Ds2482Chip, Line
from drivers.specs.ds2482_fobs import Ds2482FobsSpec
from hal.buses import I2cBus
from hal.capabilities import Emit, FobRead, FobReader
from hal.clock import Clock
from hal.errors import DeviceTimeout

logger = logging.getLogger(__name__)

MISSES_LOST = 3
"""So many sweeps in a row without a good answer mean that the chip is lost."""
AGAIN_S = 0.05
"""What is not certain is looked at again after this."""
AGREE = 3
"""So many looks in a row have to agree that a channel is empty or unreadable; a contact bounces for some time."""
DOUBTS_MAX = 10
"""After so many looks that did not agree a channel is unreadable."""


@dataclass(frozen=True, slots=True)
class _Sight:
    """What one look found."""

    state: Literal["fob", "empty", "unreadable"]
    fob: bytes | None = None


EMPTY, UNREADABLE = _Sight("empty"), _Sight("unreadable")


@dataclass(slots=True)
class _Place:
    """One channel: what was told of it, and what was seen last."""

    told: _Sight | None = None
    last: _Sight | None = None
    alike: int = 0
    """How many looks in a row saw that."""
    doubts: int = 0
    """How many looks in a row decided nothing."""

    @property
    def certain(self) -> bool:
        """Nothing has changed since it was told."""
        return self.told is not None and self.last == self.told

    @property
    def known(self) -> _Sight | None:
        """The fob that hangs there, if that is certain."""
        return self.told if self.told is not None and self.told.fob and self.certain else None


class Ds2482Fobs(FobReader):
    """A fob is told when its number was read with a good check and a search has found just this number.

    A fob that was told is only asked whether it is still there, and in turn, one a sweep, for its number. Empty and
    unreadable are told when three looks in a row agree."""

    fobs: Literal["weak", "strong"] = "weak"

    def __init__(self, spec: Ds2482FobsSpec, bus: I2cBus, clock: Clock) -> None:
        self.device = spec.id
        self._sweep_s = spec.sweep_ms / 1000
        self._clock = clock
        self._chip = Ds2482Chip(spec.id, bus, spec.address)
        self._set_up = False
        self._places = {channel: _Place() for channel in range(1, spec.channels + 1)}
        self._turn: int | None = None

    async def start(self) -> None:
        """Proves that the chip is there; every channel will be reported anew."""
        await self._chip.set_up()
        self._set_up = True
        self._places = {channel: _Place() for channel in self._places}

    async def watch(self, emit: Emit) -> None:
        misses = 0
        while True:
            began_s = self._clock.mono_s()
            try:
                await self._sweep(emit)
                misses = 0
            except DeviceTimeout as error:
                misses += 1
                if misses >= MISSES_LOST:
                    raise
                self._miss(error)
            calm = not misses and all(place.certain for place in self._places.values())
            await asyncio.sleep(max(0.0, began_s + self._sweep_s - self._clock.mono_s()) if calm else AGAIN_S)

    async def stop(self) -> None:
        """Nothing to switch off."""

    def _miss(self, error: DeviceTimeout) -> None:
        if isinstance(error, ChipWasReset):
            logger.warning("%s: %s", self.device, error.hint)
            self._set_up = False

    async def _sweep(self, emit: Emit) -> None:
        if not self._set_up:
            await self._chip.set_up()
            self._set_up = True
        channels = list(self._places)
        self._turn = self._next_turn()
        lines, number = await self._chip.look(channels, self._turn)
        for channel, line in zip(channels, lines, strict=True):
            place = self._places[channel]
            sight = await self._see(channel, place, line, number)
            if (verdict := _judge(place, sight)) not in (None, place.told):
                place.told = verdict
                emit(FobRead(self.device, channel, verdict.state, verdict.fob))

    def _next_turn(self) -> int | None:
        """The channel whose known fob is asked for its number."""
        known = [channel for channel, place in self._places.items() if place.known]
        return next((channel for channel in known if channel > (self._turn or 0)), known[0] if known else None)

    async def _see(self, channel: int, place: _Place, line: Line, number: bytes | None) -> _Sight:
        """`number` is what the channel in turn has just told."""
        if line != "present":
            return EMPTY if line == "idle" else UNREADABLE
        known = place.known
        if known is not None and (channel != self._turn or number == known.fob):
            return known
        number = await self._chip.read_number(channel)
        if number is None or not await self._chip.alone(channel, number):
            return UNREADABLE
        return _Sight("fob", number)


def _judge(place: _Place, sight: _Sight) -> _Sight | None:
    """What to believe of a channel after one more look; None: not yet certain."""
    place.alike = place.alike + 1 if sight == place.last else 1
    place.last = sight
    if sight.fob or place.alike >= AGREE:
        place.doubts = 0
        return sight
    place.doubts += 1
    return UNREADABLE if place.doubts >= DOUBTS_MAX else None
