"""Committed leaves on their way to those who watch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from cabinet.journal.store import Commit

_BEHIND_MAX = 1000


class Watchers:
    """Hands each durable leaf to every open watch. One that falls 1000 leaves behind ends."""

    def __init__(self) -> None:
        self._queues: set[asyncio.Queue[tuple[int, bytes]]] = set()

    def committed(self, commit: Commit) -> None:
        """From the runner, after each commit; never blocks."""
        for queue in tuple(self._queues):
            for n, leaf in enumerate(commit.leaves, commit.first):
                if queue.full():
                    self._queues.discard(queue)
                    break
                queue.put_nowait((n, leaf))

    async def follow(self) -> AsyncIterator[tuple[int, bytes]]:
        """Leaves committed from now on, until the follower is too slow."""
        queue: asyncio.Queue[tuple[int, bytes]] = asyncio.Queue(_BEHIND_MAX)
        self._queues.add(queue)
        try:
            while queue in self._queues or not queue.empty():
                yield await queue.get()
        finally:
            self._queues.discard(queue)
