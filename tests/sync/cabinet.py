"""cabinetd as the uplink sees it: uplink.sock, and a journal in memory behind it."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cabinet.control.protocol import Code, ControlError, Notification, Params
from cabinet.control.server import ControlServer
from cabinet.control.session import Handler, Peer, Subscription
from tests.sync.upstream import SIGNER, MemoryJournal

STATE: dict[str, Any] = {"door": "closed", "items_out": 0, "unsynced_events": 0}
SLOT: dict[str, Any] = {"presence": "present", "item": "K-0007", "overdue": False}


class FakeCabinet:
    """Answers in a thread of its own. Everything else is for the test's thread."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.journal = MemoryJournal()
        self.planes: dict[str, Any] = {"state": dict(STATE), "slot/7": dict(SLOT)}
        self.rejected: list[str] = []
        self.links: list[bool] = []
        self.judged: list[dict[str, Any]] = []
        self.broken_reads = 0
        self._judging = threading.Condition()
        self._watchers: set[asyncio.Queue[Notification]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._server: ControlServer | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def start(self) -> None:
        self._server = ControlServer(self.path, self._methods())
        asyncio.run_coroutine_threadsafe(self._server.start(), self._loop).result()

    def stop(self) -> None:
        if self._server is not None:
            asyncio.run_coroutine_threadsafe(self._server.close(), self._loop).result()
            self._server = None

    def write(self, count: int, *, tell: bool = True, **fields: Any) -> None:
        """One transaction."""

        def append() -> None:
            first = self.journal.size
            self.journal.append(count, **fields)
            for n in range(first, self.journal.size) if tell else ():
                self._tell("live", {"n": n, "leaf": json.loads(self.journal.leaves[n])})
                self._tell("grown", {"size": n + 1})

        self._run(append)

    def wait(self, holds: Callable[[], bool]) -> None:
        """Until an acknowledgement has made it so."""
        with self._judging:
            assert self._judging.wait_for(holds, 15)

    def change(self, plane: str, **fields: Any) -> None:
        def change() -> None:
            self.planes[plane] |= fields
            self._tell("plane", {"plane": plane, "payload": self.planes[plane]})

        self._run(change)

    def _run(self, act: Callable[[], None]) -> None:
        async def run() -> None:
            act()

        asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    def _tell(self, method: str, params: Params) -> None:
        for queue in self._watchers:
            queue.put_nowait(Notification(method, params))

    def _methods(self) -> dict[str, Handler]:
        return {
            "upstream.head": self._head,
            "upstream.batch": self._batch,
            "upstream.ack": self._ack,
            "upstream.reject": self._reject,
            "upstream.link": self._link,
            "upstream.planes": self._planes,
            "upstream.watch": self._watch,
        }

    async def _head(self, params: Params, peer: Peer) -> object:
        journal = self.journal
        return {
            "origin": journal.origin,
            "vkey": SIGNER.vkey,
            "size": journal.size,
            "acked": journal.acked,
            "oldest": 0,
            "boot": "1f0c9a2e",
            "dev": "lobby-01",
            "version": "1.0",
            "slots": [7],
        }

    async def _batch(self, params: Params, peer: Peer) -> object:
        if self.broken_reads:
            self.broken_reads -= 1
            raise ControlError(Code.JOURNAL, "the disk does not answer")
        first = params["from"]
        assert isinstance(first, int)
        assert first <= self.journal.size
        return self.journal.batch(first)

    async def _ack(self, params: Params, peer: Peer) -> object:
        with self._judging:
            result = self.journal.judge(str(params["note"]))
            self.judged.append(result)
            self._judging.notify_all()
        if result["counted"]:
            self._tell("acked", {"acked": result["acked"]})
        return result

    async def _reject(self, params: Params, peer: Peer) -> object:
        self.rejected.append(str(params["cause"]))
        return {}

    async def _link(self, params: Params, peer: Peer) -> object:
        self.links.append(bool(params["up"]))
        return {}

    async def _planes(self, params: Params, peer: Peer) -> object:
        slots = {name.removeprefix("slot/"): plane for name, plane in self.planes.items() if name != "state"}
        return {"state": self.planes["state"], "slots": slots}

    async def _watch(self, params: Params, peer: Peer) -> object:
        queue: asyncio.Queue[Notification] = asyncio.Queue()
        self._watchers.add(queue)
        return Subscription({"size": self.journal.size}, self._notifications(queue))

    async def _notifications(self, queue: asyncio.Queue[Notification]) -> AsyncIterator[Notification]:
        try:
            while True:
                yield await queue.get()
        finally:
            self._watchers.discard(queue)
