"""One lane a device: effects go out side by side between lanes, in order within one. A dead device blocks only its
own lane, and what waits in it stays bounded."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeAlias

from hal.errors import DeviceError

log = logging.getLogger(__name__)

Job: TypeAlias = Callable[[], Awaitable[None]]
_WAITING_MAX = 64


@dataclass(frozen=True, slots=True)
class _Waiting:
    key: str | None
    job: Job
    patience_s: float


class Lane:
    """Jobs of one device, run one after the other by a task of its own."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._waiting: list[_Waiting] = []
        self._wanted = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.busy_since_s: float | None = None
        """Loop time from which the running job should be done; None while idle. The watchdog looks at it."""

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name=f"lane {self.name}")

    def put(self, job: Job, *, key: str | None = None, patience_s: float = 0.0) -> bool:
        """Appends a job; one with a `key` replaces the job of that key still waiting. False: the lane is full and
        the job was not taken. A job that waits for a person may take so long before it is taken to be stuck."""
        if key is not None:
            self._waiting = [waiting for waiting in self._waiting if waiting.key != key]
        if len(self._waiting) >= _WAITING_MAX:
            return False
        self._waiting.append(_Waiting(key, job, patience_s))
        self._wanted.set()
        return True

    async def stop(self) -> None:
        """Lets the running job end within a second; what waits is dropped."""
        self._waiting.clear()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task], timeout=1.0)

    async def _run(self) -> None:
        while True:
            await self._wanted.wait()
            while self._waiting:
                await self._do(self._waiting.pop(0))
            self._wanted.clear()

    async def _do(self, one: _Waiting) -> None:
        self.busy_since_s = asyncio.get_running_loop().time() + one.patience_s
        try:
            await one.job()
        except DeviceError as error:
            log.debug("%s: %s", self.name, error)  # its supervisor reports a lost device, once
        except Exception:
            log.exception("lane %s: a job failed", self.name)
        finally:
            self.busy_since_s = None


class Lanes:
    """Lanes by name, made when first needed."""

    def __init__(self) -> None:
        self._lanes: dict[str, Lane] = {}
        self._stopped = False

    def of(self, name: str) -> Lane:
        lane = self._lanes.get(name)
        if lane is None:
            lane = self._lanes[name] = Lane(name)
            if not self._stopped:
                lane.start()
        return lane

    def stuck_s(self) -> float:
        """How long the longest running job has taken."""
        now_s = asyncio.get_running_loop().time()
        return max((now_s - lane.busy_since_s for lane in self._lanes.values() if lane.busy_since_s), default=0.0)

    async def stop(self) -> None:
        """No job begins any more, in none of the lanes."""
        self._stopped = True
        await asyncio.gather(*(lane.stop() for lane in self._lanes.values()))
