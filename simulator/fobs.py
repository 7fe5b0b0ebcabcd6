"""The numbers in the fobs: each is an iButton DS1990A, family 01 | serial number, low byte first | CRC-8."""

from __future__ import annotations

from functools import lru_cache
from zlib import crc32

FAMILY = 0x01
SERIAL_BYTES = 6


@lru_cache
def number_of(fob: str) -> bytes:
    """The 8 bytes in a fob of the world: F-7 has the serial number 7, any other name one of its own."""
    name, _, digits = fob.partition("-")
    plain = name == "F" and digits.isascii() and digits.isdigit() and len(digits) <= 9
    return numbered(int(digits) if plain else 1 << 40 | crc32(fob.encode()))


def numbered(serial: int) -> bytes:
    content = bytes((FAMILY,)) + serial.to_bytes(SERIAL_BYTES, "little")
    return content + bytes((crc(content),))


def crc(content: bytes) -> int:
    """Bit by bit, as the chip's shift register does it: a codec of its own."""
    register = 0
    for byte in content:
        for bit in range(8):
            feedback = (register ^ byte >> bit) & 1
            register = register >> 1 ^ (0x8C if feedback else 0)
    return register
