"""A Unix socket in memory: one connection at a time, each request on its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from hal.errors import LinkLost
from simulator.body import Receive
from simulator.harness.process import outside


class MemorySocket:
    """Both ends: the devices' SerialLink, and what `MemoryClient` asks."""

    def __init__(self, name: str, key: bytes) -> None:
        self.name = name
        self.key = key
        self.plugged = True
        self._receivers: list[Receive] = []
        self._client: MemoryClient | None = None

    def attach(self, receive: Receive) -> None:
        self._receivers.append(receive)

    def rate(self) -> None:
        """A socket has none."""

    def send(self, data: bytes) -> None:
        if self._client is not None:
            self._client.put(data)

    def unplug(self) -> None:
        self.plugged = False
        if self._client is not None:
            self._client.put(b"")

    def replug(self) -> None:
        self.plugged = True

    def abandon(self) -> None:
        self._client = None

    def connect(self, client: MemoryClient) -> None:
        self._client = client

    def disconnect(self, client: MemoryClient) -> None:
        """No effect when another has taken its place."""
        if self._client is client:
            self._client = None

    def receive(self, data: bytes) -> None:
        for receive in self._receivers:
            receive(data)


class MemoryClient:
    """A hal RequestLink."""

    def __init__(self, socket: MemorySocket) -> None:
        self.name = socket.name
        self.key = socket.key
        self._socket = socket
        self._arrived: asyncio.Queue[bytes] = asyncio.Queue()

    async def open(self) -> None:
        """There is nothing to hold."""

    async def close(self) -> None:
        """Nor to let go."""

    def put(self, data: bytes) -> None:
        """Nothing: the other end is gone."""
        self._arrived.put_nowait(data)

    async def ask(self, request: bytes, take: Callable[[bytes], bool]) -> None:
        if not self._socket.plugged:
            raise LinkLost(self.name, "nobody listens there")
        self._arrived = asyncio.Queue()
        self._socket.connect(self)
        try:
            outside(self._socket.receive, request)
            while True:
                data = await self._arrived.get()
                if not data:
                    raise LinkLost(self.name, "the program there hung up")
                if take(data):
                    return
        finally:
            self._socket.disconnect(self)
