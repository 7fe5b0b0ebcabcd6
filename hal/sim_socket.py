"""A program's end of a simulated bus: requests and answers as JSON objects, one a line (docs/reference/sim-bus.md).

    {"id":4,"op":"read",...}  ->  {"id":4,...}  or  {"id":4,"error":"why it cannot be"}

What comes without an id is news, and goes to `hear`."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import Callable
from typing import Any

from hal.errors import LinkLost

MESSAGE_MAX = 65536
ANSWER_S = 5.0
"""What is simulated and needs longer has stopped."""


class SimSocket:
    """`what` is on the other end ("chip"), for hints. `lost` is called once after each open."""

    def __init__(
        self,
        name: str,
        path: str,
        what: str,
        hear: Callable[[dict[str, Any]], None],
        lost: Callable[[LinkLost], None] = lambda error: None,
    ) -> None:
        self.name = name
        self._path = path
        self._what = what
        self._hear_news = hear
        self._tell_lost = lost
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._ids = itertools.count(1)
        self._writer: asyncio.StreamWriter | None = None
        self._listening: asyncio.Task[None] | None = None
        self._lost = f"the simulated {what} is not connected"

    async def open(self) -> None:
        try:
            reader, self._writer = await asyncio.open_unix_connection(self._path, limit=MESSAGE_MAX)
        except OSError as error:
            hint = f"no simulated {self._what} at {self._path} ({error.strerror}); start the simulator"
            raise LinkLost(self.name, hint) from error
        self._listening = asyncio.create_task(self._listen(reader), name=f"{self._what} {self.name}")

    async def close(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
            self._listening = None
        writer = self._writer
        self.hang_up(f"the connection to the simulated {self._what} was closed")
        if writer is not None:
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def ask(self, **request: object) -> dict[str, Any]:
        """The answer, which may hold an error. Raises LinkLost."""
        if self._writer is None:
            raise LinkLost(self.name, self._lost)
        number = next(self._ids)
        answered: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers[number] = answered
        try:
            self._writer.write(json.dumps({"id": number, **request}).encode() + b"\n")
            async with asyncio.timeout(ANSWER_S):
                return await answered
        except TimeoutError as error:
            raise LinkLost(self.name, f"the simulated {self._what} does not answer") from error
        finally:
            del self._answers[number]

    def hang_up(self, hint: str) -> None:
        """No effect when it is so."""
        if self._writer is None:
            return
        self._writer.transport.abort()
        self._writer = None
        self._lost = hint
        error = LinkLost(self.name, hint)
        self._tell_lost(error)
        for answered in self._answers.values():
            if not answered.done():
                answered.set_exception(error)

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        try:
            while line := await reader.readline():
                self._hear(json.loads(line))
            self.hang_up(f"the simulated {self._what} hung up")
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            self.hang_up(f"the simulated {self._what} sent something else than the protocol: {error!r}")

    def _hear(self, message: dict[str, Any]) -> None:
        if "id" not in message:
            self._hear_news(message)
            return
        answered = self._answers.get(message["id"])
        if answered is not None and not answered.done():
            answered.set_result(message)
