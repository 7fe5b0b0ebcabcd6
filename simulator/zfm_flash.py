"""What a fingerprint module keeps without power, and what a finger looks like to it."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Final

FEATURE_BYTES: Final = 512
FINGER_BYTES: Final = 6
"""The first bytes of the features say whose finger it is; all others belong to it."""
NOTE_PAGES: Final = 16
NOTE_BYTES: Final = 32


@dataclass(slots=True)
class Flash:
    capacity: int
    templates: dict[int, bytes] = field(default_factory=dict)
    notes: list[bytes] = field(default_factory=lambda: [bytes(NOTE_BYTES)] * NOTE_PAGES)
    password: int = 0
    address: int = 0xFFFFFFFF
    baud: int = 57600
    level: int = 3
    packet: int = 2
    """Data packets of 32 << this bytes."""


def features_of(finger: int) -> bytes:
    """The same for the same finger; nothing in them can be turned back into one."""
    body = random.Random(f"finger {finger}").randbytes(FEATURE_BYTES - FINGER_BYTES)
    return b"\x03\x01" + finger.to_bytes(FINGER_BYTES - 2, "big") + body


def finger_of(features: bytes) -> int:
    return int.from_bytes(features[2:FINGER_BYTES], "big")


def same_finger(one: bytes, other: bytes) -> bool:
    return bool(one) and one[:FINGER_BYTES] == other[:FINGER_BYTES]


def image_of(finger: int, size: int) -> bytes:
    """Ridges, more or less: 4 bits a pixel."""
    return random.Random(f"image {finger}").randbytes(64) * (size // 64)
