"""A Unix socket at which a simulated device listens: it has one connection at a time, the newest."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from pathlib import Path

from simulator.body import Receive
from simulator.line_server import listen

READ_BYTES = 4096


class SocketPort:
    """The device's end. Made closed; needs the running loop."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._receivers: list[Receive] = []
        self._listener: socket.socket | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._clients: set[asyncio.Task[None]] = set()
        self._newest: asyncio.StreamWriter | None = None

    def attach(self, receive: Receive) -> None:
        self._receivers.append(receive)

    def rate(self) -> None:
        """A socket has none."""

    async def open(self) -> None:
        """Takes the place of a socket left behind. Raises OSError."""
        self.replug()

    async def close(self) -> None:
        clients = list(self._clients)
        self.unplug()
        await asyncio.gather(*clients, return_exceptions=True)

    def replug(self) -> None:
        if self._listener is None:
            self._listener = listen(self.path)
            self._accepting = asyncio.get_running_loop().create_task(self._accept(self._listener))

    def unplug(self) -> None:
        """Who is connected is cut off, who comes finds nobody."""
        if self._listener is None:
            return
        assert self._accepting is not None
        self._accepting.cancel()
        self._listener.close()
        self.path.unlink(missing_ok=True)
        self._listener = self._newest = None
        for client in self._clients:
            client.cancel()

    def send(self, data: bytes) -> None:
        """Dropped when nobody is connected."""
        if self._newest is not None and not self._newest.is_closing():
            self._newest.write(data)

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            connection, _ = await loop.sock_accept(listener)
            client = loop.create_task(self._serve(connection))
            self._clients.add(client)
            client.add_done_callback(self._clients.discard)

    async def _serve(self, connection: socket.socket) -> None:
        reader, writer = await asyncio.open_unix_connection(sock=connection)
        self._newest = writer
        try:
            with contextlib.suppress(ConnectionError):
                while data := await reader.read(READ_BYTES):
                    for receive in self._receivers:
                        receive(data)
        finally:
            writer.transport.abort()
            if self._newest is writer:
                self._newest = None
