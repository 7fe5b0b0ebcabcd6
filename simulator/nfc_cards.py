"""Cards of ISO 14443 A as a reader's field sees them. What a kind of card does is a SimulatedCard.

Another kind of card is a class with SimulatedCard as its base: `uid`, `sak`, `ats`, and `apdu()` for what comes over
ISO 14443-4, or `raw()` for what comes beneath it. Readers call `activated()` whenever it comes into a field or is
selected anew, and then nothing is left of what was said before."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

ISO_14443_4 = 0x20
"""In SAK: the card speaks APDUs."""
BLOCK, PAGE = 16, 4
FACTORY_KEY = b"\xff" * 6
NOT_FOUND = b"\x6d\x00"
ACKNOWLEDGED, REFUSED = b"\x0a", b"\x00"


class SimulatedCard:
    """A card that shows its number and says nothing."""

    def __init__(self, uid: bytes, atqa: bytes, sak: int, ats: bytes = b"") -> None:
        """`ats` without its length byte; a card whose `sak` has 20 needs one."""
        self.uid = uid
        self.atqa = atqa
        self.sak = sak
        self.ats = ats

    def activated(self) -> bytes:
        """It starts anew; the UID that it shows this time."""
        return self.uid

    def apdu(self, command: bytes) -> bytes:
        """The answer to an APDU, with its status word."""
        return NOT_FOUND

    def raw(self, data: bytes) -> bytes | None:
        """The answer to a frame beneath ISO 14443-4, both without CRC; None: it does not answer."""
        return None


class ClassicCard(SimulatedCard):
    """MIFARE Classic 1K as it comes from the factory: 16 sectors of 4 blocks, all keys FF."""

    def __init__(self, uid: bytes) -> None:
        super().__init__(uid, b"\x00\x04", 0x08)
        maker = uid + bytes([uid[0] ^ uid[1] ^ uid[2] ^ uid[3], 0x08, 0x04, 0x00])
        self._blocks = [bytearray(BLOCK) for _ in range(64)]
        self._blocks[0][:] = maker.ljust(BLOCK, b"\x00")
        for trailer in range(3, 64, 4):
            self._blocks[trailer][:] = bytes(6) + b"\xff\x07\x80\x69" + FACTORY_KEY
        self._open: int | None = None
        """The sector that was opened with its key."""

    def activated(self) -> bytes:
        self._open = None
        return self.uid

    def opens(self, block: int, key: bytes, uid: bytes) -> bool:
        """What the reader's chip has negotiated in the card's cipher."""
        good = key == FACTORY_KEY and uid == self.uid and block < len(self._blocks)
        self._open = block // 4 if good else None
        return good

    def raw(self, data: bytes) -> bytes | None:
        if len(data) < 2 or self._open is None or data[1] // 4 != self._open:
            return None
        if data[0] == 0x30 and len(data) == 2:
            return bytes(self._blocks[data[1]])
        if data[0] == 0xA0 and len(data) == 2 + BLOCK:
            if data[1] == 0:
                return None
            self._blocks[data[1]][:] = data[2:]
            return b""
        return None


class UltralightCard(SimulatedCard):
    """MIFARE Ultralight: 16 pages of 4 bytes, the first three with its number."""

    def __init__(self, uid: bytes) -> None:
        super().__init__(uid, b"\x00\x44", 0x00)
        first, second = uid[:3], uid[3:7]
        checks = [0x88, 0]
        for byte in first:
            checks[0] ^= byte
        for byte in second:
            checks[1] ^= byte
        head = first + bytes(checks[:1]) + second + bytes([checks[1], 0x48, 0, 0])
        self._memory = bytearray(head.ljust(16 * PAGE, b"\x00"))

    def raw(self, data: bytes) -> bytes | None:
        if len(data) == 2 and data[0] == 0x30:
            if data[1] >= 16:
                return REFUSED
            return (bytes(self._memory) * 2)[data[1] * PAGE : data[1] * PAGE + BLOCK]
        if len(data) == 6 and data[0] == 0xA2:
            if not 4 <= data[1] < 16:
                return REFUSED
            self._memory[data[1] * PAGE : data[1] * PAGE + PAGE] = data[2:]
            return ACKNOWLEDGED
        return None


class LongUidCard(SimulatedCard):
    """A card with the longest number there is: three cascade levels."""

    def __init__(self, uid: bytes) -> None:
        super().__init__(uid, b"\x00\x84", 0x00)


class BlankDesfireCard(SimulatedCard):
    """A card that speaks APDUs and knows none of them, with the answer to select of a DESFire."""

    def __init__(self, uid: bytes) -> None:
        super().__init__(uid, b"\x03\x44", ISO_14443_4, bytes.fromhex("75 77 81 02 80"))


class RandomUidCard(SimulatedCard):
    """Such as a passport or a telephone: another number each time, whose first byte is 08."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__(b"\x08\x00\x00\x00", b"\x00\x04", ISO_14443_4, bytes.fromhex("78 80 70 02"))
        self._rng = rng

    def activated(self) -> bytes:
        self.uid = b"\x08" + self._rng.randbytes(3)
        return self.uid


KINDS: Final[dict[str, tuple[int, Callable[[bytes], SimulatedCard]]]] = {
    "classic": (4, ClassicCard),
    "ultralight": (7, UltralightCard),
    "desfire": (7, BlankDesfireCard),
    "triple": (10, LongUidCard),
}
"""How long the number of a kind is, and how one is made from it."""
BY_LENGTH: Final = {4: "classic", 7: "ultralight", 10: "triple"}


def card_of(uid: bytes, kind: str | None = None) -> SimulatedCard:
    """A card of this kind; without one, of the commonest whose number is so long. Raises ValueError."""
    if kind is None and len(uid) not in BY_LENGTH:
        raise ValueError(f"an NFC card has 4, 7 or 10 bytes, this one {len(uid)}")
    length, make = KINDS[kind or BY_LENGTH[len(uid)]]
    if len(uid) != length:
        raise ValueError(f"the UID of such a card has {length} bytes, this one {len(uid)}")
    return make(uid)


def cascaded(uid: bytes) -> bytes:
    """A UID as it is sought: each level but the last has 88 in front."""
    if len(uid) == 10:
        return b"\x88" + uid[:3] + b"\x88" + uid[3:]
    return (b"\x88" if len(uid) == 7 else b"") + uid
