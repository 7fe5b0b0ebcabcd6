"""The session over a stream in memory: what it does must not need a socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from cabinet.control import session as session_module
from cabinet.control.protocol import Code, ControlError, Notification, Params
from cabinet.control.session import Handler, Peer, Session, Subscription

ADA = Peer(1000, 42, "ada")


class MemoryStream:
    """The far end types with `say` and reads `said`; `full` lets writes wait for ever."""

    def __init__(self) -> None:
        self._typed: asyncio.Queue[bytes] = asyncio.Queue()
        self.said: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.full = False
        self.aborted = False
        self.closed = asyncio.Event()

    def say(self, line: bytes) -> None:
        self._typed.put_nowait(line)

    def ask(self, request_id: int, method: str, **params: object) -> None:
        request = {"jsonrpc": "2.0", "id": request_id, "method": method, "params": params}
        self.say(json.dumps(request).encode() + b"\n")

    async def read(self) -> bytes:
        return await self._typed.get()

    async def write(self, data: bytes) -> None:
        if self.full:
            await asyncio.Event().wait()
        self.said.put_nowait(json.loads(data))

    async def close(self) -> None:
        self.closed.set()

    def abort(self) -> None:
        self.aborted = True


async def whoami(params: Params, peer: Peer) -> object:
    return {"user": peer.user, **params}


def started(
    handlers: Mapping[str, Handler], elsewhere: tuple[str, ...] = ()
) -> tuple[MemoryStream, asyncio.Task[None]]:
    stream = MemoryStream()
    return stream, asyncio.create_task(Session(stream, ADA, handlers, elsewhere).run())


def run(scenario: Any) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(10):
            await scenario

    asyncio.run(bounded())


def test_a_handler_gets_its_parameters_and_the_peer() -> None:
    async def scenario() -> None:
        stream, task = started({"whoami": whoami})
        stream.ask(1, "whoami", slot=7)
        assert await stream.said.get() == {
            "jsonrpc": "2.0",
            "id": 1,
            "result": {"user": "ada", "slot": 7},
        }
        stream.say(b"")
        await task
        assert stream.closed.is_set()

    run(scenario())


def test_errors_are_answered_and_the_connection_goes_on() -> None:
    async def refuse(params: Params, peer: Peer) -> object:
        raise ControlError(Code.BUSY, "later", data={"slot": 7})

    async def scenario() -> None:
        stream, task = started({"refuse": refuse, "whoami": whoami}, elsewhere=("slot.release",))
        stream.say(b"what?\n" + b"x" * 70000 + b"\n")
        stream.ask(1, "slot.release")
        stream.ask(2, "open.sesame")
        stream.ask(3, "refuse")
        stream.ask(4, "whoami")
        codes = [(await stream.said.get())["error"]["code"] for _ in range(4)]
        assert codes == [Code.PARSE_ERROR, Code.INVALID_REQUEST, Code.NOT_ALLOWED, Code.UNKNOWN_METHOD]
        busy = await stream.said.get()
        assert busy["error"] == {"code": Code.BUSY, "message": "later", "data": {"slot": 7, "exit": 11}}
        assert (await stream.said.get())["result"] == {"user": "ada"}
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run(scenario())


@pytest.mark.parametrize("result", [object(), {"x": float("nan")}, "y" * 70000])
def test_a_result_that_cannot_be_sent_is_an_internal_error(result: object) -> None:
    async def odd(params: Params, peer: Peer) -> object:
        return result

    async def scenario() -> None:
        stream, task = started({"odd": odd})
        stream.ask(1, "odd")
        assert (await stream.said.get())["error"]["code"] == Code.INTERNAL
        stream.say(b"")
        await task

    run(scenario())


def test_a_failing_handler_leaks_nothing_and_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    async def fail(params: Params, peer: Peer) -> object:
        raise KeyError("the PIN is 4711")

    async def scenario() -> None:
        stream, task = started({"fail": fail, "whoami": whoami})
        stream.ask(1, "fail")
        stream.ask(2, "whoami")
        error = (await stream.said.get())["error"]
        assert (error["code"], error["data"]) == (Code.INTERNAL, {"exit": 1})
        assert "4711" not in error["message"]
        assert (await stream.said.get())["id"] == 2
        stream.say(b"")
        await task

    run(scenario())
    assert "KeyError at test_session.py" in caplog.text
    assert "4711" not in caplog.text


def test_requests_of_one_connection_are_served_one_after_the_other() -> None:
    order: list[str] = []

    async def work(params: Params, peer: Peer) -> object:
        order.append(f"begin {params['n']}")
        for _ in range(3):
            await asyncio.sleep(0)
        order.append(f"end {params['n']}")
        return {}

    async def scenario() -> None:
        stream, task = started({"work": work})
        for n in range(3):
            stream.ask(n, "work", n=n)
        assert [(await stream.said.get())["id"] for _ in range(3)] == [0, 1, 2]
        assert order == [f"{what} {n}" for n in range(3) for what in ("begin", "end")]
        stream.say(b"")
        await task

    run(scenario())


def test_a_client_that_goes_away_cancels_what_it_waits_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "LINGER_S", 0.01)
    cancelled = asyncio.Event()

    async def scan(params: Params, peer: Peer) -> object:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return {}

    async def scenario() -> None:
        stream, task = started({"scan": scan})
        stream.ask(1, "scan")
        stream.say(b"")
        await task
        assert cancelled.is_set()
        assert stream.closed.is_set()

    run(scenario())


def test_what_was_asked_just_before_the_end_is_still_answered() -> None:
    async def think(params: Params, peer: Peer) -> object:
        for _ in range(20):
            await asyncio.sleep(0)
        return {}

    async def scenario() -> None:
        stream, task = started({"think": think})
        for n in range(3):
            stream.ask(n, "think")
        stream.say(b"")
        await task
        assert stream.said.qsize() == 3

    run(scenario())


class Journal:
    """Notifications from a queue; remembers that it was closed."""

    def __init__(self) -> None:
        self.leaves: asyncio.Queue[int] = asyncio.Queue()
        self.closed = False

    async def watch(self, params: Params, peer: Peer) -> object:
        return Subscription({"size": 5}, self._notifications())

    async def _notifications(self) -> AsyncIterator[Notification]:
        try:
            while (n := await self.leaves.get()) >= 0:
                yield Notification("leaf", {"n": n})
        finally:
            self.closed = True


def test_watching_answers_first_and_lets_requests_through() -> None:
    async def scenario() -> None:
        journal = Journal()
        stream, task = started({"watch": journal.watch, "whoami": whoami})
        journal.leaves.put_nowait(5)
        stream.ask(1, "watch")
        assert (await stream.said.get())["result"] == {"size": 5}
        assert await stream.said.get() == {"jsonrpc": "2.0", "method": "leaf", "params": {"n": 5}}
        stream.ask(2, "whoami")
        assert (await stream.said.get())["id"] == 2
        journal.leaves.put_nowait(6)
        assert (await stream.said.get())["params"] == {"n": 6}
        stream.say(b"")
        await task
        assert journal.closed

    run(scenario())


def test_one_subscription_a_connection() -> None:
    async def scenario() -> None:
        journal = Journal()
        stream, task = started({"watch": journal.watch})
        stream.ask(1, "watch")
        stream.ask(2, "watch")
        await stream.said.get()
        assert (await stream.said.get())["error"]["code"] == Code.BUSY
        stream.say(b"")
        await task

    run(scenario())


def test_a_source_that_ends_ends_the_connection() -> None:
    async def scenario() -> None:
        journal = Journal()
        stream, task = started({"watch": journal.watch})
        stream.ask(1, "watch")
        await stream.said.get()
        journal.leaves.put_nowait(-1)
        await task
        assert stream.closed.is_set()

    run(scenario())


def test_a_watcher_that_does_not_read_is_dropped(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(session_module, "SLOW_S", 0.01)

    async def scenario() -> None:
        journal = Journal()
        stream, task = started({"watch": journal.watch})
        stream.ask(1, "watch")
        await stream.said.get()
        stream.full = True
        journal.leaves.put_nowait(5)
        await task
        assert stream.aborted
        assert journal.closed

    run(scenario())
    assert "pid 42 does not read" in caplog.text
