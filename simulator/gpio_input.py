"""Contacts between GPIO lines and ground."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from typing import ClassVar

from simulator.contacts import Contacts, FixedContacts
from simulator.faults import Fault
from simulator.gpio_chip import GROUND, LINES, GpioChip
from simulator.options import Options
from simulator.switched_inputs import SwitchedInputs


class GpioInput:
    title = "contacts to ground, one on each GPIO line"
    options: ClassVar = {
        "lines": "line of channel 1, of channel 2, ...; default 4,5,6,7",
        "inputs": "contacts, first channel first, 1 is closed; default all open",
    }
    faults = ("unplug", *SwitchedInputs.faults)

    def __init__(self, lines: Sequence[int], contacts: Contacts, inverted: Collection[int] = ()) -> None:
        """The contacts of `inverted` channels pull low while they are open."""
        self._lines = lines
        self._inverted = inverted
        self._inputs = SwitchedInputs(contacts, len(lines), self._moved)
        self._chip: GpioChip | None = None

    @classmethod
    def alone(cls, options: Options, rng: random.Random) -> GpioInput:
        lines = options.numbers("lines", (4, 5, 6, 7), 0, LINES - 1)
        return cls(lines, FixedContacts([*options.bits("inputs", "0"), *[False] * len(lines)][: len(lines)]))

    def attach(self, chip: GpioChip) -> None:
        self._chip = chip
        for channel in self._inputs.channels:
            self._moved(channel, self._inputs.closed(channel))

    def power(self, *, on: bool) -> None:
        """Contacts need none; they move while the world goes on."""
        self._inputs.power(on=on)

    def afflict(self, fault: Fault) -> None:
        self._inputs.afflict(fault)

    def heal(self) -> None:
        self._inputs.heal()

    def look(self) -> None:
        """The contacts have moved; otherwise that is seen a little later."""
        self._inputs.look()

    def _moved(self, channel: int, closed: bool) -> None:
        assert self._chip is not None
        line = self._lines[channel - 1]
        if closed != (channel in self._inverted):
            self._chip.join(line, GROUND)
        else:
            self._chip.part(line, GROUND)
