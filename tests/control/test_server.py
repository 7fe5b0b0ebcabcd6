"""The daemon's side over real Unix sockets."""

from __future__ import annotations

import asyncio
import grp
import json
import os
import pwd
import socket
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from cabinet.control import server as server_module
from cabinet.control import session as session_module
from cabinet.control.protocol import LINE_BYTES_MAX, Code, Notification, Params
from cabinet.control.server import CONNECTIONS_MAX, ControlServer, SocketTaken
from cabinet.control.session import Handler, Peer, Subscription


async def whoami(params: Params, peer: Peer) -> object:
    return list(peer)


HANDLERS: dict[str, Handler] = {"whoami": whoami}


class Wire:
    """A client that writes bytes as it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def open(cls, path: Path) -> Wire:
        return cls(*await asyncio.open_unix_connection(str(path)))

    async def ask(self, request_id: int, method: str) -> dict[str, Any]:
        request = {"jsonrpc": "2.0", "id": request_id, "method": method}
        self.writer.write(json.dumps(request).encode() + b"\n")
        return await self.heard()

    async def heard(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(await self.reader.readline())
        return answer

    async def close(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


def serve(path: Path, scenario: Callable[[ControlServer], Awaitable[None]], **options: Any) -> None:
    async def bounded() -> None:
        server = ControlServer(path, options.pop("handlers", HANDLERS), **options)
        await server.start()
        try:
            async with asyncio.timeout(20):
                await scenario(server)
        finally:
            await server.close()

    asyncio.run(bounded())
    assert not path.exists()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "service.sock"


def test_the_kernel_names_the_peer(path: Path) -> None:
    async def scenario(server: ControlServer) -> None:
        wire = await Wire.open(path)
        me = [os.getuid(), os.getpid(), pwd.getpwuid(os.getuid()).pw_name]
        assert (await wire.ask(1, "whoami"))["result"] == me
        await wire.close()

    serve(path, scenario)


def test_the_socket_is_for_its_owner_and_group(path: Path) -> None:
    group = grp.getgrgid(os.getgid()).gr_name

    async def scenario(server: ControlServer) -> None:
        found.append(os.stat(path))

    found: list[os.stat_result] = []
    serve(path, scenario, group=group)
    assert stat.S_IMODE(found[0].st_mode) == 0o660
    assert found[0].st_gid == os.getgid()


def test_the_group_is_given_or_its_lack_is_said(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "chown", lambda path, uid, gid: given.append((uid, gid)))

    async def scenario(server: ControlServer) -> None:
        assert given == [(-1, grp.getgrall()[-1].gr_gid)]

    serve(path, scenario, group=grp.getgrall()[-1].gr_name)

    def refuse(path: Path, uid: int, gid: int) -> None:
        raise PermissionError

    async def still_serves(server: ControlServer) -> None:
        await (await Wire.open(path)).close()

    monkeypatch.setattr(os, "chown", refuse)
    serve(path, still_serves, group=grp.getgrall()[-1].gr_name)
    assert "add this daemon's user to it" in caplog.text
    serve(path, still_serves, group="no-such-group")


def test_a_method_of_another_role_is_refused_and_the_connection_goes_on(path: Path) -> None:
    async def scenario(server: ControlServer) -> None:
        wire = await Wire.open(path)
        refused = await wire.ask(1, "slot.release")
        assert refused["error"]["code"] == Code.NOT_ALLOWED
        assert refused["error"]["data"] == {"exit": 12}
        assert (await wire.ask(2, "sesame"))["error"]["code"] == Code.UNKNOWN_METHOD
        assert (await wire.ask(3, "whoami"))["id"] == 3
        await wire.close()

    serve(path, scenario, elsewhere={"slot.release"})


def test_a_line_of_one_megabyte_is_refused_and_the_connection_goes_on(path: Path) -> None:
    async def scenario(server: ControlServer) -> None:
        wire = await Wire.open(path)
        wire.writer.write(b'{"x":"' + b"y" * 1_000_000 + b'"}\n')
        refused = await wire.heard()
        assert refused["error"]["code"] == Code.INVALID_REQUEST
        assert str(LINE_BYTES_MAX) in refused["error"]["message"]
        assert (await wire.ask(3, "whoami"))["id"] == 3
        await wire.close()

    serve(path, scenario)


def test_half_closed_clients_are_answered(path: Path) -> None:
    async def scenario(server: ControlServer) -> None:
        wire = await Wire.open(path)
        wire.writer.write(b'{"jsonrpc":"2.0","id":1,"method":"whoami"}\n')
        wire.writer.write_eof()
        assert (await wire.heard())["id"] == 1
        assert await wire.reader.read() == b""
        await wire.close()

    serve(path, scenario)


def test_one_connection_too_many_is_turned_away(path: Path) -> None:
    async def scenario(server: ControlServer) -> None:
        wires = [await Wire.open(path) for _ in range(CONNECTIONS_MAX)]
        for wire in wires:
            await wire.ask(1, "whoami")
        extra = await Wire.open(path)
        turned_away = await extra.heard()
        assert (turned_away["id"], turned_away["error"]["code"]) == (None, Code.BUSY)
        assert await extra.reader.read() == b""
        await extra.close()
        assert (await wires[0].ask(2, "whoami"))["id"] == 2
        for wire in wires:
            await wire.close()
        await asyncio.wait(server._sessions)
        late = await Wire.open(path)
        assert (await late.ask(1, "whoami"))["id"] == 1
        await late.close()

    serve(path, scenario)


def test_a_slow_watcher_is_dropped_and_others_do_not_wait(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "SLOW_S", 0.1)
    monkeypatch.setattr(server_module, "BUFFER_BYTES_MAX", 10_000)
    dropped = asyncio.Event()

    async def watch(params: Params, peer: Peer) -> object:
        async def endless() -> AsyncIterator[Notification]:
            try:
                while True:
                    yield Notification("leaf", {"x": "y" * 60_000})
            finally:
                dropped.set()

        return Subscription({"size": 0}, endless())

    async def scenario(server: ControlServer) -> None:
        slow = socket.socket(socket.AF_UNIX)
        slow.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(slow, str(path))
        await loop.sock_sendall(slow, b'{"jsonrpc":"2.0","id":1,"method":"watch"}\n')
        other = await Wire.open(path)
        while not dropped.is_set():
            assert (await other.ask(1, "whoami"))["id"] == 1
        await other.close()
        slow.close()

    serve(path, scenario, handlers={"watch": watch, "whoami": whoami})


def test_stopping_ends_the_connections(path: Path) -> None:
    async def scenario(server: ControlServer) -> None:
        wire = await Wire.open(path)
        await wire.ask(1, "whoami")
        await server.close()
        assert await wire.reader.read() == b""
        await wire.close()

    serve(path, scenario)


def test_the_socket_of_a_dead_daemon_is_replaced(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
        dead.listen()

    async def scenario(server: ControlServer) -> None:
        wire = await Wire.open(path)
        assert (await wire.ask(1, "whoami"))["id"] == 1
        await wire.close()

    serve(path, scenario)


def test_the_socket_of_a_living_daemon_is_left_alone(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as living:
        living.bind(str(path))
        living.listen()
        with pytest.raises(SocketTaken, match="stop it first"):
            asyncio.run(ControlServer(path, HANDLERS).start())
        assert path.exists()


def test_a_file_in_the_way_is_left_alone(path: Path) -> None:
    path.write_text("precious")
    with pytest.raises(SocketTaken, match="not a socket"):
        asyncio.run(ControlServer(path, HANDLERS).start())
    assert path.read_text() == "precious"


def test_a_successors_socket_is_left_alone(path: Path) -> None:
    async def scenario() -> None:
        server = ControlServer(path, HANDLERS)
        await server.start()
        replace()
        await server.close()

    def replace() -> None:
        path.rename(path.with_name("old"))
        path.write_text("successor")

    asyncio.run(scenario())
    assert path.read_text() == "successor"


def test_a_path_too_long_for_a_socket_says_what_to_change(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"cabinet\.socket_dir"):
        asyncio.run(ControlServer(tmp_path / ("x" * 108), HANDLERS).start())
