"""A serial line as a pty behind a symbolic link. Clients open the link like any serial port; they may come and
go, since the pty is kept open from this side."""

from __future__ import annotations

import array
import asyncio
import contextlib
import fcntl
import os
import termios
import tty
from pathlib import Path

from simulator.body import Receive

READ_BYTES = 4096
OUTPUT_SPEED = 5
"""Where tcgetattr has it."""
RATES = {getattr(termios, f"B{baud}"): baud for baud in (1200, 2400, 4800, 9600, 19200, 57600, 115200, 230400)}
"""Without 38400: that is what a pty says that nobody has set."""
UNREAD_MAX = 512
"""When so much lies unread, nobody has the port open: a UART would have lost it long ago."""


class PtyLink:
    """The devices' end. Made closed; needs the running loop."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._receivers: list[Receive] = []
        self._ours = self._theirs = -1

    def attach(self, receive: Receive) -> None:
        self._receivers.append(receive)

    def rate(self) -> int | None:
        return None if self._theirs < 0 else RATES.get(termios.tcgetattr(self._theirs)[OUTPUT_SPEED])

    async def open(self) -> None:
        """Makes the pty and its link, in place of a link left behind.

        Raises OSError, also when something else than a link is at the path."""
        self.replug()

    async def close(self) -> None:
        self.unplug()

    def replug(self) -> None:
        if self._ours >= 0:
            return
        self._ours, self._theirs = os.openpty()
        tty.setraw(self._theirs)
        os.set_blocking(self._ours, False)
        try:
            _link(os.ttyname(self._theirs), self.path)
        except OSError:
            self._close_pty()
            raise
        asyncio.get_running_loop().add_reader(self._ours, self._read)

    def unplug(self) -> None:
        """Clients read end of file or EIO."""
        if self._ours >= 0:
            asyncio.get_running_loop().remove_reader(self._ours)
            with contextlib.suppress(OSError):
                if os.readlink(self.path) == os.ttyname(self._theirs):
                    self.path.unlink()
            self._close_pty()

    def send(self, data: bytes) -> None:
        """Never waits: what does not fit, because nobody reads, is lost."""
        if self._ours < 0 or not data:
            return
        if self._unread() > UNREAD_MAX:
            termios.tcflush(self._theirs, termios.TCIFLUSH)
        with contextlib.suppress(BlockingIOError):
            os.write(self._ours, data)

    def _read(self) -> None:
        try:
            data = os.read(self._ours, READ_BYTES)
        except BlockingIOError:
            return
        for receive in self._receivers:
            receive(data)

    def _unread(self) -> int:
        count = array.array("i", [0])
        fcntl.ioctl(self._theirs, termios.FIONREAD, count)
        return count[0]

    def _close_pty(self) -> None:
        os.close(self._ours)
        os.close(self._theirs)
        self._ours = self._theirs = -1


def _link(target: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and not path.is_symlink():
        raise FileExistsError(f"{path} is there already and is no link")
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(path)
