"""A serial line in memory. Bytes take the time they take on a wire, and arrive in any pieces.

The host's end is a hal ByteLink, one for each process that opens it; the devices' end is a simulator.body.SerialLink.
What becomes of bytes on their way are wires, put one behind the other: `chopped`, `lossy`, `delayed`, `cut_after`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from random import Random

from hal.errors import LinkLost
from simulator.body import Receive
from simulator.harness.process import outside

BITS_A_BYTE = 10
UNREAD_MAX = 65_536
Pieces = Iterable[tuple[float, bytes]]
"""Each with how many seconds later than it would."""
Wire = Callable[[bytes], Pieces]


def chopped(random: Random) -> Wire:
    """In pieces, some milliseconds apart."""

    def wire(data: bytes) -> Pieces:
        at, late_s = 0, 0.0
        while at < len(data):
            size = random.randint(1, len(data) - at)
            yield late_s, data[at : at + size]
            at += size
            late_s += random.choice((0.0, 0.0005, 0.002))

    return wire


def lossy(random: Random, share: float) -> Wire:
    """Single bytes are missing, and some are another."""

    def wire(data: bytes) -> Pieces:
        kept = bytearray()
        for byte in data:
            chance = random.random()
            if chance >= share:
                kept.append(byte)
            elif chance >= share / 2:
                kept.append(random.randrange(256))
        yield 0.0, bytes(kept)

    return wire


def delayed(seconds: float) -> Wire:
    """All of it later."""
    return lambda data: [(seconds, data)]


def cut_after(count: int, cut: Callable[[], None]) -> Wire:
    """After so many bytes the line is gone."""
    left = count

    def wire(data: bytes) -> Pieces:
        nonlocal left
        yield 0.0, data[: max(0, left)]
        left -= len(data)
        if left <= 0:
            cut()

    return wire


class MemoryLine:
    """`to_host` and `to_devices` are what is between the two ends."""

    def __init__(self, name: str, baud: int) -> None:
        self.name = name
        self.plugged = True
        self.to_host: list[Wire] = []
        self.to_devices: list[Wire] = []
        self.baud = baud
        self._rate = baud
        self._receivers: list[Receive] = []
        self._port: MemoryPort | None = None
        self._free_s = {"host": 0.0, "devices": 0.0}

    # -- the devices' end ----------------------------------------------------------------------------------------

    def attach(self, receive: Receive) -> None:
        self._receivers.append(receive)

    def send(self, data: bytes) -> None:
        self._carry("host", self.to_host, data)

    def unplug(self) -> None:
        self.plugged = False
        self._hang_up()

    def replug(self) -> None:
        self.plugged = True

    def rate(self) -> int:
        return self._rate

    # -- the host's end ------------------------------------------------------------------------------------------

    def opened(self, port: MemoryPort) -> None:
        """Raises LinkLost while the line is not there."""
        if not self.plugged:
            raise LinkLost(self.name, f"{self.name} is not there; check the adapter and the name of the port")
        self._hang_up()
        self._port = port
        self._rate = self.baud

    def set_rate(self, baud: int) -> None:
        self._rate = baud

    def closed(self, port: MemoryPort) -> None:
        if self._port is port:
            self._port = None

    def written(self, data: bytes) -> None:
        outside(self._carry, "devices", self.to_devices, data)

    def abandon(self) -> None:
        """Whoever had it open is dead."""
        self._port = None

    # -- helpers -------------------------------------------------------------------------------------------------

    def _hang_up(self) -> None:
        port, self._port = self._port, None
        if port is not None:
            port.hang_up()

    def _carry(self, to: str, wires: list[Wire], data: bytes) -> None:
        """One byte behind the other, at the line's speed."""
        if not data:
            return
        loop = asyncio.get_running_loop()
        arrives_s = max(loop.time(), self._free_s[to]) + len(data) * BITS_A_BYTE / self._rate
        self._free_s[to] = arrives_s
        pieces: list[tuple[float, bytes]] = [(0.0, data)]
        for wire in wires:
            pieces = [(late_s + more_s, part) for late_s, piece in pieces for more_s, part in wire(piece)]
        for late_s, piece in pieces:
            loop.call_at(arrives_s + late_s, self._arrive, to, piece)

    def _arrive(self, to: str, data: bytes) -> None:
        if not self.plugged:
            return
        if to == "devices":
            for receive in self._receivers:
                receive(data)
        elif self._port is not None:
            self._port.arrived(data)


class MemoryPort:
    """One program's hal ByteLink on a line."""

    def __init__(self, line: MemoryLine) -> None:
        self.name = line.name
        self.baud = line.baud
        self._line = line
        self._open = False
        self._unread = bytearray()
        self._readable: asyncio.Future[None] | None = None

    async def open(self) -> None:
        self._line.opened(self)
        self._open = True
        self._unread.clear()

    async def close(self) -> None:
        self._line.closed(self)
        self.hang_up()

    def set_baud(self, baud: int) -> None:
        self._check()
        self._line.set_rate(baud)

    async def read(self) -> bytes:
        while not self._unread:
            self._check()
            self._readable = asyncio.get_running_loop().create_future()
            await self._readable
        data = bytes(self._unread)
        self._unread.clear()
        return data

    async def write(self, data: bytes) -> None:
        self._check()
        self._line.written(data)

    def discard_input(self) -> int:
        count = len(self._unread)
        self._unread.clear()
        return count

    def arrived(self, data: bytes) -> None:
        self._unread += data
        del self._unread[:-UNREAD_MAX]
        self._wake()

    def hang_up(self) -> None:
        self._open = False
        self._wake()

    def _wake(self) -> None:
        if self._readable is not None and not self._readable.done():
            self._readable.set_result(None)

    def _check(self) -> None:
        if not self._open:
            raise LinkLost(self.name, "the port hung up; check the adapter and its plug")
