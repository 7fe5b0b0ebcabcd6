"""Named faults: one name everywhere (command line, world.sock, scenario, documentation), one meaning each.

A device offers those that make sense for it; a fault lasts until it is cleared, or as long as its argument says.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class FaultKind:
    """What the argument after `=` counts, its value when none is given (None: no end), and one line for people."""

    argument: Literal["frames", "ms", "bytes", "channel", "none"]
    default: int | None
    title: str


FAULTS: dict[str, FaultKind] = {
    "noise": FaultKind("bytes", 3, "random bytes before, inside or after each frame (keypad: more bounces)"),
    "truncate": FaultKind("bytes", 3, "the last bytes of each frame are missing"),
    "bad-checksum": FaultKind("frames", None, "the frames carry a wrong check"),
    "late": FaultKind("ms", 1000, "each frame comes late"),
    "silent": FaultKind("frames", None, "the frames are missing (keypad: presses make no contact)"),
    "duplicate": FaultKind("frames", None, "the frames come twice (keypad: presses strike twice)"),
    "wrong-address": FaultKind("frames", None, "the frames carry the address of another board"),
    "stale": FaultKind("frames", None, "in place of each frame the one before it comes"),
    "echo": FaultKind("frames", None, "the adapter returns what it is sent (the argument counts its reads)"),
    "split": FaultKind("ms", 5, "each frame comes byte by byte, with such gaps"),
    "merge": FaultKind("frames", None, "each frame is held back and comes together with the next"),
    "unplug": FaultKind("ms", None, "the link is gone, with all that hang on it"),
    "power-cycle": FaultKind("ms", 500, "no power for so long; what a device does not store is lost"),
    "busy": FaultKind("frames", None, "requests are refused, as busy (Modbus: with exception 06)"),
    "stuck-on": FaultKind("channel", None, "what is switched on stays on (keypad: this key is held down)"),
    "stuck-locked": FaultKind("channel", None, "the coil works, the bolt does not move"),
    "sensor-stuck": FaultKind("channel", None, "the input keeps its level"),
    "forced-open": FaultKind("channel", None, "the bolt, the slot or the door gives way without a command"),
    "ghost": FaultKind("frames", None, "with each key two more are pressed, so that a fourth seems to be"),
    "two-keys": FaultKind("frames", None, "with each key its neighbour is pressed"),
    "held": FaultKind("ms", 5000, "each key is held for so long"),
    "chatter": FaultKind("channel", None, "the contact opens and closes all the time"),
    "unasked": FaultKind("frames", None, "before each answer comes a frame that nobody asked for"),
    "wrong-length": FaultKind("frames", None, "an answer about all locks tells fewer than there are"),
    "overflow": FaultKind("frames", None, "the kernel's queue is full: part of each frame is lost, and that is known"),
    "two-cards": FaultKind("frames", None, "two cards are in the field and are read in turn"),
    "half-frame": FaultKind("frames", None, "half a frame stands before the first and after the last one of a card"),
    "not-hex": FaultKind("frames", None, "one character of each frame is no hex digit"),
    "lower-case": FaultKind("frames", None, "hex digits are small letters"),
    "pulled": FaultKind("ms", None, "the reader is pulled out of its port"),
    "other-port": FaultKind("ms", None, "the reader is plugged into another port"),
    "foreign-keyboard": FaultKind("ms", None, "another keyboard is plugged in, and types"),
    "short": FaultKind("channel", None, "the 1-Wire channel is shorted"),
    "two-fobs": FaultKind("channel", None, "a second fob hangs on the 1-Wire channel"),
    "swapped": FaultKind("frames", None, "the wires of D0 and D1 are swapped"),
    "open-line": FaultKind("channel", None, "a wire is broken: 0 for D0, 1 for D1 (without: D1)"),
    "no-answer": FaultKind("frames", None, "commands are acknowledged and never answered"),
    "card-gone": FaultKind("frames", None, "the card leaves between being found and being spoken to"),
    "random-uid": FaultKind("frames", None, "the card shows another random number each time"),
    "error-frame": FaultKind("frames", None, "commands are answered with the chip's error frame"),
    "overlong": FaultKind("frames", None, "answers are longer than the chip's longest frame"),
    "asleep": FaultKind("frames", 1, "the chip has fallen asleep: the next command only wakes it"),
    "lifted": FaultKind("frames", None, "the finger has gone when the features are read"),
    "unclear": FaultKind("frames", None, "the image is too messy, or shows too little of the finger"),
    "low-score": FaultKind("frames", None, "fingers match with a score of 20 at most"),
    "miscount": FaultKind("frames", None, "it counts a template more than its index names"),
    "full": FaultKind("frames", None, "templates cannot be stored"),
    "locked": FaultKind("frames", None, "somebody else has set a password: it is wrong, and all else wants it first"),
    "restarts": FaultKind("frames", 1, "before the answer it starts anew, and says 55"),
    "cut-short": FaultKind("frames", None, "a template or an image ends in the middle"),
    "other-rate": FaultKind("none", None, "somebody has set another rate"),
    "other-module": FaultKind("none", None, "a new module is in its place, until cleared"),
    "factory-reset": FaultKind("none", None, "all that it stores is gone, for good"),
    "stuck-low": FaultKind("ms", None, "the device holds SDA low, so that nobody can use the bus"),
}

LIMITS = {"frames": 1_000_000, "ms": 600_000, "bytes": 64}


class FaultError(ValueError):
    """Not a fault of this device; the text says what is allowed."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`amount` counts frames, ms or bytes (None: no end); `place` is a channel or a key (None: see the device)."""

    name: str
    amount: int | None = None
    place: str | None = None


