"""Slot sensors and contacts on GPIO lines, by the edges that the kernel has stamped."""

from __future__ import annotations

import asyncio

from drivers.contacts import Contacts
from drivers.specs.gpio_input import GpioInputSpec
from hal.buses import Edge, GpioLines
from hal.capabilities import Emit, InputBoard
from hal.clock import Clock

SWEEP_S = 1.0
"""The lines are read so often beside their edges: finds a lost one, and a lost chip."""
MOMENT_S = 0.001
NS = 1_000_000_000


class GpioInput(InputBoard):
    """A contact that opens and closes again between two looks of ours is seen all the same."""

    def __init__(self, spec: GpioInputSpec, gpio: GpioLines, clock: Clock) -> None:
        self.device = spec.id
        self.proof_mono_s: float | None = None
        self._spec = spec
        self._gpio = gpio
        self._clock = clock
        self._channels = {line: channel for channel, line in enumerate(spec.lines, start=1)}
        self._contacts = Contacts(spec.id, spec.debounce_ms / 1000)
        self._seqnos: dict[int, int] = {}

    async def start(self) -> None:
        """Claims the lines; contacts cannot prove that they are there."""
        await self._gpio.release(self._spec.lines)
        await self._gpio.claim_inputs(self._spec.lines, pull="up", edges=True)
        self._seqnos.clear()
        self._contacts.begin(await self._read())

    async def watch(self, emit: Emit) -> None:
        try:
            sweep_s = self._clock.mono_s() + SWEEP_S
            while True:
                for reading in self._contacts.news(self._clock.mono_s()):
                    emit(reading)
                now_s = self._clock.mono_s()
                if now_s >= sweep_s:
                    await self._sweep()
                    sweep_s = now_s + SWEEP_S
                    continue
                for edge in await self._edges(min(sweep_s, self._contacts.due_s()) - now_s):
                    self._take(edge)
        finally:
            self.proof_mono_s = None

    async def stop(self) -> None:
        await self._gpio.release(self._spec.lines)

    async def _edges(self, within_s: float) -> list[Edge]:
        try:
            async with asyncio.timeout(max(MOMENT_S, within_s)):
                return await self._gpio.next_edges(self._spec.lines)
        except TimeoutError:
            return []

    def _take(self, edge: Edge) -> None:
        channel, at_s = self._channels[edge.line], edge.at_ns / NS
        closed = self._closed(channel, edge.high)
        lost = edge.seqno != self._seqnos.get(edge.line, edge.seqno - 1) + 1
        self._seqnos[edge.line] = edge.seqno
        if lost:
            self._contacts.found(channel, closed, at_s)
        elif closed != self._contacts.stands(channel):
            self._contacts.moved(channel, closed, at_s)
        self.proof_mono_s = self._clock.mono_s()

    async def _sweep(self) -> None:
        for channel, closed in (await self._read()).items():
            if closed != self._contacts.stands(channel):
                self._contacts.found(channel, closed, self._clock.mono_s())

    async def _read(self) -> dict[int, bool]:
        levels = await self._gpio.read(self._spec.lines)
        self.proof_mono_s = self._clock.mono_s()
        return {channel: self._closed(channel, high) for channel, high in enumerate(levels, start=1)}

    def _closed(self, channel: int, high: bool) -> bool:
        return high == (channel in self._spec.inverted)
