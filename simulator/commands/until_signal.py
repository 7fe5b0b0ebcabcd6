"""Running until somebody ends it, as both long-running commands do."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable
from typing import Protocol


class Service(Protocol):
    async def start(self) -> None:
        """Listens when it returns. Raises OSError."""
        ...

    async def stop(self) -> None: ...


def serve(make: Callable[[], Service], ready: str) -> int:
    """Prints `ready ...` when the service listens, ends it at SIGTERM or SIGINT; 0, or 1 when it cannot start.

    `make` is called within the loop; its errors are the caller's."""
    return asyncio.run(_serve(make, ready))


async def _serve(make: Callable[[], Service], ready: str) -> int:
    service = make()
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    try:
        await service.start()
        print(f"ready {ready}", flush=True)
        await ended.wait()
    except OSError as error:
        print(f"simulator: {error}", file=sys.stderr)
        return 1
    finally:
        await service.stop()
    return 0
