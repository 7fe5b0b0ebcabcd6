"""GPIO lines of a simulated chip behind a Unix socket: docs/reference/sim-bus.md.

    {"id":4,"op":"read","lines":[16,20]}  ->  {"id":4,"values":[1,0]}  or  {"id":4,"error":"line 16 is not yours"}
    <-  {"edge":{"line":16,"high":false,"at_ns":123,"seqno":1}}

One JSON object a line. The chip takes the lines back when the connection closes."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any

from hal.buses import Drive, Edge, Pull
from hal.edges import EdgeInbox
from hal.errors import DeviceMisconfigured, LinkLost

MESSAGE_MAX = 65536
ANSWER_S = 5.0
"""A simulated chip that needs longer has stopped."""


class SimLines:
    """GpioLines over the socket at `path`."""

    def __init__(self, name: str, path: str) -> None:
        self.name = name
        self._path = path
        self._inbox = EdgeInbox()
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._ids = itertools.count(1)
        self._writer: asyncio.StreamWriter | None = None
        self._listening: asyncio.Task[None] | None = None
        self._lost = "the simulated chip is not connected"

    async def open(self) -> None:
        try:
            reader, self._writer = await asyncio.open_unix_connection(self._path, limit=MESSAGE_MAX)
        except OSError as error:
            hint = f"no simulated chip at {self._path} ({error.strerror}); start the simulator"
            raise LinkLost(self.name, hint) from error
        self._inbox = EdgeInbox()
        self._listening = asyncio.create_task(self._listen(reader), name=f"gpio {self.name}")

    async def close(self) -> None:
        if self._listening is not None:
            self._listening.cancel()
            self._listening = None
        writer = self._writer
        self._hang_up("the connection to the simulated chip was closed")
        if writer is not None:
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def claim_outputs(self, lines: Sequence[int], *, high: bool, drive: Drive = "push-pull") -> None:
        await self._ask(op="claim", lines=list(lines), direction="out", high=high, drive=drive)

    async def claim_inputs(self, lines: Sequence[int], *, pull: Pull = "none", edges: bool = False) -> None:
        if edges:
            # Before the claim: the first edge may overtake our waking up after its answer.
            self._inbox.watch(lines)
        await self._ask(op="claim", lines=list(lines), direction="in", pull=pull, edges=edges)

    async def write(self, values: Mapping[int, bool]) -> None:
        await self._ask(op="write", values={str(line): int(high) for line, high in values.items()})

    async def read(self, lines: Sequence[int]) -> tuple[bool, ...]:
        levels = (await self._ask(op="read", lines=list(lines))).get("values")
        if not isinstance(levels, list) or len(levels) != len(lines):
            raise LinkLost(self.name, "the simulated chip answers with the wrong number of levels")
        return tuple(bool(level) for level in levels)

    async def next_edges(self, lines: Sequence[int]) -> list[Edge]:
        return await self._inbox.take(lines)

    async def release(self, lines: Sequence[int]) -> None:
        self._inbox.forget(lines)
        await self._ask(op="release", lines=list(lines))

    async def _ask(self, **request: object) -> dict[str, Any]:
        writer = self._check()
        number = next(self._ids)
        answered: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers[number] = answered
        try:
            writer.write(json.dumps({"id": number, **request}).encode() + b"\n")
            async with asyncio.timeout(ANSWER_S):
                answer = await answered
        except TimeoutError as error:
            raise LinkLost(self.name, "the simulated chip does not answer") from error
        finally:
            del self._answers[number]
        if "error" in answer:
            raise DeviceMisconfigured(self.name, str(answer["error"]))
        return answer

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        try:
            while line := await reader.readline():
                self._hear(json.loads(line))
            self._hang_up("the simulated chip hung up")
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            self._hang_up(f"the simulated chip sent something else than the protocol: {error!r}")

    def _hear(self, message: dict[str, Any]) -> None:
        if "edge" in message:
            edge = message["edge"]
            self._inbox.put(Edge(int(edge["line"]), bool(edge["high"]), int(edge["at_ns"]), int(edge["seqno"])))
            return
        answered = self._answers.get(message["id"])
        if answered is not None and not answered.done():
            answered.set_result(message)

    def _check(self) -> asyncio.StreamWriter:
        if self._writer is None:
            raise LinkLost(self.name, self._lost)
        return self._writer

    def _hang_up(self, hint: str) -> None:
        if self._writer is None:
            return
        self._writer.transport.abort()
        self._writer = None
        self._lost = hint
        error = LinkLost(self.name, hint)
        self._inbox.fail(error)
        for answered in self._answers.values():
            if not answered.done():
                answered.set_exception(error)
