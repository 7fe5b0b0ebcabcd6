"""Keyboards of the kernel (/dev/input/event*, evdev): the backend for real boards.

What is plugged in is read from sysfs, without opening anything; the number of an event file changes with each plugging.
The ioctls of linux/input.h are called directly: a library for it would need a compiler where the cabinet is
installed, and what it adds is not used here."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import struct
from collections.abc import Iterator
from fcntl import ioctl
from pathlib import Path
from time import CLOCK_MONOTONIC
from typing import Literal, cast

from hal.buses import KeyboardPlace, KeyEvent
from hal.errors import DeviceAway, DeviceError, DeviceRefused, DeviceTimeout, LinkLost
from hal.file_access import who_may
from hal.keyboards import KeyInbox, Plugged, not_there, strangers

CLASS = Path("/sys/class/input")
FILES = Path("/dev/input")
EVENT = struct.Struct("@llHHi")  # struct input_event: time, type, code, value
EVENTS_MAX = 64
EV_SYN, EV_KEY = 0, 1
SYN_DROPPED = 3
EVIOCGID, EVIOCGPHYS, EVIOCGRAB, EVIOCSCLOCKID = 0x80084502, 0x81004507, 0x40044590, 0x400445A0
WORD_BITS = 64
GONE = (errno.ENODEV, errno.ENXIO, errno.ENOENT)


class EvdevKeyboards:
    """Keyboards over the kernel's event files."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._open = False
        self._expected: set[KeyboardPlace] = set()
        self._taken: dict[KeyboardPlace, tuple[int, KeyInbox]] = {}

    async def open(self) -> None:
        if not os.access(CLASS, os.R_OK):
            raise LinkLost(self.name, f"there is no {CLASS}: this kernel has no input devices")
        self._open = True

    async def close(self) -> None:
        self._open = False
        for place in list(self._taken):
            self._let_go(place, LinkLost(self.name, "the keyboards were closed"))

    def expect(self, place: KeyboardPlace) -> None:
        self._expected.add(place)

    async def take(self, place: KeyboardPlace) -> None:
        self._check_open()
        self._let_go(place, DeviceTimeout(self.name, "it was taken anew"))
        plugged = dict(_plugged())
        event = next((event for event, one in plugged.items() if one.place == place), None)
        if event is None:
            raise not_there(self.name, place, plugged.values())
        file = self._grab(FILES / event, place)
        inbox = KeyInbox()
        self._taken[place] = file, inbox
        asyncio.get_running_loop().add_reader(file, self._read, place)

    async def give_back(self, place: KeyboardPlace) -> None:
        self._let_go(place, DeviceTimeout(self.name, "it was given back"))

    async def next_keys(self, place: KeyboardPlace) -> list[KeyEvent]:
        self._check_open()
        if place not in self._taken:
            raise DeviceTimeout(self.name, "the reader is not taken")
        return await self._taken[place][1].take()

    async def strangers(self) -> tuple[str, ...]:
        self._check_open()
        return strangers((one for _, one in _plugged()), self._expected)

    def _check_open(self) -> None:
        if not self._open:
            raise LinkLost(self.name, "the keyboards are not open")

    def _grab(self, path: Path, place: KeyboardPlace) -> int:
        try:
            file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except PermissionError as error:
            raise DeviceTimeout(self.name, f"no permission to open {path}; {who_may(path)}") from error
        except OSError as error:
            raise DeviceTimeout(self.name, f"{path} cannot be opened: {error.strerror}") from error
        try:
            ioctl(file, EVIOCGRAB, 1)
            ioctl(file, EVIOCSCLOCKID, struct.pack("i", CLOCK_MONOTONIC))
            if _place_of(file) != place:
                raise DeviceTimeout(self.name, f"{path} has just become another device; it is tried again")
            with contextlib.suppress(BlockingIOError):
                while os.read(file, EVENT.size * EVENTS_MAX):
                    pass  # typed before anybody listened
        except OSError as error:
            os.close(file)
            if isinstance(error, DeviceError):
                raise
            if error.errno == errno.EBUSY:
                hint = f"another program has taken {path} for itself; end it (an X server, a key mapper)"
                raise DeviceRefused(self.name, hint) from error
            raise DeviceTimeout(self.name, f"{path} does not answer: {error.strerror}") from error
        return file

    def _read(self, place: KeyboardPlace) -> None:
        file, inbox = self._taken[place]
        try:
            data = os.read(file, EVENT.size * EVENTS_MAX)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._let_go(place, DeviceAway(self.name, "the reader was pulled out; check its plug"))
            return
        for event in _key_events(data):
            inbox.put(event)

    def _let_go(self, place: KeyboardPlace, error: DeviceError) -> None:
        file, inbox = self._taken.pop(place, (None, None))
        if file is None or inbox is None:
            return
        asyncio.get_running_loop().remove_reader(file)
        with contextlib.suppress(OSError):
            os.close(file)  # the kernel ends the grab with it
        inbox.fail(error)


def _key_events(data: bytes) -> Iterator[KeyEvent]:
    whole = len(data) - len(data) % EVENT.size
    for second, microsecond, kind, code, value in EVENT.iter_unpack(data[:whole]):
        at_ns = second * 1_000_000_000 + microsecond * 1000
        if kind == EV_KEY and code and value in (0, 1, 2):
            yield KeyEvent(code, cast(Literal[0, 1, 2], value), at_ns)
        elif kind == EV_SYN and code == SYN_DROPPED:
            yield KeyEvent(0, 0, at_ns)


def _place_of(file: int) -> KeyboardPlace:
    _, vendor, product, _ = struct.unpack("4H", ioctl(file, EVIOCGID, bytes(8)))
    port = ioctl(file, EVIOCGPHYS, bytes(256)).partition(b"\0")[0]
    return KeyboardPlace(vendor, product, port.decode("utf-8", "replace"))


def _plugged() -> Iterator[tuple[str, Plugged]]:
    """Whatever has keys, with the name of its event file. What goes away meanwhile is left out."""
    for event in sorted(CLASS.glob("event*")):
        with contextlib.suppress(OSError, ValueError):
            device = event / "device"
            vendor, product, name, port, keys = (
                (device / part).read_text("utf-8", "replace").strip()
                for part in ("id/vendor", "id/product", "name", "phys", "capabilities/key")
            )
            if keys != "0":
                place = KeyboardPlace(int(vendor, 16), int(product, 16), port)
                yield event.name, Plugged(place, name, _numbers(keys))


def _numbers(words: str) -> frozenset[int]:
    """Of a bitmap in sysfs: words in hex, the highest first."""
    bits = 0
    for word in words.split():
        bits = bits << WORD_BITS | int(word, 16)
    return frozenset(at for at in range(bits.bit_length()) if bits >> at & 1)
