"""Byte links without a port: a peer that answers by script, and wires with faults."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable

from hal.errors import LinkLost

Sent = Iterable[tuple[float, bytes]]
Peer = Callable[[bytes], Sent]
"""What comes back for what was written: pairs of delay in seconds and bytes."""
Wire = Callable[[float, bytes], Sent]
"""What becomes of bytes on their way to us."""


def silent(_: bytes) -> Sent:
    return []


class MemoryLink:
    """A ByteLink. `written` has the loop time and the bytes of each write."""

    baud = 9600

    def __init__(self, peer: Peer = silent, *, name: str = "line") -> None:
        self.name = name
        self.peer = peer
        self.wires: list[Wire] = []
        self.written: list[tuple[float, bytes]] = []
        self.opened = 0
        self.absent = False
        self._buffer = bytearray()
        self._arrived = asyncio.Event()
        self._open = False

    @property
    def frames(self) -> list[bytes]:
        return [data for _, data in self.written]

    def set_baud(self, baud: int) -> None:
        self._check()

    async def open(self) -> None:
        self.opened += 1
        if self.absent:
            raise LinkLost(self.name, "no such port")
        self._buffer.clear()
        self._arrived.clear()
        self._open = True

    async def close(self) -> None:
        self.hang_up()

    async def read(self) -> bytes:
        while not self._buffer:
            self._check()
            self._arrived.clear()
            await self._arrived.wait()
        data = bytes(self._buffer)
        self._buffer.clear()
        return data

    async def write(self, data: bytes) -> None:
        self._check()
        self.written.append((asyncio.get_running_loop().time(), data))
        for delay_s, chunk in self.peer(data):
            self.send(chunk, delay_s)

    def discard_input(self) -> int:
        count = len(self._buffer)
        self._buffer.clear()
        return count

    def send(self, data: bytes, delay_s: float = 0.0) -> None:
        """The peer's bytes leave it after `delay_s` and go over the wires."""
        parts = [(delay_s, data)]
        for wire in self.wires:
            parts = [after for delay, chunk in parts for after in wire(delay, chunk)]
        for delay, chunk in parts:
            asyncio.get_running_loop().call_later(delay, self._arrive, chunk)

    def hang_up(self) -> None:
        self._open = False
        self._arrived.set()

    def _arrive(self, chunk: bytes) -> None:
        self._buffer += chunk
        self._arrived.set()

    def _check(self) -> None:
        if not self._open:
            raise LinkLost(self.name, "hung up")


def chopped(link: MemoryLink, size: int = 1) -> MemoryLink:
    """Bytes come in pieces of `size`, 1 ms apart."""

    def wire(delay_s: float, data: bytes) -> Sent:
        return [(delay_s + 0.001 * k, data[k * size :][:size]) for k in range(-(-len(data) // size))]

    link.wires.append(wire)
    return link


def lossy(link: MemoryLink, seed: int, share: float) -> MemoryLink:
    """Each byte is lost with the probability `share`."""
    dice = random.Random(seed)

    def wire(delay_s: float, data: bytes) -> Sent:
        kept = bytes(byte for byte in data if dice.random() >= share)
        return [(delay_s, kept)] if kept else []

    link.wires.append(wire)
    return link


def delayed(link: MemoryLink, seconds: float) -> MemoryLink:
    link.wires.append(lambda delay_s, data: [(delay_s + seconds, data)])
    return link


def cut_after(link: MemoryLink, count: int) -> MemoryLink:
    """Nothing comes after `count` bytes."""
    left = count

    def wire(delay_s: float, data: bytes) -> Sent:
        nonlocal left
        kept, left = data[:left], max(0, left - len(data))
        return [(delay_s, kept)] if kept else []

    link.wires.append(wire)
    return link
