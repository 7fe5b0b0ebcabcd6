"""The kernel's keyboards: sysfs as a tree of files, event files as pipes, and the ioctls played here as linux/input.h
has them."""

from __future__ import annotations

import asyncio
import errno
import os
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from hal import keyboards_evdev
from hal.buses import KeyboardPlace, KeyEvent
from hal.errors import DeviceRefused, DeviceTimeout, LinkLost
from hal.keyboards import KEPT_MAX
from hal.keyboards_evdev import EvdevKeyboards

READER = KeyboardPlace(0xFFFF, 0x0035, "usb-0000:01:00.0-1.2/input0")
WHOLE_BOARD = "10000000000007 ff9f207ac14057ff febeffdfffefffff fffffffffffffffe"
"""A 104-key keyboard on x86-64, and so on any machine of 64 bits."""
NUMBER_BLOCK = "80 0 0 0 1000 fff80 0"
POWER_BUTTON = "10000000000000 0"


class Kernel:
    """What is plugged in, each with a pipe for its keys."""

    def __init__(self, folder: Path) -> None:
        self.sys, self.dev = folder / "sys", folder / "dev"
        self.sys.mkdir()
        self.dev.mkdir()
        self.writers: dict[str, int] = {}
        self.places: dict[int, KeyboardPlace] = {}
        """By inode of the event file."""
        self.grabbed: set[str] = set()
        self.busy = False
        self.calls: list[int] = []

    def plug(self, event: str, place: KeyboardPlace, keys: str = WHOLE_BOARD, name: str = "USB Reader") -> None:
        device = self.sys / event / "device"
        (device / "id").mkdir(parents=True)
        (device / "capabilities").mkdir()
        (device / "id" / "vendor").write_text(f"{place.vendor:04x}\n")
        (device / "id" / "product").write_text(f"{place.product:04x}\n")
        (device / "name").write_text(f"{name}\n")
        (device / "phys").write_text(f"{place.port}\n")
        (device / "capabilities" / "key").write_text(f"{keys}\n")
        os.mkfifo(self.dev / event)
        self.writers[event] = os.open(self.dev / event, os.O_RDWR | os.O_NONBLOCK)
        self.places[os.stat(self.dev / event).st_ino] = place

    def pull(self, event: str) -> None:
        os.close(self.writers.pop(event))
        (self.dev / event).unlink()
        for path in sorted((self.sys / event).rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()
        (self.sys / event).rmdir()

    def type(self, event: str, *events: tuple[int, int, int], at: tuple[int, int] = (5, 250)) -> None:
        os.write(self.writers[event], b"".join(struct.pack("@qqHHi", *at, *one) for one in events))

    def ioctl(self, file: int, request: int, argument: Any) -> Any:
        self.calls.append(request)
        place = self.places[os.fstat(file).st_ino]
        match request:
            case 0x80084502:  # EVIOCGID
                return struct.pack("4H", 3, place.vendor, place.product, 0x0110)
            case 0x81004507:  # EVIOCGPHYS(256)
                return place.port.encode().ljust(256, b"\0")
            case 0x40044590:  # EVIOCGRAB
                assert argument == 1
                if self.busy:
                    raise OSError(errno.EBUSY, "Device or resource busy")
                return 0
            case 0x400445A0:  # EVIOCSCLOCKID
                assert struct.unpack("i", argument) == (1,)
                return 0
        raise AssertionError(f"{request:x}")


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Kernel:
    kernel = Kernel(tmp_path)
    monkeypatch.setattr(keyboards_evdev, "CLASS", kernel.sys)
    monkeypatch.setattr(keyboards_evdev, "FILES", kernel.dev)
    monkeypatch.setattr(keyboards_evdev, "ioctl", kernel.ioctl)
    return kernel


def with_keyboards(use: Callable[[EvdevKeyboards], Awaitable[Any]]) -> Any:
    async def story() -> Any:
        keyboards = EvdevKeyboards("input")
        keyboards.expect(READER)
        await keyboards.open()
        try:
            async with asyncio.timeout(5):
                return await use(keyboards)
        finally:
            await keyboards.close()
            await keyboards.close()

    return asyncio.run(story())


def test_keys_come_with_the_kernels_time_and_what_was_typed_before_is_dropped(kernel: Kernel) -> None:
    kernel.plug("event3", READER)
    kernel.type("event3", (1, 9, 1), (0, 0, 0))

    async def story(keyboards: EvdevKeyboards) -> list[KeyEvent]:
        await keyboards.take(READER)
        kernel.type("event3", (4, 4, 458782), (1, 2, 1), (0, 0, 0), (1, 2, 0), (1, 2, 2), (0, 3, 0), (1, 28, 1))
        return await keyboards.next_keys(READER)

    at_ns = 5_000_250_000
    assert with_keyboards(story) == [
        *(KeyEvent(2, 1, at_ns), KeyEvent(2, 0, at_ns), KeyEvent(2, 2, at_ns)),
        *(KeyEvent(0, 0, at_ns), KeyEvent(28, 1, at_ns)),  # SYN_DROPPED
    ]
    assert kernel.calls == [0x40044590, 0x400445A0, 0x80084502, 0x81004507]


def test_it_is_found_under_whatever_number_it_has_now(kernel: Kernel) -> None:
    kernel.plug("event0", KeyboardPlace(0xFFFF, 0x0035, "usb-0000:01:00.0-1.4/input0"))
    kernel.plug("event3", READER)

    async def story(keyboards: EvdevKeyboards) -> list[KeyEvent]:
        await keyboards.take(READER)
        waiting = asyncio.ensure_future(keyboards.next_keys(READER))
        await asyncio.sleep(0)
        kernel.pull("event3")
        with pytest.raises(DeviceTimeout, match="was pulled out"):
            await waiting
        with pytest.raises(DeviceTimeout, match=r"ffff:0035 is plugged in at usb-0000:01:00.0-1.4/input0, not at"):
            await keyboards.take(READER)
        kernel.plug("event7", READER)
        await keyboards.take(READER)
        kernel.type("event7", (1, 28, 1))
        return await keyboards.next_keys(READER)

    [event] = with_keyboards(story)
    assert event.code == 28


def test_strangers_are_those_that_type_digits_and_belong_to_no_reader(kernel: Kernel) -> None:
    kernel.plug("event0", KeyboardPlace(0, 1, "LNXPWRBN/button/input0"), POWER_BUTTON, "Power Button")
    kernel.plug("event1", READER)
    kernel.plug("event2", KeyboardPlace(0xFFFF, 0x0035, READER.port.replace("input0", "input1")))
    kernel.plug("event3", KeyboardPlace(0x1A2C, 0x0002, "usb-0000:01:00.0-1.1/input0"), NUMBER_BLOCK, "Pad\x1b[31m\ty")
    kernel.plug("event4", KeyboardPlace(0x046D, 0xC31C, "usb-0000:01:00.0-1.3/input0"), WHOLE_BOARD, "Logitech K120")
    kernel.plug("event5", KeyboardPlace(1, 1, ""), "0", "a speaker")
    assert with_keyboards(lambda keyboards: keyboards.strangers()) == (
        "Logitech K120 (046d:c31c) at usb-0000:01:00.0-1.3/input0",
        "Pad?[31m?y (1a2c:0002) at usb-0000:01:00.0-1.1/input0",
    )


def test_who_has_taken_it(kernel: Kernel) -> None:
    kernel.plug("event3", READER)
    kernel.busy = True
    with pytest.raises(DeviceRefused, match=r"another program has taken .*event3 for itself"):
        with_keyboards(lambda keyboards: keyboards.take(READER))


def test_another_device_behind_the_same_number_is_not_taken(kernel: Kernel) -> None:
    kernel.plug("event3", READER)
    kernel.places[os.stat(kernel.dev / "event3").st_ino] = KeyboardPlace(1, 2, READER.port)
    with pytest.raises(DeviceTimeout, match="has just become another device"):
        with_keyboards(lambda keyboards: keyboards.take(READER))


def test_no_permission_is_said(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel.plug("event3", READER)

    def refuse(*_: object) -> int:
        raise PermissionError(errno.EACCES, "no")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(DeviceTimeout, match=r"no permission to open .*event3; add this program's user to the group"):
        with_keyboards(lambda keyboards: keyboards.take(READER))


def test_a_flood_that_nobody_reads_is_bounded_and_known(kernel: Kernel) -> None:
    kernel.plug("event3", READER)

    async def story(keyboards: EvdevKeyboards) -> list[KeyEvent]:
        await keyboards.take(READER)
        for _ in range(40):
            kernel.type("event3", *[(1, 2, 1)] * 10)
            await asyncio.sleep(0.001)
        return await keyboards.next_keys(READER)

    events = with_keyboards(story)
    assert len(events) <= KEPT_MAX + 1
    assert events[0].code == 0


def test_closed_and_not_there(kernel: Kernel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kernel.plug("event3", READER)

    async def story(keyboards: EvdevKeyboards) -> None:
        with pytest.raises(DeviceTimeout, match="not taken"):
            await keyboards.next_keys(READER)
        await keyboards.take(READER)
        waiting = asyncio.ensure_future(keyboards.next_keys(READER))
        await asyncio.sleep(0)
        await keyboards.close()
        with pytest.raises(LinkLost):
            await waiting
        with pytest.raises(LinkLost):
            await keyboards.strangers()

    with_keyboards(story)
    monkeypatch.setattr(keyboards_evdev, "CLASS", tmp_path / "none")
    with pytest.raises(LinkLost, match="no input devices"):
        asyncio.run(EvdevKeyboards("input").open())
