"""Processes that share one event loop, and can be killed as by SIGKILL: from that moment nothing of them runs.

Every callback and task carries the process it belongs to in its context; the loop leaves out those of the dead. What
a `finally` still does when the dead are buried reaches nobody: ports of a dead process are closed, its callbacks never
run, and nobody looks at its journal of what it thinks.
"""

from __future__ import annotations

import contextvars
import logging
from asyncio import Task
from collections.abc import Callable, Coroutine
from typing import Any, Final, ParamSpec, TypeVar

from simulator.harness.virtual_loop import VirtualLoop

P = ParamSpec("P")
T = TypeVar("T")
_TRIES: Final = 20
_FORGET_FROM: Final = 64


class Killed(BaseException):
    """Unwinds the stack of a process that was killed while it ran."""


class Process:
    """Until `kill`."""

    def __init__(self, name: str, loop: VirtualLoop) -> None:
        self.name = name
        self.alive = True
        self._loop = loop
        self._context = contextvars.Context()
        self._context.run(_OF.set, self)
        self._tasks: list[Task[Any]] = []

    def spawn(self, coroutine: Coroutine[Any, Any, T]) -> Task[T]:
        return self._context.copy().run(self._loop.create_task, coroutine, name=self.name)

    def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As a part of this process."""
        return self._context.copy().run(function, *args, **kwargs)

    def kill(self) -> None:
        """Nothing of it runs any more, but what is on the stack just now: see `unwind`."""
        if self.alive:
            self.alive = False
            self._loop.call_soon(self._bury, context=contextvars.Context())

    def unwind(self) -> None:
        """Raises Killed when it is this dead process whose code runs."""
        if not self.alive and _OF.get() is self:
            raise Killed

    @property
    def tasks(self) -> int:
        """How many have not ended."""
        return sum(not task.done() for task in self._tasks)

    def keep(self, task: Task[Any]) -> None:
        self._tasks.append(task)
        if len(self._tasks) % _FORGET_FROM == 0:
            self._tasks = [one for one in self._tasks if not one.done()]

    def _bury(self) -> None:
        """In order, and not whenever memory is collected."""
        tasks, self._tasks = [task for task in self._tasks if not task.done()], []
        awaited = [task._fut_waiter for task in tasks]  # type: ignore[attr-defined]
        logging.disable(logging.CRITICAL)
        for task in tasks:
            task._log_destroy_pending = False  # type: ignore[attr-defined]
            self._context.copy().run(_close, task.get_coro())
        logging.disable(logging.NOTSET)
        for one in awaited:
            if one is not None and one.done() and not one.cancelled():
                one.exception()  # nobody is there to hear of it


def _close(coroutine: Any) -> None:
    """A `finally` that waits once more is not waited for."""
    for _ in range(_TRIES):
        try:
            coroutine.close()
        except RuntimeError:
            continue
        except Exception:  # noqa: BLE001 - the dead may complain of anything
            return
        return


_OF: contextvars.ContextVar[Process | None] = contextvars.ContextVar("process", default=None)


def may_run(context: contextvars.Context) -> bool:
    """For the loop: not what belongs to a dead process."""
    process = context.get(_OF)
    return process is None or process.alive


def born(task: Task[Any]) -> None:
    """For the loop: whose task it is."""
    process = _OF.get()
    if process is not None:
        process.keep(task)


def outside(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Calls it as a part of the world: what it sets going outlives the process that caused it."""
    return contextvars.Context().run(function, *args, **kwargs)


def current() -> Process | None:
    """Whose code runs; None is the world."""
    return _OF.get()
