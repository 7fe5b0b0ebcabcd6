"""The socket of a simulated I2C bus: programs ask for whole transfers as one JSON object a line.

What is said on it stands in docs/reference/sim-bus.md."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from simulator.i2c_wires import I2cWires, Message, NotAcknowledged, StuckLow
from simulator.json_session import JsonSession, only
from simulator.line_server import LineServer

ADDRESS_MAX = 0x7F
MESSAGES_MAX, BYTES_MAX = 256, 8192


def i2c_server(path: Path, wires: I2cWires) -> LineServer:
    return LineServer(path, lambda say: I2cSession(wires))


class I2cSession(JsonSession):
    """One program. Its answers take as long as the bytes on the wires."""

    def __init__(self, wires: I2cWires) -> None:
        self._wires = wires

    async def perform(self, request: dict[str, Any]) -> dict[str, object]:
        if request.get("op") != "transfer":
            raise ValueError('"op" must be transfer')
        only(request, "address", "messages")
        address, messages = _address(request), _messages(request)
        try:
            read, duration_s = self._wires.transfer(address, messages)
        except NotAcknowledged:
            return {"error": f"address 0x{address:02X} does not acknowledge", "failed": "nack"}
        except StuckLow:
            return {"error": "SDA is held low", "failed": "stuck-low"}
        await asyncio.sleep(duration_s)
        return {"read": [part.hex() for part in read]}


def _address(request: dict[str, Any]) -> int:
    address = request.get("address")
    if type(address) is not int or not 0 <= address <= ADDRESS_MAX:
        raise ValueError('"address" must be a whole number, 0 to 127')
    return address


def _messages(request: dict[str, Any]) -> list[Message]:
    raw = request.get("messages")
    if not isinstance(raw, list) or not 1 <= len(raw) <= MESSAGES_MAX:
        raise ValueError(f'"messages" must be a list of 1 to {MESSAGES_MAX}')
    messages = [_message(one) for one in raw]
    if sum(one if isinstance(one, int) else len(one) for one in messages) > BYTES_MAX:
        raise ValueError(f"a transfer has at most {BYTES_MAX} bytes")
    return messages


def _message(raw: object) -> Message:
    if type(raw) is int and raw >= 1:
        return raw
    try:
        if isinstance(raw, str) and raw:
            return bytes.fromhex(raw)
    except ValueError:
        pass
    raise ValueError('a message is bytes to write in hex, as "c3f0", or how many to read, as 1')