class ActiveFaults:
    """The faults set on one part of a device, each at most once."""

    def __init__(self) -> None:
        self._faults: dict[str, Fault] = {}

    def set(self, fault: Fault) -> None:
        self._faults[fault.name] = fault

    def clear(self) -> None:
        self._faults.clear()

    def get(self, name: str) -> Fault | None:
        return self._faults.get(name)

    def amount(self, name: str) -> int:
        """The argument of a fault that is set, 0 when it is not."""
        fault = self._faults.get(name)
        return (fault.amount or 0) if fault else 0

    def act(self, name: str) -> bool:
        """Whether the fault acts on this frame; one that counts frames ends after its last."""
        fault = self._faults.get(name)
        if fault is None:
            return False
        if fault.amount == 1:
            del self._faults[name]
        elif fault.amount is not None:
            self._faults[name] = Fault(name, fault.amount - 1)
        return True


def parse_fault(text: str, offered: Collection[str]) -> Fault:
    """`NAME` or `NAME=ARG`, one of `offered`. Raises FaultError."""
    name, separator, argument = text.partition("=")
    if name not in offered:
        known = ", ".join(fault for fault in FAULTS if fault in offered) or "no faults"
        raise FaultError(f"fault {name[:40]!r} is not offered here; there are: {known}")
    kind = FAULTS[name]
    if not separator:
        return Fault(name, amount=kind.default)
    if kind.argument == "none":
        raise FaultError(f"{name} takes no argument")
    if kind.argument == "channel":
        return Fault(name, place=argument)
    limit = LIMITS[kind.argument]
    if not (argument.isascii() and argument.isdigit() and 1 <= int(argument[:9]) <= limit):
        raise FaultError(f"{name}={argument[:40]}: the argument is a number of {kind.argument}, 1 to {limit}")
    return Fault(name, amount=int(argument))


def channels_of(fault: Fault, channels: int, without: Collection[int]) -> frozenset[int]:
    """The channels (from 1) a fault with a place means; `without` stands for no argument. Raises FaultError."""
    if fault.place is None:
        return frozenset(without)
    if not (fault.place.isascii() and fault.place.isdigit() and 1 <= int(fault.place[:9]) <= channels):
        raise FaultError(f"{fault.name}={fault.place[:40]}: the argument is a channel, 1 to {channels}")
    return frozenset({int(fault.place)})
