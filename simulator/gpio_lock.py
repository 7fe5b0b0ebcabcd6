"""Coils on GPIO lines, each through a transistor: on as long as its line says, with nothing that would end it."""

from __future__ import annotations

import random
from collections.abc import Sequence
from functools import partial
from typing import ClassVar

from simulator.faults import Fault, channels_of
from simulator.gpio_chip import LINES, GpioChip
from simulator.modbus_relay_board import Bolts, NoBolts
from simulator.options import Options


class GpioLock:
    title = "coils of bolts, one on each GPIO line"
    options: ClassVar = {
        "lines": "line of channel 1, of channel 2, ...; default 2,3,4,17",
        "active_high": "true when a high line energises the coil; default true",
    }
    faults = ("unplug", "stuck-on", "stuck-locked", "forced-open")

    def __init__(self, lines: Sequence[int], active_high: bool, bolts: Bolts) -> None:
        self._lines = lines
        self._active_high = active_high
        self._bolts = bolts
        self._channels = range(1, len(lines) + 1)
        self._driven = dict.fromkeys(self._channels, False)
        self._energised = dict.fromkeys(self._channels, False)
        self._stuck: frozenset[int] = frozenset()

    @classmethod
    def alone(cls, options: Options, rng: random.Random) -> GpioLock:
        lines = options.numbers("lines", (2, 3, 4, 17), 0, LINES - 1)
        return cls(lines, options.flag("active_high", True), NoBolts())

    def attach(self, chip: GpioChip) -> None:
        for channel, line in enumerate(self._lines, start=1):
            chip.watch(line, partial(self._drive, channel))

    def power(self, *, on: bool) -> None:
        """Lives from the lines alone."""

    def afflict(self, fault: Fault) -> None:
        match fault.name:
            case "stuck-on":
                self._stuck |= channels_of(fault, len(self._lines), self._channels)
            case "stuck-locked":
                for channel in channels_of(fault, len(self._lines), self._channels):
                    self._bolts.jam(channel, jammed=True)
            case _:
                assert fault.name == "forced-open", fault.name
                for channel in channels_of(fault, len(self._lines), (1,)):
                    self._bolts.break_bolt(channel, broken=True)

    def heal(self) -> None:
        self._stuck = frozenset()
        for channel in self._channels:
            self._bolts.jam(channel, jammed=False)
            self._bolts.break_bolt(channel, broken=False)
            self._follow(channel)

    def _drive(self, channel: int, level: bool | None) -> None:
        self._driven[channel] = level is self._active_high
        self._follow(channel)

    def _follow(self, channel: int) -> None:
        """A transistor that has failed stays on once it was."""
        on = self._driven[channel] or (channel in self._stuck and self._energised[channel])
        if on != self._energised[channel]:
            self._energised[channel] = on
            self._bolts.energise(channel, on=on)
