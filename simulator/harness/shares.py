"""Work on all processors: each does its share in a process of its own, and hands back what it found."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from typing import Any


class ShareFailed(RuntimeError):
    """A share ended without a result; the text says which, and what stands on standard error."""


def share(work: Callable[[int, int], Any], shares: int | None = None) -> list[Any]:
    """`work(i, of)` for each share; results are whatever JSON can hold. Blocks. Raises ShareFailed."""
    of = shares or os.cpu_count() or 1
    if of == 1:
        return [work(0, 1)]
    sys.stdout.flush()
    with tempfile.TemporaryDirectory() as folder:
        running = {_start(work, index, of, f"{folder}/{index}"): index for index in range(of)}
        while running:
            pid, status = os.wait()
            index = running.pop(pid, None)
            if index is not None and status:
                raise ShareFailed(f"share {index + 1} of {of} ended with wait status {status}")
        return [_read(f"{folder}/{index}") for index in range(of)]


def _start(work: Callable[[int, int], Any], index: int, of: int, file: str) -> int:
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        result = work(index, of)
        with open(file, "w", encoding="utf-8") as out:
            json.dump(result, out)
        status = 0
    except BaseException:  # noqa: BLE001 - this process is a copy: nothing above may go on in it
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)


def _read(file: str) -> Any:
    with open(file, encoding="utf-8") as result:
        return json.load(result)
