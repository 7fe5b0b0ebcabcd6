"""An active buzzer on one GPIO line: it sounds while the line is on."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import ClassVar

from simulator.faults import Fault, channels_of
from simulator.gpio_chip import LINES, GpioChip
from simulator.options import Options


class Buzzer:
    title = "active buzzer on one GPIO line"
    options: ClassVar = {
        "line": "its line; default 11",
        "active_high": "true when a high line makes it sound; default true",
    }
    faults = ("unplug", "stuck-on")

    def __init__(self, line: int, active_high: bool, on_sound: Callable[[bool], None]) -> None:
        """`on_sound` gets whether it sounds now; it is silent at first."""
        self._line = line
        self._active_high = active_high
        self._on_sound = on_sound
        self._driven = False
        self._stuck = False

    @classmethod
    def alone(cls, options: Options, rng: random.Random) -> Buzzer:
        line = options.number("line", 11, 0, LINES - 1)
        return cls(line, options.flag("active_high", True), lambda sounding: None)

    def attach(self, chip: GpioChip) -> None:
        chip.watch(self._line, self._drive)

    def power(self, *, on: bool) -> None:
        """Lives from the line alone."""

    def afflict(self, fault: Fault) -> None:
        channels_of(fault, 1, (1,))
        self._stuck = True
        self._on_sound(True)

    def heal(self) -> None:
        self._stuck = False
        self._on_sound(self._driven)

    def _drive(self, level: bool | None) -> None:
        self._driven = level is self._active_high
        self._on_sound(self._driven or self._stuck)
