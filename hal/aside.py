"""A function in a process of its own: for work that Python's one lock would not let two threads do at once.

The process starts anew and knows nothing but what it is given; both go through pipes, pickled."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

T = TypeVar("T")
R = TypeVar("R")


def cores() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0))


class Aside(Generic[R]):
    """Begins at once. The function is one of a module, found there by its name."""

    def __init__(self, function: Callable[[T], R], given: T) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "hal.aside"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert self._process.stdin is not None
        with suppress(BrokenPipeError), self._process.stdin as pipe:
            pickle.dump((function, given), pipe)

    def result(self) -> R | None:
        """Waits for it. None: the process was lost, or the function raised."""
        assert self._process.stdout is not None
        data = self._process.stdout.read()
        if self._process.wait() != 0:
            return None
        found: R = pickle.loads(data)  # noqa: S301 - from our own process
        return found

    def stop(self) -> None:
        """Whether or not it has ended."""
        assert self._process.stdout is not None
        self._process.kill()
        self._process.wait()
        self._process.stdout.close()


def _main() -> None:
    function, given = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the process that began this one
    pickle.dump(function(given), sys.stdout.buffer)


if __name__ == "__main__":
    _main()
