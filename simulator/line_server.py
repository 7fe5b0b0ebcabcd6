"""A Unix stream socket on which each line is answered by one line. Several clients; bounded for each."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

LINE_MAX = 4096
UNREAD_MAX = 1 << 20
"""A client that leaves so many bytes unread is thrown out."""


class Session(Protocol):
    """One client."""

    async def answer(self, line: str) -> str:
        """The answer to one line; never raises on bad input."""
        ...

    def too_long(self) -> str:
        """The answer to a line of more than 4096 bytes, which nobody has read."""
        ...

    def close(self) -> None:
        """The client has gone."""
        ...


Say = Callable[[str], None]


class LineServer:
    """`welcome` makes the session of a client; it may use `say` to send lines nobody asked for."""

    def __init__(self, path: Path, welcome: Callable[[Say], Session]) -> None:
        self._path = path
        self._welcome = welcome
        self._listener: socket.socket | None = None
        self._server: asyncio.Server | None = None
        self._opening: asyncio.Task[None] | None = None
        self._clients: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def open(self) -> None:
        """Takes the place of a socket left behind. Raises OSError."""
        self.replug()
        assert self._opening is not None
        await self._opening

    async def close(self) -> None:
        clients = list(self._clients)
        self.unplug()
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)

    def unplug(self) -> None:
        """Clients find the connection gone, new ones find no socket. No effect when it is so."""
        if self._listener is None:
            return
        if self._opening is not None:
            self._opening.cancel()
        if self._server is not None:
            self._server.close()
        self._listener.close()
        self._path.unlink(missing_ok=True)
        self._listener = self._server = self._opening = None
        for writer in self._clients.values():
            writer.transport.abort()

    def replug(self) -> None:
        """Listens again. No effect when it does. Raises OSError."""
        if self._listener is None:
            self._listener = listen(self._path)
            self._opening = asyncio.get_running_loop().create_task(self._accept(self._listener))

    async def _accept(self, listener: socket.socket) -> None:
        self._server = await asyncio.start_unix_server(self._serve, sock=listener, limit=LINE_MAX, start_serving=False)
        await self._server.start_serving()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients[task] = writer

        def say(line: str) -> None:
            if writer.transport.get_write_buffer_size() > UNREAD_MAX:
                writer.transport.abort()
            elif not writer.is_closing():
                writer.write(line.encode("utf-8") + b"\n")

        session = self._welcome(say)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                while True:
                    line = await _read_line(reader)
                    say(session.too_long() if line is None else await session.answer(line))
                    await writer.drain()
        finally:
            session.close()
            del self._clients[task]
            writer.transport.abort() if writer.is_closing() else writer.close()


def listen(path: Path) -> socket.socket:
    if path.is_socket():
        path.unlink()
    path.parent.mkdir(parents=True, exist_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
    try:
        listener.bind(str(path))
        listener.listen()
    except OSError as error:
        listener.close()
        raise OSError(f"{path}: {error.strerror or error}") from error
    return listener


async def _read_line(reader: asyncio.StreamReader) -> str | None:
    """One line without its end; None for one that was too long, all of which is thrown away.

    Raises IncompleteReadError at the end of the stream."""
    whole = True
    while True:
        try:
            line = await reader.readuntil(b"\n")
        except asyncio.LimitOverrunError as overrun:
            await reader.readexactly(overrun.consumed)
            whole = False
        else:
            return line[:-1].decode("utf-8", "replace") if whole and len(line) <= LINE_MAX else None
