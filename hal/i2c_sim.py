"""A simulated I2C bus behind a Unix socket: docs/reference/sim-bus.md.

{"id":4,"op":"transfer","address":24,"messages":["c3f0",1]}  ->  {"id":4,"read":["b8"]}
                                                        or  {"id":4,"error":"why","failed":"nack"}"""

from __future__ import annotations

from typing import Any

from hal.errors import DeviceMisconfigured, DeviceTimeout, LinkLost
from hal.i2c_hints import STUCK_LOW, not_acknowledged
from hal.sim_socket import SimSocket


class SimI2c:
    """I2cBus over the socket at `path`."""

    def __init__(self, name: str, path: str) -> None:
        self.name = name
        self._socket = SimSocket(name, path, "bus", self._hear)

    async def open(self) -> None:
        await self._socket.open()

    async def close(self) -> None:
        await self._socket.close()

    async def transfer(self, address: int, *messages: bytes | int) -> tuple[bytes, ...]:
        said = [message.hex() if isinstance(message, bytes) else message for message in messages]
        answer = await self._socket.ask(op="transfer", address=address, messages=said)
        match answer.get("failed"):
            case "nack":
                raise DeviceTimeout(self.name, not_acknowledged(address))
            case "stuck-low":
                raise LinkLost(self.name, STUCK_LOW)
        if "error" in answer:
            raise DeviceMisconfigured(self.name, str(answer["error"]))
        return self._what_was_read(answer, [message for message in messages if isinstance(message, int)])

    def _what_was_read(self, answer: dict[str, Any], counts: list[int]) -> tuple[bytes, ...]:
        try:
            read = tuple(bytes.fromhex(text) for text in answer["read"])
        except (KeyError, TypeError, ValueError):
            read = ()
        if [len(part) for part in read] != counts:
            raise LinkLost(self.name, "the simulated bus answers with something else than was to be read")
        return read

    def _hear(self, message: dict[str, Any]) -> None:
        raise ValueError("a bus has no news")
