"""1-Wire: the number every chip has, and the commands that ask for it. No I/O here.

    family | 48-bit serial number, low byte first | CRC-8 of these seven

The bits go over the wire low bit first. A search asks each chip for one bit of its number and for the bit's
complement: chips that differ there pull both low. Source: Maxim application notes 27 (CRC) and 187 (search).
"""

from __future__ import annotations

READ_ROM, SEARCH_ROM = 0x33, 0xF0
ROM_BYTES = 8


def crc8(data: bytes) -> int:
    """x^8 + x^5 + x^4 + 1, reflected, from 0; over a number with its own check it is 0."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x8C if crc & 1 else 0)
    return crc


def is_number(rom: bytes) -> bool:
    """Whether a chip may have this number. Eight zeros, which a short reads as, pass the CRC; no family is 0."""
    return len(rom) == ROM_BYTES and rom[0] != 0 and crc8(rom) == 0


def bits(rom: bytes) -> tuple[bool, ...]:
    """In the order in which they go over the wire."""
    return tuple(bool(byte >> bit & 1) for byte in rom for bit in range(8))
