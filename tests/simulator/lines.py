"""A serial line in memory, seen from the host: what came when."""

from __future__ import annotations

import asyncio

from simulator.body import Receive


class MemoryLine:
    def __init__(self) -> None:
        self.came: list[tuple[float, bytes]] = []
        """Time and bytes of each write of the devices."""
        self.plugged = True
        self.baud: int | None = None
        self._receivers: list[Receive] = []

    @property
    def stream(self) -> bytes:
        return b"".join(piece for _, piece in self.came)

    @property
    def pieces(self) -> list[bytes]:
        return [piece for _, piece in self.came]

    def say(self, data: bytes) -> None:
        """The host sends."""
        for receive in self._receivers:
            receive(data)

    def rate(self) -> int | None:
        return self.baud

    def attach(self, receive: Receive) -> None:
        self._receivers.append(receive)

    def send(self, data: bytes) -> None:
        if data:
            self.came.append((asyncio.get_running_loop().time(), data))

    def unplug(self) -> None:
        self.plugged = False

    def replug(self) -> None:
        self.plugged = True
