"""Keyboards as the kernel lists them, and their keys on the way to the drivers: what all backends share."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from hal.buses import KeyboardPlace, KeyEvent
from hal.errors import DeviceAway, DeviceError

KEPT_MAX = 256
"""Keys of one keyboard that nobody has asked for; a reader types some forty for a card."""
DIGITS = frozenset(range(2, 12))
KEYPAD_DIGITS = frozenset((71, 72, 73, 75, 76, 77, 79, 80, 81, 82))


@dataclass(frozen=True, slots=True)
class Plugged:
    """A device with keys."""

    place: KeyboardPlace
    name: str
    keys: frozenset[int] = DIGITS

    @property
    def types_digits(self) -> bool:
        return self.keys >= DIGITS or self.keys >= KEYPAD_DIGITS

    def __str__(self) -> str:
        """As `lsusb` has it, and where it is."""
        ids = f"{self.place.vendor:04x}:{self.place.product:04x}"
        return f"{printable(self.name)} ({ids}) at {printable(self.place.port) or 'no port'}"


def printable(text: str) -> str:
    """The name of a device is its maker's word: no line breaks, not for ever."""
    return "".join(one if one.isascii() and one.isprintable() else "?" for one in text[:60]).strip()


def strangers(plugged: Iterable[Plugged], expected: Iterable[KeyboardPlace]) -> tuple[str, ...]:
    """Those that type digits and belong to no device. A reader may be several keyboards at one plug."""
    known = {(one.vendor, one.product, plug(one.port)) for one in expected}
    found = (one for one in plugged if (one.place.vendor, one.place.product, plug(one.place.port)) not in known)
    return tuple(sorted({str(one) for one in found if one.types_digits}))


def plug(port: str) -> str:
    """The port without the interface: usb-0000:01:00.0-1.2 of usb-0000:01:00.0-1.2/input1."""
    return port.partition("/")[0]


def not_there(name: str, place: KeyboardPlace, plugged: Iterable[Plugged]) -> DeviceAway:
    """Why, and where it is instead."""
    alike = sorted(
        one.place.port
        for one in plugged
        if (one.place.vendor, one.place.product) == (place.vendor, place.product) and one.place.port != place.port
    )
    ids = f"{place.vendor:04x}:{place.product:04x}"
    if alike:
        return DeviceAway(name, f"{ids} is plugged in at {printable(alike[0])}, not at {place.port}; move it back")
    return DeviceAway(name, f"no {ids} is plugged in at {place.port}; check the reader and its plug")


class KeyInbox:
    """The keys of one keyboard, until they are asked for."""

    def __init__(self) -> None:
        self._kept: deque[KeyEvent] = deque()
        self._arrived = asyncio.Event()
        self._failed: DeviceError | None = None

    def put(self, event: KeyEvent) -> None:
        """Beyond KEPT_MAX none is kept, and it is told that some are missing."""
        if len(self._kept) >= KEPT_MAX:
            self._kept.clear()
            self._kept.append(KeyEvent(0, 0, event.at_ns))
        self._kept.append(event)
        self._arrived.set()

    def fail(self, error: DeviceError) -> None:
        """No more come."""
        self._failed = self._failed or error
        self._arrived.set()

    async def take(self) -> list[KeyEvent]:
        """At least one. Raises what `fail` was given, when all have been taken."""
        while not self._kept:
            if self._failed is not None:
                raise type(self._failed)(self._failed.device, self._failed.hint)
            self._arrived.clear()
            await self._arrived.wait()
        events = list(self._kept)
        self._kept.clear()
        return events
