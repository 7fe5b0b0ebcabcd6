"""The kernel's I2C bus. The ioctls are played here, structures read as linux/i2c.h lays them out for 64 bits."""

from __future__ import annotations

import asyncio
import ctypes
import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hal import i2c_dev
from hal.errors import DeviceMisconfigured, DeviceTimeout, LinkLost
from hal.i2c_dev import DevI2c
from hal.worker import InlineWorker


class Message(ctypes.Structure):
    _fields_ = [
        ("address", ctypes.c_uint16),
        ("flags", ctypes.c_uint16),
        ("length", ctypes.c_uint16),
        ("buffer", ctypes.POINTER(ctypes.c_uint8)),
    ]


class Messages(ctypes.Structure):
    _fields_ = [("messages", ctypes.POINTER(Message)), ("count", ctypes.c_uint32)]


class Kernel:
    """Answers every read with the bytes 1, 2, 3, ... and notes what it was asked."""

    def __init__(self) -> None:
        self.settings: list[tuple[int, object]] = []
        self.transfers: list[list[tuple[int, int, bytes]]] = []
        self.fails: OSError | None = None
        self.taken: int | None = None

    def ioctl(self, file: int, request: int, argument: Any) -> int:
        os.fstat(file)  # a real and open one
        if request != 0x0707:
            self.settings.append((request, argument))
            if request == 0x0703 and argument == self.taken:
                raise OSError(errno.EBUSY, "busy")
            return 0
        if self.fails:
            raise self.fails
        assert len(argument) == ctypes.sizeof(Messages)
        table = Messages.from_buffer_copy(argument)
        transfer = []
        for message in table.messages[: table.count]:
            if message.flags & 1:
                for at in range(message.length):
                    message.buffer[at] = at + 1
            transfer.append((message.address, message.flags, bytes(message.buffer[: message.length])))
        self.transfers.append(transfer)
        return table.count


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    kernel = Kernel()
    monkeypatch.setattr(i2c_dev, "ioctl", kernel.ioctl)
    return kernel


@pytest.fixture
def port(tmp_path: Path) -> Path:
    path = tmp_path / "i2c-1"
    path.touch()
    return path


def on_bus(port: Path, use: Callable[[DevI2c], Any]) -> Any:
    async def story() -> Any:
        bus = DevI2c("i2c0", str(port), InlineWorker())
        await bus.open()
        try:
            return await use(bus)
        finally:
            await bus.close()
            await bus.close()

    return asyncio.run(story())


def test_one_read_a_transfer_of_the_kernel(kernel: Kernel, port: Path) -> None:
    read = on_bus(port, lambda bus: bus.transfer(0x18, b"\xc3\xf0", 1, b"\xb4", 3, b"\xe1", b"\xf0"))
    assert read == (b"\x01", b"\x01\x02\x03")
    assert kernel.transfers == [
        [(0x18, 0, b"\xc3\xf0"), (0x18, 1, b"\x01")],
        [(0x18, 0, b"\xb4"), (0x18, 1, b"\x01\x02\x03")],
        [(0x18, 0, b"\xe1"), (0x18, 0, b"\xf0")],
    ]
    assert kernel.settings == [(0x0702, 20), (0x0701, 0), (0x0703, 0x18)]  # time-out, no retries, is it free


@pytest.mark.parametrize("number", [errno.ENXIO, errno.EREMOTEIO, errno.EIO])
def test_nobody_acknowledges(kernel: Kernel, port: Path, number: int) -> None:
    kernel.fails = OSError(number, "no")
    with pytest.raises(DeviceTimeout, match="no acknowledgement from address 0x1A"):
        on_bus(port, lambda bus: bus.transfer(0x1A, b"\xf0"))


@pytest.mark.parametrize("number", [errno.ETIMEDOUT, errno.EAGAIN, errno.EBUSY])
def test_a_bus_that_is_held_is_a_lost_link(kernel: Kernel, port: Path, number: int) -> None:
    kernel.fails = OSError(number, "no")
    with pytest.raises(LinkLost, match=r"SDA or SCL is held low.*switch the power"):
        on_bus(port, lambda bus: bus.transfer(0x1A, b"\xf0"))


def test_an_adapter_that_is_gone_is_a_lost_link(kernel: Kernel, port: Path) -> None:
    kernel.fails = OSError(errno.ENODEV, "No such device")
    with pytest.raises(LinkLost, match=r"i2c-1 does not work any more: No such device"):
        on_bus(port, lambda bus: bus.transfer(0x1A, b"\xf0"))


def test_an_address_that_a_driver_of_the_kernel_has(kernel: Kernel, port: Path) -> None:
    kernel.taken = 0x18
    with pytest.raises(DeviceMisconfigured, match="a driver of the kernel has address 0x18; take its overlay out"):
        on_bus(port, lambda bus: bus.transfer(0x18, b"\xf0"))
    assert kernel.transfers == []


def test_no_bus_and_no_permission(kernel: Kernel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(LinkLost, match=r"there is no .*i2c-9; switch I2C on"):
        asyncio.run(DevI2c("i2c0", str(tmp_path / "i2c-9"), InlineWorker()).open())

    def refuse(*_: object) -> int:
        raise PermissionError(errno.EACCES, "no")

    (tmp_path / "i2c-1").touch()
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(LinkLost, match=r"no permission to open .*i2c-1; add this program's user to the group"):
        asyncio.run(DevI2c("i2c0", str(tmp_path / "i2c-1"), InlineWorker()).open())


def test_closed_is_lost(kernel: Kernel, port: Path) -> None:
    bus = DevI2c("i2c0", str(port), InlineWorker())
    with pytest.raises(LinkLost, match="not open"):
        asyncio.run(bus.transfer(0x18, b"\xf0"))


def test_what_is_no_bus_cannot_be_used(port: Path) -> None:
    with pytest.raises(LinkLost, match="cannot be used"):
        asyncio.run(DevI2c("i2c0", str(port)).open())
