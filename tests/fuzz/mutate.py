"""Inputs made of good ones: seeded, and mostly wrong in a small way."""

from __future__ import annotations

from random import Random
from typing import Final

INTERESTING: Final = (
    *(b"\x00", b"\xff", b"\x02", b"\x03", b"\r\n", b"\n\n"),
    *(b"{", b'"', b"\\", b"\xe2\x80\x94", b"+", b"="),
)
STREAM_MAX: Final = 4096


def mutated(frame: bytes, other: bytes, random: Random) -> bytes:
    """One to four changes; `other` is a second good frame to splice with."""
    data = bytearray(frame)
    for _ in range(random.randint(1, 4)):
        at = random.randint(0, len(data))
        match random.randint(0, 8):
            case 0 | 1 if data:
                data[at % len(data)] ^= 1 << random.randint(0, 7)
            case 2 if data:
                data[at % len(data)] = random.randint(0, 255)
            case 3:
                data[at:at] = random.choice(INTERESTING)
            case 4:
                data[at:at] = random.randbytes(random.randint(1, 8))
            case 5:
                del data[at : at + random.randint(1, 8)]
            case 6:
                data[at:at] = data[at : at + random.randint(1, 32)]
            case 7:
                del data[at:]
            case 8:
                data = data[:at] + bytearray(other[random.randint(0, len(other)) :])
    return bytes(data[:STREAM_MAX])


def chopped(data: bytes, random: Random) -> list[bytes]:
    """In pieces of any length, an empty one now and then."""
    pieces, at = [], 0
    while at < len(data):
        size = random.choice((0, 1, 1, 2, 5, 17, len(data)))
        pieces.append(data[at : at + size])
        at += size
    return pieces
