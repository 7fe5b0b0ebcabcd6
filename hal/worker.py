"""Blocking functions off the loop. Threads exist only here and in the files of the hardware libraries."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class Worker(Protocol):
    """Runs blocking functions one at a time, in the order they were handed in."""

    async def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Its result or its exception. Cancelling the wait does not stop the function."""
        ...

    def close(self) -> None:
        """Waits for the function in progress; blocks."""
        ...


class ThreadWorker:
    """One thread of its own, begun with the first function.

    An executor's locks and second future would double what handing over costs, and every act waits for a commit."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread: Thread | None = None
        self._closed = False

    async def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        if self._closed:
            raise RuntimeError(f"worker {self._name} is closed")
        if self._thread is None:
            self._thread = Thread(target=self._work, name=self._name, daemon=True)
            self._thread.start()
        loop = asyncio.get_running_loop()
        result: asyncio.Future[R] = loop.create_future()

        def call() -> None:
            settle: Callable[[], None]
            try:
                settle = partial(result.set_result, function(*args, **kwargs))
            except BaseException as error:  # noqa: BLE001 - whoever waits is told, whatever it is
                settle = partial(result.set_exception, error)
            with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(_unless_done, result, settle)

        self._calls.put(call)
        return await result

    def close(self) -> None:
        self._closed = True
        if self._thread is not None:
            self._calls.put(None)
            self._thread.join()

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call()
            del call  # what it was given may be a secret


class InlineWorker:
    """Runs the function on the spot: for simulation, where there are no threads."""

    async def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        return function(*args, **kwargs)

    def close(self) -> None:
        """Nothing to wait for."""


def _unless_done(future: asyncio.Future[R], settle: Callable[[], None]) -> None:
    """A wait that was cancelled takes no result."""
    if not future.done():
        settle()
