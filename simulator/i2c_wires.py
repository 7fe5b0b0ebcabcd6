"""SDA and SCL with the chips on them: who acknowledges, and how long each byte takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from simulator.i2c_device import I2cDevice

RATE = 400_000
BYTE_BITS = 9
"""Eight, and the acknowledgement."""
Message = bytes | int
"""What is written, or how many bytes are read."""


class NotAcknowledged(Exception):
    """Nobody, or not this byte."""


class StuckLow(Exception):
    """A chip holds the bus."""


class I2cWires:
    """`now_s` is the loop's time; transfers follow each other on it."""

    def __init__(self, now_s: Callable[[], float], rate: int = RATE) -> None:
        self._now_s = now_s
        self._byte_s = BYTE_BITS / rate
        self._devices: list[I2cDevice] = []
        self._free_s = 0.0

    def attach(self, device: I2cDevice) -> None:
        self._devices.append(device)

    def transfer(self, address: int, messages: Sequence[Message]) -> tuple[list[bytes], float]:
        """What was read, and how long it takes from now. Raises NotAcknowledged, StuckLow."""
        if any(device.holds_low for device in self._devices):
            raise StuckLow
        began_s = self._now_s()
        self._free_s = max(began_s, self._free_s)
        device = next((device for device in self._devices if device.body.address == address), None)
        read = [part for message in messages for part in self._message(device, message)]
        return read, self._free_s - began_s

    def _message(self, device: I2cDevice | None, message: Message) -> list[bytes]:
        self._free_s += self._byte_s
        if device is None or not device.begin():
            raise NotAcknowledged
        if isinstance(message, int):
            read = device.body.give(message, self._free_s + self._byte_s, self._byte_s)
            self._free_s += message * self._byte_s
            return [read]
        for byte in message:
            self._free_s += self._byte_s
            if not device.body.take(byte, self._free_s):
                raise NotAcknowledged
        return []
