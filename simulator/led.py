"""Lamps on GPIO lines."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar

from simulator.faults import Fault, channels_of
from simulator.gpio_chip import LINES, GpioChip
from simulator.options import Options


class Led:
    title = "lamps, one on each GPIO line"
    options: ClassVar = {
        "lines": "line of channel 1, of channel 2, ...; default 2,3,4,17,27,22,10,9",
        "active_high": "true when a high line lights the lamp; default true",
    }
    faults = ("unplug", "stuck-on")

    def __init__(self, lines: Sequence[int], active_high: bool, on_light: Callable[[int, bool], None]) -> None:
        """`on_light` gets channel (from 1) and whether it is lit now, at each change; all are dark at first."""
        self._lines = lines
        self._active_high = active_high
        self._on_light = on_light
        self._driven = dict.fromkeys(range(1, len(lines) + 1), False)
        self._stuck: frozenset[int] = frozenset()

    @classmethod
    def alone(cls, options: Options, rng: random.Random) -> Led:
        lines = options.numbers("lines", (2, 3, 4, 17, 27, 22, 10, 9), 0, LINES - 1)
        return cls(lines, options.flag("active_high", True), lambda channel, lit: None)

    def attach(self, chip: GpioChip) -> None:
        for channel, line in enumerate(self._lines, start=1):
            chip.watch(line, partial(self._drive, channel))

    def power(self, *, on: bool) -> None:
        """Lives from the lines alone."""

    def afflict(self, fault: Fault) -> None:
        self._stuck |= channels_of(fault, len(self._lines), self._driven)
        self._tell()

    def heal(self) -> None:
        self._stuck = frozenset()
        self._tell()

    def _drive(self, channel: int, level: bool | None) -> None:
        self._driven[channel] = level is self._active_high
        self._tell()

    def _tell(self) -> None:
        for channel, driven in self._driven.items():
            self._on_light(channel, driven or channel in self._stuck)
