"""The blocking client against a far end that answers as it is told."""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cabinet.control.client import Client, DaemonDown
from cabinet.control.protocol import Code, ControlError, Exit, Notification

FarEnd = Callable[[socket.socket], None]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "service.sock"


@pytest.fixture
def far_end(path: Path) -> Iterator[Callable[[FarEnd], Path]]:
    """Gives a function that lets the far end of one connection run in a thread."""
    listener = socket.socket(socket.AF_UNIX)
    listener.settimeout(10)
    threads: list[threading.Thread] = []

    def start(behave: FarEnd) -> Path:
        listener.bind(str(path))
        listener.listen()

        def once() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(10)
                behave(connection)

        threads.append(threading.Thread(target=once))
        threads[-1].start()
        return path

    yield start
    for thread in threads:
        thread.join()
    listener.close()


def answering(*answers: bytes) -> FarEnd:
    def behave(connection: socket.socket) -> None:
        with contextlib.suppress(ConnectionError):
            for answer in answers:
                connection.recv(65536)
                connection.sendall(answer)
            connection.recv(1)

    return behave


def test_the_result_comes_back(far_end: Callable[[FarEnd], Path]) -> None:
    path = far_end(answering(b'{"jsonrpc":"2.0","id":1,"result":{"n":1}}\n', b'{"jsonrpc":"2.0","id":2,"result":[]}\n'))
    with Client(path) as client:
        assert client.call("status") == {"n": 1}
        assert client.call("status", {"x": 1}) == []


def test_an_error_object_is_raised_with_its_exit(far_end: Callable[[FarEnd], Path]) -> None:
    line = (
        b'{"jsonrpc":"2.0","id":1,"error":{"code":-32003,"message":"no slot 99: see cabinetctl slots",'
        b'"data":{"exit":10}}}\n'
    )
    with Client(far_end(answering(line))) as client, pytest.raises(ControlError, match="no slot 99") as caught:
        client.call("slot.release", {"slot": 99})
    assert caught.value.exit == Exit.NOT_FOUND


def test_an_answer_to_an_earlier_request_is_not_taken(far_end: Callable[[FarEnd], Path]) -> None:
    late = b'{"jsonrpc":"2.0","id":9,"result":"late"}\n{"jsonrpc":"2.0","id":1,"result":"mine"}\n'
    with Client(far_end(answering(late))) as client:
        assert client.call("status") == "mine"


def test_silence_is_a_time_out_and_ends_the_connection(far_end: Callable[[FarEnd], Path]) -> None:
    ended = threading.Event()

    def silent(connection: socket.socket) -> None:
        connection.recv(65536)
        assert connection.recv(1) == b""
        ended.set()

    client = Client(far_end(silent), timeout_s=0.05)
    with pytest.raises(ControlError) as caught:
        client.call("status")
    assert caught.value.exit == Exit.TIMEOUT
    assert ended.wait(10)


def test_a_daemon_that_does_not_take_the_request_is_a_time_out(far_end: Callable[[FarEnd], Path]) -> None:
    done = threading.Event()

    def deaf(connection: socket.socket) -> None:
        done.wait(10)

    with Client(far_end(deaf), timeout_s=0.05) as client, pytest.raises(ControlError) as caught:
        client._send(b"x" * 10_000_000)
    assert caught.value.exit == Exit.TIMEOUT
    done.set()


def test_nobody_there(path: Path) -> None:
    with pytest.raises(DaemonDown, match=r"service\.sock"):
        Client(path)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with pytest.raises(DaemonDown) as caught:
        Client(path)
    assert caught.value.exit == 8


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [(PermissionError(), 12), (TimeoutError(), 4), (ConnectionRefusedError(), 8), (OSError("AF_UNIX"), 2)],
)
def test_each_failing_connect_has_its_exit(
    path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError, exit_code: int
) -> None:
    def fail(self: socket.socket, address: str) -> None:
        raise error

    monkeypatch.setattr(socket.socket, "connect", fail)
    with pytest.raises(ControlError) as caught:
        Client(path)
    assert caught.value.exit == exit_code


def test_a_path_too_long_for_a_socket(tmp_path: Path) -> None:
    with pytest.raises(ControlError) as caught:
        Client(tmp_path / ("x" * 120))
    assert caught.value.exit == Exit.USAGE


