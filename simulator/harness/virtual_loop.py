"""An event loop on virtual time: when nothing is ready, its clock jumps to the next timer.

It starts at 0 and counts whole microseconds, so the same program gives the same run. There are no sockets and no
threads, and nothing comes from outside: when everybody waits and no timer is set, that is a deadlock.
"""

from __future__ import annotations

import asyncio
import heapq
import math
from asyncio import events
from collections import deque
from collections.abc import Callable, Coroutine
from contextvars import Context, copy_context
from typing import Any, TypeVar, TypeVarTuple, Unpack

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_NOISE_US = 0.001
_CANCELLED_MAX = 1000
_CALLS_PER_US = 256
"""So many callbacks in a row take a microsecond: whoever waits for less than a float can hold gets there."""
_CALLS_MAX = 100_000
"""In a row, with nobody waiting for a timer; a program that needs more spins."""


class Deadlock(RuntimeError):
    """Everybody waits, and no timer is set."""


class Spinning(RuntimeError):
    """Something goes on and on, and time does not."""


def _always(_: Context) -> bool:
    return True


def _unheard(_: asyncio.Task[Any]) -> None:
    pass


def _nothing() -> None:
    pass


class _Call(asyncio.TimerHandle):
    """A handle with nothing in it but what is needed: most of the time of a simulation goes through here."""

    __slots__ = ()

    def __init__(
        self,
        loop: VirtualLoop,
        callback: Callable[..., object],
        args: tuple[Any, ...],
        context: Context | None,
        when: float = 0.0,
    ) -> None:
        self._loop = loop
        self._callback = callback
        self._args = args
        self._context = copy_context() if context is None else context
        self._cancelled = False
        self._scheduled = False
        self._when = when
        self._repr = self._source_traceback = None

    def cancel(self) -> None:
        if not self._cancelled:
            self._cancelled = True
            self._callback, self._args = _nothing, ()
            self._loop.cancelled += 1


class VirtualLoop(asyncio.AbstractEventLoop):
    """`may_run` decides for the context of each callback whether it is still called: those of a killed process
    are not; `born` hears of each task. Of an event loop it has what coroutines need that reach for nothing outside."""

    @classmethod
    def make(
        cls, may_run: Callable[[Context], bool] = _always, born: Callable[[asyncio.Task[Any]], None] = _unheard
    ) -> VirtualLoop:
        return cls(may_run, born)  # a class method may: whatever else a loop could do would come from outside

    def __init__(self, may_run: Callable[[Context], bool], born: Callable[[asyncio.Task[Any]], None]) -> None:
        self._now_us = 0
        self._ready: deque[_Call] = deque()
        self._timers: list[tuple[int, int, _Call]] = []
        self.cancelled = 0
        """Handles, since they were last cleared away."""
        self._order = 0
        self._calls = 0
        self._may_run = may_run
        self._born = born
        self.unhandled: list[dict[str, Any]] = []
        """What nobody caught, as asyncio describes it."""

    def time(self) -> float:
        return self._now_us / 1_000_000

    @property
    def turn(self) -> tuple[int, int]:
        """Differs between any two callbacks."""
        return self._now_us, self._calls

    def call_soon(
        self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        handle = _Call(self, callback, args, context)
        self._ready.append(handle)
        return handle

    def call_later(
        self, delay: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self.time() + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        handle = _Call(self, callback, args, context, when)
        self._order += 1
        # Rounded up: who is called too early asks for the rest again. What floats add to a whole number is no rest.
        when_us = max(self._now_us, math.ceil(when * 1_000_000 - _NOISE_US))
        heapq.heappush(self._timers, (when_us, self._order, handle))
        return handle

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(self, coro: Any, *, name: object = None, context: Context | None = None) -> asyncio.Task[Any]:
        task = asyncio.Task(coro, loop=self, name=None if name is None else str(name), context=context)
        self._born(task)
        return task

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return events._get_running_loop() is self

    def is_closed(self) -> bool:
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        self.unhandled.append(context)

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Until `main` ends; what still waits then is left as it is. Raises Deadlock, Spinning."""
        events._set_running_loop(self)
        self._calls = 0
        try:
            task: asyncio.Task[T] = self.create_task(main)
            while not task.done():
                self._turn()
            return task.result()
        finally:
            events._set_running_loop(None)

    def _turn(self) -> None:
        """One callback, at its time."""
        if not self._ready:
            self._jump()
        self._calls += 1
        if self._calls % _CALLS_PER_US == 0:
            self._now_us += 1
        handle = self._ready.popleft()
        if handle._cancelled or not self._may_run(handle._context):
            return
        try:
            handle._context.run(handle._callback, *handle._args)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:  # noqa: BLE001 - as asyncio has it, a callback that fails stops nobody
            self.unhandled.append({"message": f"Exception in callback {handle._callback!r}", "exception": error})
        if self._calls > _CALLS_MAX:
            raise Spinning(f"at {self.time():.6f} s time stands still: {handle!r}")

    def _jump(self) -> None:
        """To the next timer; all that are due then become ready, in their order."""
        if self.cancelled > _CANCELLED_MAX and self.cancelled * 2 > len(self._timers):
            self._timers = [timer for timer in self._timers if not timer[2]._cancelled]
            heapq.heapify(self._timers)
            self.cancelled = 0
        while self._timers:
            when_us, _, handle = heapq.heappop(self._timers)
            if handle._cancelled or not self._may_run(handle._context):
                continue
            if when_us > self._now_us:
                self._now_us, self._calls = when_us, 0
            self._ready.append(handle)
            while self._timers and self._timers[0][0] <= self._now_us:
                self._ready.append(heapq.heappop(self._timers)[2])
            return
        raise Deadlock(f"at {self.time():.6f} s everybody waits and no timer is set")


def run(story: Coroutine[Any, Any, T]) -> T:
    """Plays it on a loop of its own, and ends the tasks it leaves behind."""
    loop = VirtualLoop.make()
    try:
        return loop.run(story)
    finally:
        loop.run(_end_others())


async def _end_others() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
