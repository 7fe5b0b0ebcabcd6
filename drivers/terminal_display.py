"""A text screen on a serial port: whatever terminal takes UTF-8."""

from __future__ import annotations

import asyncio
import contextlib

from drivers.specs.terminal_display import TerminalDisplaySpec
from drivers.wire.terminal import encode
from hal.buses import ByteLink
from hal.capabilities import Display, Emit
from hal.clock import Clock
from hal.errors import DeviceTimeout

REFRESH_S = 10.0
"""How often the screen is written again: finds a lost link, and a terminal that was off shows it again."""
WRITE_S = 10.0
"""The largest screen takes 8 s at 9600 baud; a port that takes longer is stuck."""
STOP_S = 1.0


class TerminalDisplay(Display):
    """Only the newest text counts: what came and went while the link was busy is never written."""

    def __init__(self, spec: TerminalDisplaySpec, link: ByteLink, clock: Clock) -> None:
        self.device = spec.id
        self._link = link
        self._text = ""
        self._changed = asyncio.Event()

    async def start(self) -> None:
        """Clears the screen; a terminal cannot prove that it is there."""
        await self._write("", WRITE_S)

    async def watch(self, emit: Emit) -> None:
        while True:
            self._changed.clear()
            await self._write(self._text, WRITE_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(REFRESH_S):
                    await self._changed.wait()

    async def stop(self) -> None:
        await self._write("", STOP_S)

    async def show(self, text: str) -> None:
        """Returns at once; `watch` writes it."""
        self._text = text
        self._changed.set()

    async def _write(self, text: str, limit_s: float) -> None:
        self._link.discard_input()  # keys typed at the terminal mean nothing here
        try:
            async with asyncio.timeout(limit_s) as limit:
                await self._link.write(encode(text))
        except TimeoutError:
            if not limit.expired():
                raise
            raise DeviceTimeout(self.device, "the port takes no bytes; check its flow control") from None
