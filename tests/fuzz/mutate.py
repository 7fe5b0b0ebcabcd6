"""Inputs made of good ones: seeded, and mostly wrong in a small way.

Ten million of them are made for each decoder: `int(random.random() * n)` takes a fifth of what `randrange(n)` does."""

from __future__ import annotations

from random import Random
from typing import Final

INTERESTING: Final = (
    *(b"\x00", b"\xff", b"\x02", b"\x03", b"\r\n", b"\n\n"),
    *(b"{", b'"', b"\\", b"\xe2\x80\x94", b"+", b"="),
)
STREAM_MAX: Final = 4096
_SIZES: Final = (1, 1, 2, 5, 17, STREAM_MAX)


def mutated(frame: bytes, other: bytes, random: Random) -> bytes:
    """One to four changes; `other` is a second good frame to splice with."""
    data, chance = bytearray(frame), random.random
    for _ in range(1 + int(chance() * 4)):
        at = int(chance() * (len(data) + 1))
        what = int(chance() * 9)
        if what <= 2:
            if at < len(data):
                data[at] = int(chance() * 256) if what == 2 else data[at] ^ 1 << int(chance() * 8)
        elif what == 3:
            data[at:at] = INTERESTING[int(chance() * len(INTERESTING))]
        elif what == 4:
            data[at:at] = random.randbytes(1 + int(chance() * 8))
        elif what == 5:
            del data[at : at + 1 + int(chance() * 8)]
        elif what == 6:
            data[at:at] = data[at : at + 1 + int(chance() * 32)]
        elif what == 7:
            del data[at:]
        else:
            data = data[:at] + bytearray(other[int(chance() * (len(other) + 1)) :])
    return bytes(data[:STREAM_MAX])


def chopped(data: bytes, random: Random) -> list[bytes]:
    """In pieces of any length, and an empty one."""
    pieces, at, chance = [b""], 0, random.random
    while at < len(data):
        size = _SIZES[int(chance() * len(_SIZES))]
        pieces.append(data[at : at + size])
        at += size
    return pieces
