"""The Unix socket of one role: makes it, guards it by mode and group, and runs a Session for each
connection."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import grp
import logging
import os
import pwd
import socket
import stat
import struct
from collections.abc import Collection, Mapping
from pathlib import Path

from cabinet.control.protocol import Code, ControlError, format_error
from cabinet.control.session import LINGER_S, Handler, Peer, Session

CONNECTIONS_MAX = 16
BUFFER_BYTES_MAX = 4 * 65536
"""What is kept for a client that does not read; a longer queue makes the writer wait, and then drop it."""
SOCKET_MODE = 0o660
PATH_BYTES_MAX = 107
"""sun_path holds 108 bytes with its NUL: unix(7)."""
_CREDENTIALS = struct.Struct("3i")

log = logging.getLogger(__name__)


class SocketTaken(OSError):
    """Another process listens there, or the path is no socket: this daemon must not take it away."""


class ControlServer:
    """Listens at `path` with mode 0660, owned by `group` if that group exists. `handlers` are the methods
    of this role; `elsewhere` names methods of other sockets, which are refused as not allowed."""

    def __init__(
        self,
        path: Path,
        handlers: Mapping[str, Handler],
        group: str | None = None,
        elsewhere: Collection[str] = (),
    ) -> None:
        self.path = path
        self._handlers = handlers
        self._group = group
        self._elsewhere = elsewhere
        self._sessions: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self._inode: int | None = None

    async def start(self) -> None:
        """Replaces the socket a dead process left behind. Raises SocketTaken, or OSError for the folder."""
        listener = _bind(self.path, self._group)
        self._inode = self.path.stat().st_ino
        # Listening starts after mode and group are set, so nobody else connects in between.
        self._server = await asyncio.start_unix_server(self._connected, sock=listener, backlog=CONNECTIONS_MAX)

    async def close(self) -> None:
        """Ends every connection and removes the socket, unless another process has replaced it."""
        if self._server is not None:
            self._server.close()
        for task in self._sessions:
            task.cancel()
        await asyncio.gather(*self._sessions, return_exceptions=True)
        with contextlib.suppress(FileNotFoundError):
            if self.path.stat().st_ino == self._inode:
                self.path.unlink()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        stream = SocketStream(reader, writer)
        self._sessions.add(task)
        try:
            if len(self._sessions) > CONNECTIONS_MAX:
                await _turn_away(stream)
                return
            await Session(stream, _peer(writer), self._handlers, self._elsewhere).run()
        except asyncio.CancelledError:
            # Only close() cancels; asyncio's own callback would log the cancellation as an error.
            log.debug("connection ended by the daemon")
        finally:
            self._sessions.discard(task)


class SocketStream:
    """A Stream over asyncio's stream pair."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        writer.transport.set_write_buffer_limits(high=BUFFER_BYTES_MAX)

    async def read(self) -> bytes:
        try:
            return await self._reader.read(65536)
        except ConnectionError:
            return b""

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def close(self) -> None:
        self._writer.close()
        try:
            async with asyncio.timeout(LINGER_S):
                await self._writer.wait_closed()
        except (TimeoutError, OSError):
            self.abort()
        except asyncio.CancelledError:
            self.abort()
            raise

    def abort(self) -> None:
        self._writer.transport.abort()


async def _turn_away(stream: SocketStream) -> None:
    message = f"{CONNECTIONS_MAX} connections are open already: close one and try again"
    with contextlib.suppress(ConnectionError):
        await stream.write(format_error(None, ControlError(Code.BUSY, message)))
    await stream.close()


def _peer(writer: asyncio.StreamWriter) -> Peer:
    connection = writer.get_extra_info("socket")
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, _ = _CREDENTIALS.unpack(raw)
    try:
        user = pwd.getpwuid(uid).pw_name
    except KeyError:
        user = str(uid)
    return Peer(uid, pid, user)


def _bind(path: Path, group: str | None) -> socket.socket:
    if len(os.fsencode(path)) > PATH_BYTES_MAX:
        hint = f"a socket's path holds at most {PATH_BYTES_MAX} bytes: set cabinet.socket_dir to a shorter one"
        raise OSError(errno.ENAMETOOLONG, hint, str(path))
    _clear(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(path))
        path.chmod(SOCKET_MODE)
        _give_to(path, group)
    except OSError:
        listener.close()
        raise
    return listener


def _clear(path: Path) -> None:
    """Removes the socket of a dead process: one that refuses connections."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise SocketTaken(errno.EEXIST, "not a socket: move it away", str(path))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except BlockingIOError:
            pass  # its queue is full: somebody listens
    raise SocketTaken(errno.EADDRINUSE, "another daemon listens here: stop it first", str(path))


def _give_to(path: Path, group: str | None) -> None:
    if group is None:
        return
    try:
        os.chown(path, -1, grp.getgrnam(group).gr_gid)
    except KeyError:
        log.info("no group %s: only this daemon's own user and group may use %s", group, path.name)
    except PermissionError:
        log.warning("may not give %s to group %s: add this daemon's user to it", path.name, group)