def test_a_daemon_that_ends_meanwhile(far_end: Callable[[FarEnd], Path]) -> None:
    def end(connection: socket.socket) -> None:
        connection.recv(65536)

    with Client(far_end(end)) as client, pytest.raises(ControlError, match="before it answered") as caught:
        client.call("status")
    assert caught.value.exit == Exit.DAEMON_DOWN
    assert not isinstance(caught.value, DaemonDown), "it may have been done: nothing must be tried again"


def test_the_reason_for_being_turned_away_is_read(far_end: Callable[[FarEnd], Path]) -> None:
    def turn_away(connection: socket.socket) -> None:
        connection.sendall(b'{"jsonrpc":"2.0","id":null,"error":{"code":-32004,"message":"full","data":{"exit":11}}}\n')

    with Client(far_end(turn_away)) as client, pytest.raises(ControlError, match="full") as caught:
        client.call("status")
    assert caught.value.exit == Exit.BUSY


@pytest.mark.parametrize("answer", [b"garbage\n", b"x" * 70000, b"[]\n", b'{"jsonrpc":"2.0"}\n'])
def test_a_broken_answer_ends_the_connection(far_end: Callable[[FarEnd], Path], answer: bytes) -> None:
    client = Client(far_end(answering(answer)))
    with pytest.raises(ControlError, match="same version") as caught:
        client.call("status")
    assert caught.value.exit == Exit.FAILURE
    assert client._socket.fileno() == -1


def test_notifications_around_an_answer_keep_their_order(far_end: Callable[[FarEnd], Path]) -> None:
    def leaf(n: int) -> bytes:
        return b'{"jsonrpc":"2.0","method":"leaf","params":{"n":%d}}\n' % n

    wire = leaf(1) + leaf(2) + b'{"jsonrpc":"2.0","id":1,"result":{}}\n' + leaf(3)
    with Client(far_end(answering(wire))) as client:
        client.call("watch")
        source = client.notifications()
        assert [next(source) for _ in range(3)] == [Notification("leaf", {"n": n}) for n in (1, 2, 3)]


def test_what_has_arrived_is_taken_without_waiting(far_end: Callable[[FarEnd], Path]) -> None:
    leaf = b'{"jsonrpc":"2.0","method":"leaf","params":{}}\n'
    with Client(far_end(answering(b'{"jsonrpc":"2.0","id":1,"result":{}}\n' + leaf, leaf))) as client:
        client.call("watch")
        assert client.arrived() == [Notification("leaf", {})], "it came with the answer"
        assert client.arrived() == []
        client._send(b"go on\n")
        assert select.select([client], [], [], 10)[0] == [client]
        assert client.arrived() == [Notification("leaf", {})]


def test_what_has_arrived_ends_with_the_daemon(far_end: Callable[[FarEnd], Path]) -> None:
    with Client(far_end(lambda connection: None)) as client:
        assert select.select([client], [], [], 10)[0] == [client]
        with pytest.raises(ControlError) as caught:
            client.arrived()
        assert caught.value.exit == Exit.DAEMON_DOWN
        assert client.fileno() == -1


def test_watching_ends_with_the_daemon(far_end: Callable[[FarEnd], Path]) -> None:
    with Client(far_end(lambda connection: None)) as client, pytest.raises(ControlError) as caught:
        next(client.notifications())
    assert caught.value.exit == Exit.DAEMON_DOWN


def test_a_request_too_long_is_not_sent(path: Path) -> None:
    async def scenario() -> None:
        served = await asyncio.start_unix_server(lambda reader, writer: writer.close(), str(path))
        with Client(path) as client, pytest.raises(ControlError) as caught:
            client.call("roster.import.part", {"data": "x" * 70000})
        assert caught.value.code == Code.BAD_PARAMS
        served.close()

    asyncio.run(scenario())


def test_the_client_needs_little() -> None:
    program = "import sys, cabinet.control.client, cabinet.control.address; print(*sys.modules)"
    modules = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(modules.stdout.split())
    assert not loaded & {"asyncio", "pydantic", "sqlalchemy", "rich", "dataclasses", "tomllib"}
