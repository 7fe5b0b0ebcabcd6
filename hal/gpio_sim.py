"""GPIO lines of a simulated chip behind a Unix socket: docs/reference/sim-bus.md.

    {"id":4,"op":"read","lines":[16,20]}  ->  {"id":4,"values":[1,0]}  or  {"id":4,"error":"line 16 is not yours"}
    <-  {"edge":{"line":16,"high":false,"at_ns":123,"seqno":1}}

The chip takes the lines back when the connection closes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hal.buses import Drive, Edge, Pull
from hal.edges import EdgeInbox
from hal.errors import DeviceMisconfigured, LinkLost
from hal.sim_socket import SimSocket


class SimLines:
    """GpioLines over the socket at `path`."""

    def __init__(self, name: str, path: str) -> None:
        self.name = name
        self._inbox = EdgeInbox()
        self._socket = SimSocket(name, path, "chip", self._hear, lambda error: self._inbox.fail(error))

    async def open(self) -> None:
        self._inbox = EdgeInbox()
        await self._socket.open()

    async def close(self) -> None:
        await self._socket.close()

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
        answer = await self._socket.ask(**request)
        if "error" in answer:
            raise DeviceMisconfigured(self.name, str(answer["error"]))
        return answer

    def _hear(self, message: dict[str, Any]) -> None:
        edge = message["edge"]
        self._inbox.put(Edge(int(edge["line"]), bool(edge["high"]), int(edge["at_ns"]), int(edge["seqno"])))
