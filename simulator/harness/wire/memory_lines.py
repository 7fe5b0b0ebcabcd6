"""The lines of a simulated GPIO chip, held by a program directly: the chip without its socket."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from hal.buses import Drive, Edge, Pull
from hal.edges import EdgeInbox
from hal.errors import DeviceMisconfigured, LinkLost
from simulator.gpio_chip import GpioChip, GpioRefused, Holder, Input, Output
from simulator.harness.process import outside

T = TypeVar("T")


class MemoryChip:
    """The chip and its plug; one program at a time has it open."""

    def __init__(self, name: str, chip: GpioChip) -> None:
        self.name = name
        self.chip = chip
        self.plugged = True
        self._lines: MemoryLines | None = None

    def unplug(self) -> None:
        self.plugged = False
        self.abandon("unplugged")

    def replug(self) -> None:
        self.plugged = True

    def opened(self, lines: MemoryLines) -> None:
        self.abandon("another program opened it")
        self._lines = lines

    def abandon(self, why: str = "its program is dead") -> None:
        """The kernel takes the lines back."""
        lines, self._lines = self._lines, None
        if lines is not None:
            lines.hang_up(why)


class MemoryLines:
    """A hal GpioLines."""

    def __init__(self, chip: MemoryChip) -> None:
        self.name = chip.name
        self._chip = chip
        self._holder = Holder(self._edge)
        self._inbox = EdgeInbox()
        self._open = False

    async def open(self) -> None:
        if not self._chip.plugged:
            raise LinkLost(self.name, "no such chip")
        self._chip.opened(self)
        self._inbox = EdgeInbox()
        self._open = True

    async def close(self) -> None:
        if self._open:
            self._chip.abandon("closed")

    async def claim_outputs(self, lines: Sequence[int], *, high: bool, drive: Drive = "push-pull") -> None:
        self._do(lambda: self._chip.chip.claim(self._holder, lines, Output(drive, high)))

    async def claim_inputs(self, lines: Sequence[int], *, pull: Pull = "none", edges: bool = False) -> None:
        if edges:
            self._inbox.watch(lines)
        self._do(lambda: self._chip.chip.claim(self._holder, lines, Input(pull, edges)))

    async def write(self, values: Mapping[int, bool]) -> None:
        self._do(lambda: self._chip.chip.write(self._holder, values))

    async def read(self, lines: Sequence[int]) -> tuple[bool, ...]:
        return tuple(self._do(lambda: self._chip.chip.read(self._holder, lines)))

    async def next_edges(self, lines: Sequence[int]) -> list[Edge]:
        return await self._inbox.take(lines)

    async def release(self, lines: Sequence[int]) -> None:
        self._inbox.forget(lines)
        self._do(lambda: self._chip.chip.release(self._holder, lines))

    def hang_up(self, why: str) -> None:
        self._open = False
        outside(self._chip.chip.release_all, self._holder)
        self._inbox.fail(LinkLost(self.name, why))

    def _edge(self, edge: Edge) -> None:
        self._inbox.put(edge)

    def _do(self, act: Callable[[], T]) -> T:
        if not self._open:
            raise LinkLost(self.name, "the chip is gone")
        try:
            return outside(act)
        except GpioRefused as refused:
            raise DeviceMisconfigured(self.name, str(refused)) from None
