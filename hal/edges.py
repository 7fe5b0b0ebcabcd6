"""Edges on their way from a GPIO chip to the drivers that wait for them: what all backends share."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable

from hal.buses import Edge
from hal.errors import LinkLost

KEPT_MAX = 256
"""Edges of one line nobody has asked for; beyond them the oldest are dropped, which `seqno` shows."""


class EdgeInbox:
    """Keeps the edges of watched lines until they are asked for."""

    def __init__(self) -> None:
        self._kept: dict[int, deque[Edge]] = {}
        self._waiting: dict[frozenset[int], asyncio.Future[None]] = {}
        self._failed: LinkLost | None = None

    def watch(self, lines: Iterable[int]) -> None:
        for line in lines:
            self._kept[line] = deque(maxlen=KEPT_MAX)

    def forget(self, lines: Iterable[int]) -> None:
        for line in lines:
            self._kept.pop(line, None)

    def put(self, edge: Edge) -> None:
        """Edges of lines that are not watched are dropped."""
        if edge.line not in self._kept:
            return
        self._kept[edge.line].append(edge)
        for lines, waiting in self._waiting.items():
            if edge.line in lines and not waiting.done():
                waiting.set_result(None)

    async def take(self, lines: Iterable[int]) -> list[Edge]:
        """At least one, oldest first. Cancelling loses none. Raises LinkLost after `fail`."""
        key = frozenset(lines)
        while not (edges := self._pop(key)):
            if self._failed is not None:
                raise LinkLost(self._failed.device, self._failed.hint)
            self._waiting[key] = asyncio.get_running_loop().create_future()
            try:
                await self._waiting[key]
            finally:
                del self._waiting[key]
        return edges

    def fail(self, error: LinkLost) -> None:
        """No more edges come: everyone who waits, now or later, gets the error."""
        self._kept.clear()
        self._failed = error
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_result(None)

    def _pop(self, lines: frozenset[int]) -> list[Edge]:
        edges = [edge for line in lines for edge in self._kept.get(line, ())]
        for line in lines & self._kept.keys():
            self._kept[line].clear()
        return sorted(edges, key=lambda edge: edge.at_ns)
