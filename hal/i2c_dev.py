"""An I2C bus of the kernel (/dev/i2c-N): the backend for real boards.

The ioctls of linux/i2c-dev.h are called directly: what a library would add is SMBus, which no device here speaks. A
chip that does not answer, a bus that is held and a driver of the kernel in the way are told apart."""

from __future__ import annotations

import contextlib
import errno
import os
import struct
from array import array
from collections.abc import Iterator, Sequence
from fcntl import ioctl

from hal.errors import DeviceError, DeviceMisconfigured, DeviceTimeout, LinkLost
from hal.file_access import who_may
from hal.i2c_hints import STUCK_LOW, not_acknowledged
from hal.worker import ThreadWorker, Worker

I2C_RETRIES, I2C_TIMEOUT, I2C_SLAVE, I2C_RDWR = 0x0701, 0x0702, 0x0703, 0x0707
READ_FLAG = 0x0001
MESSAGE = struct.Struct("@HHHP")  # struct i2c_msg: address, flags, length, buffer
MESSAGES = struct.Struct("@PI0P")  # struct i2c_rdwr_ioctl_data: messages, how many
TIMEOUT_10MS = 20
"""The kernel gives a transfer up after so many hundredths of a second; the longest one here takes a tenth of that."""
NOT_ACKNOWLEDGED = frozenset((errno.ENXIO, errno.EREMOTEIO, errno.EIO))
HELD = frozenset((errno.ETIMEDOUT, errno.EBUSY, errno.EAGAIN))


class DevI2c:
    """I2cBus on the device file `port`. The kernel blocks while a transfer runs, so a thread waits for it."""

    def __init__(self, name: str, port: str, worker: Worker | None = None) -> None:
        self.name = name
        self._port = port
        self._worker = worker or ThreadWorker(f"i2c {name}")
        self._file: int | None = None
        self._free: set[int] = set()
        """Addresses that no driver of the kernel has taken."""

    async def open(self) -> None:
        await self._worker.run(self._open)

    async def close(self) -> None:
        await self._worker.run(self._close)  # behind a transfer that runs: its descriptor must not be another's

    async def transfer(self, address: int, *messages: bytes | int) -> tuple[bytes, ...]:
        return await self._worker.run(self._transfer, address, messages)

    def _open(self) -> None:
        self._close()
        try:
            self._file = os.open(self._port, os.O_RDWR | os.O_CLOEXEC)
            ioctl(self._file, I2C_TIMEOUT, TIMEOUT_10MS)
            ioctl(self._file, I2C_RETRIES, 0)
        except OSError as error:
            self._close()
            raise LinkLost(self.name, self._why_not_open(error)) from error

    def _why_not_open(self, error: OSError) -> str:
        if isinstance(error, PermissionError):
            return f"no permission to open {self._port}; {who_may(self._port)}"
        if isinstance(error, FileNotFoundError):
            return f"there is no {self._port}; switch I2C on (dtparam=i2c_arm=on) and load the module i2c-dev"
        return f"{self._port} cannot be used: {error.strerror}"

    def _close(self) -> None:
        file, self._file = self._file, None
        self._free.clear()
        if file is not None:
            with contextlib.suppress(OSError):
                os.close(file)

    def _transfer(self, address: int, messages: Sequence[bytes | int]) -> tuple[bytes, ...]:
        if self._file is None:
            raise LinkLost(self.name, "the I2C bus is not open")
        try:
            if address not in self._free:
                self._check_free(self._file, address)
            return tuple(read for part in _parts(messages) for read in _send(self._file, address, part))
        except OSError as error:
            raise self._reason(address, error) from error

    def _check_free(self, file: int, address: int) -> None:
        try:
            ioctl(file, I2C_SLAVE, address)
        except OSError as error:
            if error.errno != errno.EBUSY:
                raise
            hint = f"a driver of the kernel has address 0x{address:02X}; take its overlay out of config.txt"
            raise DeviceMisconfigured(self.name, hint) from error
        self._free.add(address)

    def _reason(self, address: int, error: OSError) -> DeviceError:
        if error.errno in NOT_ACKNOWLEDGED:
            return DeviceTimeout(self.name, not_acknowledged(address))
        if error.errno in HELD:
            return LinkLost(self.name, STUCK_LOW)
        return LinkLost(self.name, f"{self._port} does not work any more: {error.strerror}")


def _parts(messages: Sequence[bytes | int]) -> Iterator[list[bytes | int]]:
    """Each ends with a read: the controller of a Raspberry Pi up to the 4 takes one a time, as the last message."""
    part: list[bytes | int] = []
    for message in messages:
        part.append(message)
        if isinstance(message, int):
            yield part
            part = []
    if part:
        yield part


def _send(file: int, address: int, messages: Sequence[bytes | int]) -> list[bytes]:
    """One transfer of the kernel. Raises OSError."""
    buffers = [array("B", bytes(message)) for message in messages]  # bytes(3) are three zeros
    reads = [isinstance(message, int) for message in messages]
    rows = [
        MESSAGE.pack(address, READ_FLAG if reads[at] else 0, len(buffer), buffer.buffer_info()[0])
        for at, buffer in enumerate(buffers)
    ]
    table = array("B", b"".join(rows))
    ioctl(file, I2C_RDWR, MESSAGES.pack(table.buffer_info()[0], len(rows)))
    return [buffer.tobytes() for buffer, read in zip(buffers, reads, strict=True) if read]
