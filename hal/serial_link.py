"""A serial port as a ByteLink, on pyserial.

The port is opened by its name each time, so that a re-plugged adapter is found again, and its descriptor is closed
at the moment it hangs up: a stale one makes the kernel give the adapter another number. Half-duplex direction is
the adapter's business (TIOCSRS485 is unknown to USB adapters and to pseudo-terminals)."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import termios

import serial

from hal.errors import DeviceError, DeviceMisconfigured, LinkLost
from hal.file_access import who_may

log = logging.getLogger(__name__)

UNREAD_MAX = 65536
"""Bytes nobody has read yet; beyond them the oldest are dropped."""
CHUNK = 4096
GONE = {errno.ENOENT, errno.ENODEV, errno.ENXIO, errno.EIO}
HUNG_UP = "the port hung up; check the adapter and its plug"


class SerialLink:
    """8N1, no flow control, opened exclusively. Works on pseudo-terminals.

    Logs how many bytes pass, never which: card numbers and PINs go over such links."""

    def __init__(self, name: str, port: str, baud: int = 9600) -> None:
        self.name = name
        self.dropped = 0
        """Bytes lost because nobody read them."""
        self.baud = baud
        self._port = port
        self._serial: serial.Serial | None = None
        self._lost = "the port is not open"
        self._unread = bytearray()
        self._readable: asyncio.Future[None] | None = None
        self._writable: asyncio.Future[None] | None = None
        self._gone = asyncio.Event()

    async def open(self) -> None:
        assert self._serial is None
        try:
            # inter_byte_timeout=0 sets VMIN to 1: then an empty read means a hang-up, and only that.
            self._serial = serial.Serial(
                self._port, self.baud, timeout=0, write_timeout=0, inter_byte_timeout=0, exclusive=True
            )
        except (OSError, ValueError, termios.error) as error:
            raise self._reason(error) from error
        self._unread.clear()
        self._gone.clear()
        asyncio.get_running_loop().add_reader(self._serial.fileno(), self._take)

    async def close(self) -> None:
        self._hang_up("the port was closed")

    def set_baud(self, baud: int) -> None:
        port = self._check()
        try:
            port.baudrate = baud
        except (OSError, ValueError, termios.error) as error:
            raise self._reason(error) from error

    async def hung_up(self) -> None:
        await self._gone.wait()
        self._check()

    async def read(self) -> bytes:
        while not self._unread:
            self._check()
            self._readable = asyncio.get_running_loop().create_future()
            await self._readable
        data = bytes(self._unread)
        self._unread.clear()
        return data

    async def write(self, data: bytes) -> None:
        log.debug("%s: %d bytes out", self.name, len(data))
        left = memoryview(data)
        while left:
            port = self._check()
            try:
                left = left[os.write(port.fileno(), left) :]
            except BlockingIOError:
                await self._wait_writable(port.fileno())
            except OSError as error:
                self._hang_up(HUNG_UP)
                raise LinkLost(self.name, HUNG_UP) from error

    def discard_input(self) -> int:
        if self._serial is not None:
            self._take()
        count = len(self._unread)
        self._unread.clear()
        return count

    def _take(self) -> None:
        """Moves what has arrived into the buffer; the loop calls this whenever something has."""
        assert self._serial is not None
        try:
            chunk = os.read(self._serial.fileno(), CHUNK)
        except BlockingIOError:
            return
        except OSError:
            chunk = b""
        if not chunk:
            # An empty read or EIO: this is how a hang-up looks.
            self._hang_up(HUNG_UP)
            return
        log.debug("%s: %d bytes in", self.name, len(chunk))
        self._unread += chunk
        self.dropped += max(0, len(self._unread) - UNREAD_MAX)
        del self._unread[:-UNREAD_MAX]
        _wake(self._readable)

    async def _wait_writable(self, descriptor: int) -> None:
        loop = asyncio.get_running_loop()
        self._writable = loop.create_future()
        loop.add_writer(descriptor, _wake, self._writable)
        try:
            await self._writable
        finally:
            # After a hang-up the number may already belong to another file.
            if self._serial is not None and self._serial.fileno() == descriptor:
                loop.remove_writer(descriptor)

    def _check(self) -> serial.Serial:
        if self._serial is None:
            raise LinkLost(self.name, self._lost)
        return self._serial

    def _hang_up(self, hint: str) -> None:
        port, self._serial = self._serial, None
        if port is not None:
            self._lost = hint
            loop = asyncio.get_running_loop()
            loop.remove_reader(port.fileno())
            loop.remove_writer(port.fileno())
            port.close()
        _wake(self._readable)
        _wake(self._writable)
        self._gone.set()

    def _reason(self, error: Exception) -> DeviceError:
        """Why the port cannot be opened, and what to do about it."""
        number = getattr(error, "errno", None)
        cause = error if isinstance(error, termios.error) else error.__context__
        if isinstance(cause, termios.error):
            number = cause.args[0]
        if number in GONE:
            return LinkLost(self.name, f"{self._port} is not there; check the adapter and the name of the port")
        if number in (errno.EACCES, errno.EPERM):
            return LinkLost(self.name, f"no permission to open {self._port}; {who_may(self._port)}")
        if number in (errno.EBUSY, errno.EAGAIN):
            return LinkLost(self.name, f"{self._port} is in use by another program")
        if number == errno.ENOTTY:
            return DeviceMisconfigured(self.name, f"{self._port} is no serial port; correct the key port")
        if isinstance(error, ValueError) or number == errno.EINVAL:
            return DeviceMisconfigured(self.name, f"{self._port} does not take {self.baud} baud; correct the key baud")
        return LinkLost(self.name, f"{self._port} cannot be opened: {error}")


def _wake(waiting: asyncio.Future[None] | None) -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(None)
