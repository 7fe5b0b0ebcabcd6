"""GPIO lines through the API of RPi.GPIO: the second backend.

On today's boards and kernels the module comes from rpi-lgpio; RPi.GPIO 0.7.1 itself knows no Pi 5 and gets no edges
on kernels from 6.6. Its edge callbacks run in a thread of the library and only hand over to the loop. Times of edges
are taken there, in user space. What level an edge led to they do not say, and the line may be another one by then: so
edges alternate, and once a line is at rest it is read: where that differs one was lost, and `seqno` shows it."""

from __future__ import annotations

import asyncio
import importlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hal.buses import Drive, Edge, Pull
from hal.edges import EdgeInbox
from hal.errors import DeviceMisconfigured, LinkLost

AT_REST_S = 0.005
"""Without an edge for so long, a line is what it reads as."""
USE_LGPIO = "install rpi-lgpio (and remove RPi.GPIO), or use the backend gpiod"


class RpiGpioLines:
    """GpioLines by BCM numbers. Open drain is emulated: low is an output, high an input without drive."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._gpio: Any = None
        self._drives: dict[int, Drive | None] = {}
        """The claimed lines; None for an input."""
        self._watched: dict[int, _Watched] = {}
        self._inbox = EdgeInbox()

    async def open(self) -> None:
        try:
            # Lazily: off a Raspberry Pi the import itself fails.
            gpio = importlib.import_module("RPi.GPIO")
            gpio.setwarnings(False)
            gpio.setmode(gpio.BCM)
        except (ImportError, RuntimeError) as error:
            raise DeviceMisconfigured(self.name, f"RPi.GPIO does not work here ({error}); {USE_LGPIO}") from error
        self._gpio = gpio
        self._inbox = EdgeInbox()

    async def close(self) -> None:
        if self._gpio is None:
            return
        await self.release(list(self._drives))
        self._gpio = None
        self._inbox.fail(LinkLost(self.name, "the GPIO chip was closed"))

    async def claim_outputs(self, lines: Sequence[int], *, high: bool, drive: Drive = "push-pull") -> None:
        self._check_free(lines)
        for line in lines:
            self._drives[line] = drive
            self._set_up(line, drive, high=high)

    async def claim_inputs(self, lines: Sequence[int], *, pull: Pull = "none", edges: bool = False) -> None:
        self._check_free(lines)
        pulls = {"up": self._gpio.PUD_UP, "down": self._gpio.PUD_DOWN, "none": self._gpio.PUD_OFF}
        for line in lines:
            self._drives[line] = None
            self._call(line, self._gpio.setup, line, self._gpio.IN, pull_up_down=pulls[pull])
        if edges:
            self._inbox.watch(lines)
            for line in lines:
                self._watch(line)

    async def write(self, values: Mapping[int, bool]) -> None:
        driven = {line: high for line, high in values.items() if self._drives[line] == "push-pull"}
        if driven:
            self._gpio.output(list(driven), list(driven.values()))
        for line, high in values.items():
            if self._drives[line] == "open-drain":
                self._set_up(line, "open-drain", high=high)

    async def read(self, lines: Sequence[int]) -> tuple[bool, ...]:
        return tuple(bool(self._gpio.input(line)) for line in lines)

    async def next_edges(self, lines: Sequence[int]) -> list[Edge]:
        return await self._inbox.take(lines)

    async def release(self, lines: Sequence[int]) -> None:
        claimed = [line for line in lines if line in self._drives]
        for line in claimed:
            if line in self._watched:
                self._gpio.remove_event_detect(line)
                self._watched.pop(line).stop()
            del self._drives[line]
        self._inbox.forget(claimed)
        if claimed:
            self._gpio.cleanup(claimed)

    def _set_up(self, line: int, drive: Drive, *, high: bool) -> None:
        if drive == "open-drain" and high:
            self._call(line, self._gpio.setup, line, self._gpio.IN)
        else:
            self._call(line, self._gpio.setup, line, self._gpio.OUT, initial=high)

    def _watch(self, line: int) -> None:
        loop = asyncio.get_running_loop()
        watched = _Watched(line, lambda: bool(self._gpio.input(line)), self._inbox)

        def changed(channel: int) -> None:
            loop.call_soon_threadsafe(watched.edge, time.monotonic_ns())

        self._call(line, self._gpio.add_event_detect, line, self._gpio.BOTH, callback=changed)
        self._watched[line] = watched

    def _check_free(self, lines: Sequence[int]) -> None:
        if self._gpio is None:
            raise LinkLost(self.name, "the GPIO chip is not open")
        for line in lines:
            if line in self._drives:
                raise DeviceMisconfigured(self.name, f"line {line} is taken; choose another")

    def _call(self, line: int, function: Any, *args: object, **named: object) -> None:
        try:
            function(*args, **named)
        except (RuntimeError, ValueError) as error:
            raise DeviceMisconfigured(self.name, f"line {line}: {error}; {USE_LGPIO}") from error


class _Watched:
    """One line whose edges are told."""

    def __init__(self, line: int, read: Callable[[], bool], inbox: EdgeInbox) -> None:
        self._line = line
        self._read = read
        self._inbox = inbox
        self._high = read()
        self._seqno = 0
        self._timer: asyncio.TimerHandle | None = None

    def edge(self, at_ns: int) -> None:
        self.stop()
        self._tell(at_ns)
        self._timer = asyncio.get_running_loop().call_later(AT_REST_S, self._at_rest)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _at_rest(self) -> None:
        if self._read() != self._high:
            self._seqno += 1
            self._tell(time.monotonic_ns())

    def _tell(self, at_ns: int) -> None:
        self._high, self._seqno = not self._high, self._seqno + 1
        self._inbox.put(Edge(self._line, self._high, at_ns, self._seqno))
