"""One connection of a control socket: lines in, handlers called one after the other, lines out.

Runs over anything that is a Stream, a Unix socket in the daemon and a pair of buffers in a simulation.
"""

from __future__ import annotations

import asyncio
import logging
import os
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeAlias

from cabinet.control.protocol import (
    BadRequest,
    Code,
    ControlError,
    Id,
    Lines,
    Notification,
    Params,
    Request,
    format_error,
    format_notification,
    format_result,
    line_too_long,
    parse_request,
)

SLOW_S = 5.0
"""A client that has not made room for a line after this long is dropped."""
LINGER_S = 1.0
"""How long requests that were sent just before the client closed its side are still answered."""
LINES_AHEAD = 4
"""Lines read while a request is being answered; beyond them the client's writes wait."""

log = logging.getLogger(__name__)


class Peer(NamedTuple):
    """Who is at the other end, by SO_PEERCRED: to name in the journal. What they may do is decided by the
    socket."""

    uid: int
    pid: int
    user: str


Handler: TypeAlias = Callable[[Params, Peer], Awaitable[object]]
"""Answers one method: gives the result (plain JSON values) or a Subscription, or raises ControlError.
Cancelled when the client goes away, so what must not be lost is handed over before the first await."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """A handler's result that goes on: `answer` first, then each notification, at the client's pace and never
    waiting longer than SLOW_S for it. When the iterator ends or raises, the connection is closed; when the
    connection ends first, the iterator is closed."""

    answer: object
    notifications: AsyncIterator[Notification]


class Stream(Protocol):
    """The session's side of a connection; the session closes it."""

    async def read(self) -> bytes:
        """What has arrived, at least one byte; b"" once the client has closed its side. Never raises."""
        ...

    async def write(self, data: bytes) -> None:
        """Takes all of `data` in one piece; waits while the outgoing buffer is full. Raises
        ConnectionError."""
        ...

    async def close(self) -> None:
        """Hands out what was written, or drops it after LINGER_S."""
        ...

    def abort(self) -> None:
        """Ends the connection at once and drops what was not sent."""
        ...


class Session:
    """Serves one client. `handlers` are the methods of this socket, `elsewhere` names those of other sockets,
    which are refused here instead of unknown."""

    def __init__(
        self,
        stream: Stream,
        peer: Peer,
        handlers: Mapping[str, Handler],
        elsewhere: Collection[str] = (),
    ) -> None:
        self._stream = stream
        self._peer = peer
        self._handlers = handlers
        self._elsewhere = elsewhere
        self._lines: asyncio.Queue[bytes | _End | None] = asyncio.Queue(LINES_AHEAD)
        self._subscription: Subscription | None = None
        self._subscribed = asyncio.Event()

    async def run(self) -> None:
        """Until the client goes, is too slow, or this is cancelled. Raises nothing else; the stream is
        closed."""
        receiving = asyncio.create_task(self._receive())
        serving = asyncio.create_task(self._serve())
        notifying = asyncio.create_task(self._notify())
        tasks = (receiving, serving, notifying)
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if done == {receiving}:
                await asyncio.wait({serving}, timeout=LINGER_S)
        finally:
            await self._end(tasks)

    async def _end(self, tasks: Sequence[asyncio.Task[None]]) -> None:
        """Leaves nothing open, even when it is cancelled itself."""
        for task in tasks:
            task.cancel()
        try:
            for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                if isinstance(outcome, Exception):
                    log.error("session ended: %s", _place(outcome))
            if self._subscription is not None:
                await _release(self._subscription)
        except BaseException:
            self._stream.abort()
            raise
        await self._stream.close()

    async def _receive(self) -> None:
        lines = Lines()
        while chunk := await self._stream.read():
            for line in lines.feed(chunk):
                await self._lines.put(line)
        await self._lines.put(_END)

    async def _serve(self) -> None:
        while not isinstance(line := await self._lines.get(), _End):
            if not await self._send(await self._answer(line)):
                return
            if self._subscription is not None:
                self._subscribed.set()

    async def _notify(self) -> None:
        await self._subscribed.wait()
        assert self._subscription is not None
        async for method, params in self._subscription.notifications:
            if not await self._send(format_notification(method, params)):
                return

    async def _answer(self, line: bytes | None) -> bytes:
        if line is None:
            return format_error(None, line_too_long())
        request = parse_request(line)
        if isinstance(request, BadRequest):
            return format_error(request.id, request.error)
        try:
            return format_result(request.id, await self._call(request))
        except ControlError as error:
            return format_error(request.id, error)
        except Exception as error:  # noqa: BLE001 - one handler's mistake must not take the socket down
            return _failed_inside(request.id, request.method, error)

    async def _call(self, request: Request) -> object:
        handler = self._handlers.get(request.method)
        if handler is None:
            raise self._no_handler(request.method)
        result = await handler(request.params, self._peer)
        if not isinstance(result, Subscription):
            return result
        if self._subscription is not None:
            await _release(result)
            raise ControlError(Code.BUSY, "this connection watches already: open another one")
        self._subscription = result
        return result.answer

    def _no_handler(self, method: str) -> ControlError:
        if method in self._elsewhere:
            return ControlError(Code.NOT_ALLOWED, f"{method} is not allowed on this socket")
        return ControlError(Code.UNKNOWN_METHOD, f"no method {method[:64]!r} here")

    async def _send(self, line: bytes) -> bool:
        """False when the client is gone, or was dropped because it does not read."""
        try:
            async with asyncio.timeout(SLOW_S):
                await self._stream.write(line)
        except TimeoutError:
            log.warning("uid %d pid %d does not read what it asked for: dropped", self._peer.uid, self._peer.pid)
            self._stream.abort()
            return False
        except ConnectionError:
            return False
        return True


async def _release(subscription: Subscription) -> None:
    # An async generator holds what it watches until it is closed.
    close = getattr(subscription.notifications, "aclose", None)
    if close is not None:
        await close()


class _End:
    """Stands behind the last line."""


_END = _End()


def _failed_inside(request_id: Id, method: str, error: Exception) -> bytes:
    log.error("%s failed inside: %s", method, _place(error))
    hint = f"{method} failed inside cabinetd: look at journalctl -u cabinetd"
    return format_error(request_id, ControlError(Code.INTERNAL, hint))


def _place(error: Exception) -> str:
    """Kind and line of an error without its text, which may quote a name or a PIN."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {os.path.basename(last.filename)}:{last.lineno}"
