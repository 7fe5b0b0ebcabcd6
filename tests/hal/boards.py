"""A Modbus board in a few lines, with its own CRC, so that it shares no mistake with the codec."""

from __future__ import annotations

from collections.abc import Iterable


def crc(data: bytes) -> bytes:
    """CRC-16 of "MODBUS over Serial Line" V1.02, 6.2.2: polynomial A001 reflected, low byte first."""
    register = 0xFFFF
    for byte in data:
        register ^= byte
        for _ in range(8):
            register = register >> 1 ^ (0xA001 if register & 1 else 0)
    return register.to_bytes(2, "little")


def framed(data: bytes) -> bytes:
    return data + crc(data)


class Board:
    """Eight coils, eight inputs, registers that hold their own address; a Peer of links.py."""

    def __init__(self, unit: int = 1, delay_s: float = 0.01) -> None:
        self.unit = unit
        self.delay_s = delay_s
        self.inputs = 0b10000101
        self.coils = 0

    def __call__(self, request: bytes) -> Iterable[tuple[float, bytes]]:
        if request[0] == self.unit and crc(request[:-2]) == request[-2:]:
            yield self.delay_s, framed(request[:1] + self.reply(request[1:-2]))

    def reply(self, question: bytes) -> bytes:
        function, address = question[0], int.from_bytes(question[1:3], "big")
        count = int.from_bytes(question[3:5], "big")
        if function in (1, 2):
            bits = self.coils if function == 1 else self.inputs
            octets = (count + 7) // 8
            return bytes((function, octets)) + bits.to_bytes(8, "little")[:octets]
        if function == 3:
            values = b"".join((address + k).to_bytes(2, "big") for k in range(count))
            return bytes((3, len(values))) + values
        if function == 5 and address < 8:
            self.coils = self.coils | 1 << address if count else self.coils & ~(1 << address)
        if function == 15:
            self.coils = question[6]
        return question[:5]
