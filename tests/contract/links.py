"""A serial line in memory: the host's end and the devices' end in one, for stories on a virtual loop."""

from __future__ import annotations

import asyncio

from hal.errors import LinkLost
from simulator.body import Receive


class MemoryLink:
    """A hal ByteLink and a simulator SerialLink. Bytes arrive at once and in the chunks they were sent in."""

    def __init__(self, name: str, baud: int = 9600) -> None:
        self.name = name
        self.baud = self._rate = baud
        self._receivers: list[Receive] = []
        self._unread = b""
        self._arrived = asyncio.Event()
        self._plugged = True
        self._open = False

    # The host's end

    async def open(self) -> None:
        if not self._plugged:
            raise LinkLost(self.name, "not there")
        self._open, self._unread, self._rate = True, b"", self.baud

    def set_baud(self, baud: int) -> None:
        self._check()
        self._rate = baud

    async def close(self) -> None:
        self._open = False
        self._arrived.set()

    async def read(self) -> bytes:
        while not self._unread:
            self._check()
            self._arrived.clear()
            await self._arrived.wait()
        data, self._unread = self._unread, b""
        return data

    async def write(self, data: bytes) -> None:
        self._check()
        for receive in self._receivers:
            receive(data)

    def discard_input(self) -> int:
        count, self._unread = len(self._unread), b""
        return count

    # The devices' end

    def attach(self, receive: Receive) -> None:
        self._receivers.append(receive)

    def send(self, data: bytes) -> None:
        if self._open:
            self._unread += data
            self._arrived.set()

    def rate(self) -> int:
        return self._rate

    def unplug(self) -> None:
        self._plugged = self._open = False
        self._arrived.set()

    def replug(self) -> None:
        self._plugged = True

    def _check(self) -> None:
        if not self._open:
            raise LinkLost(self.name, "unplugged")
