"""A Wiegand reader on two GPIO lines: cards, and keys where it has any."""

from __future__ import annotations

import asyncio
import logging
from typing import Literal

from drivers.sent_once import SentOnce
from drivers.specs.wiegand_reader import WiegandReaderSpec
from drivers.typed_digits import TypedDigits
from drivers.wire.wiegand import END_NS, Collector, Format, Frame, inverted, key_of, number_of, printed, uid
from hal.buses import Edge, GpioLines
from hal.capabilities import CardReader, DeviceSuspect, Emit
from hal.clock import Clock
from hal.errors import DeviceTimeout

logger = logging.getLogger(__name__)

MOMENT_S = 0.001
"""The shortest wait: the rounding of a time-out must not make it wait for nothing again and again."""
SWAPPED_AT = 3
"""So many frames in a row that would be good the other way round are no accident."""


class WiegandReader(CardReader):
    """A frame is taken whole or not at all: pulses that the kernel has lost, a wrong check or an unknown length drop
    it. The reader sends a card once, so it is told removed `removal_ms` after it was read last."""

    cards: Literal["weak", "strong"] = "weak"

    def __init__(self, spec: WiegandReaderSpec, gpio: GpioLines, clock: Clock) -> None:
        self.device = spec.id
        self.dropped = 0
        """Frames that were no use."""
        self._spec = spec
        self._lines = (spec.d0, spec.d1)
        self._formats = spec.known()
        self._gpio = gpio
        self._clock = clock
        self._collector = Collector()
        self._digits = TypedDigits(spec.id, clock, entry_s=spec.entry_s, digits_max=spec.digits_max)
        self._seqnos: dict[int, int] = {}
        self._ends_s = 0.0
        """When the silence after the last pulse has been long enough."""
        self._cards = SentOnce(spec.id, clock, spec.removal_ms / 1000)
        self._swapped = 0
        """Frames in a row that would be good the other way round."""

    async def start(self) -> None:
        """Claims the lines. A reader that is there keeps both high. Raises DeviceTimeout."""
        await self._gpio.release(self._lines)
        await self._gpio.claim_inputs(self._lines, pull="up", edges=True)
        self._collector = Collector()
        self._seqnos, self._swapped = {}, 0
        for line, high in zip(self._lines, await self._gpio.read(self._lines), strict=True):
            if not high:
                hint = f"line {line} is low at rest: is the reader powered, and its level shifted to 3.3 V?"
                raise DeviceTimeout(self.device, hint)

    async def watch(self, emit: Emit) -> None:
        try:
            while True:
                edges = await self._edges()
                for edge in edges:
                    self._pulse(edge, emit)
                if not edges and self._clock.mono_s() >= self._ends_s and (frame := self._collector.close()):
                    self._take(frame, emit)
                self._cards.pass_time(emit)
                self._digits.forget_if_late(emit)
        finally:
            self._digits.forget(emit)

    async def stop(self) -> None:
        await self._gpio.release(self._lines)

    async def _edges(self) -> list[Edge]:
        """What has come; nothing when something else is due."""
        edges = await self._edges_within(self._wait_s())
        # The waiting also ends when the whole program stood still: then they were there all along.
        edges = edges or await self._edges_within(MOMENT_S)
        if edges:
            self._ends_s = self._clock.mono_s() + END_NS / 1e9
        return edges

    async def _edges_within(self, seconds: float | None) -> list[Edge]:
        try:
            async with asyncio.timeout(seconds) as limit:
                return await self._gpio.next_edges(self._lines)
        except TimeoutError:
            if not limit.expired():
                raise
            return []

    def _wait_s(self) -> float | None:
        waits = [self._ends_s - self._clock.mono_s()] if self._collector.pending else []
        if (left_s := self._cards.left_s()) is not None:
            waits.append(left_s)
        if (left_s := self._digits.left_s()) is not None:
            waits.append(left_s)
        return max(MOMENT_S, min(waits)) if waits else None

    def _pulse(self, edge: Edge, emit: Emit) -> None:
        """Only the falling edge is a bit; both are numbered."""
        if edge.seqno != self._seqnos.get(edge.line, edge.seqno - 1) + 1:
            self._collector.lose(edge.at_ns)
        self._seqnos[edge.line] = edge.seqno
        if not edge.high and (frame := self._collector.pulse(int(edge.line == self._spec.d1), edge.at_ns)):
            self._take(frame, emit)

    def _take(self, frame: Frame, emit: Emit) -> None:
        key = key_of(frame) if self._spec.keypad else None
        found = number_of(frame, self._formats)
        if key is not None:
            self._digits.press(key, emit)
        elif found is None:
            self._drop(frame, emit)
        else:
            if self._swapped >= SWAPPED_AT:
                emit(DeviceSuspect(self.device, "lines.swapped", None))
            self._swapped = 0
            self._cards.seen(self._number(*found), emit)

    def _number(self, number: int, of: Format) -> bytes:
        if self._spec.numbers == "printed":
            return printed(number, of)
        return uid(number, of, turned=self._spec.numbers == "uid-turned")

    def _drop(self, frame: Frame, emit: Emit) -> None:
        """Never with its bits: they may be most of a card's number."""
        self.dropped += 1
        logger.debug("%s: a frame of %d bits is no use, %d so far", self.device, len(frame.bits), self.dropped)
        if number_of(inverted(frame), self._formats) is None:
            return
        self._swapped += 1
        if self._swapped == SWAPPED_AT:
            hint = "no frame is good, and all would be with D0 and D1 the other way round: are the two lines swapped?"
            emit(DeviceSuspect(self.device, "lines.swapped", hint))
