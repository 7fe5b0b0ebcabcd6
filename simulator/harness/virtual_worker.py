"""A hal.worker.Worker on virtual time: one function after the other, each taking as long as the world says."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


class VirtualWorker:
    """`takes_s` is asked for each function: how long before it acts, and how long until its result is there."""

    def __init__(self, takes_s: Callable[[], tuple[float, float]]) -> None:
        self._takes_s = takes_s
        self._calls: deque[tuple[Callable[[], Any], asyncio.Future[Any]]] = deque()
        self._busy = False

    async def run(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        result: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._calls.append((partial(function, *args, **kwargs), result))
        if not self._busy:
            self._busy = True
            self._begin()
        return await result

    def close(self) -> None:
        """What was handed in is done at once."""
        while self._calls:
            self._act()

    def _begin(self) -> None:
        before_s, self._after_s = self._takes_s()
        asyncio.get_running_loop().call_later(before_s, self._act_in_time)

    def _act_in_time(self) -> None:
        if not self._calls:
            self._busy = False
            return
        settle = self._act()
        asyncio.get_running_loop().call_later(self._after_s, self._end, settle)

    def _act(self) -> Callable[[], None]:
        function, result = self._calls.popleft()
        try:
            outcome = function()
        except Exception as error:  # noqa: BLE001 - whoever waits is told, whatever it is
            return partial(_settle, result, None, error)
        return partial(_settle, result, outcome, None)

    def _end(self, settle: Callable[[], None]) -> None:
        settle()
        if self._calls:
            self._begin()
        else:
            self._busy = False


def _settle(result: asyncio.Future[Any], outcome: Any, error: Exception | None) -> None:
    """A wait that was cancelled takes no result."""
    if result.done():
        return
    if error is not None:
        result.set_exception(error)
    else:
        result.set_result(outcome)
