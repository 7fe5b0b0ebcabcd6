"""What a PN532 is asked, and how its replies are to be read. No I/O here; the frames are in pn532.py.

Source: PN532 user manual (NXP UM0701-02) chapter 7; the bytes of public drivers in tests/wire/test_pn532_commands.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from drivers.wire.pn532 import Packet

FIRMWARE: Final = Packet(False, 0x02, b"")
SAM_NORMAL: Final = Packet(False, 0x14, bytes([0x01, 0x14, 0x01]))
"""No security module; also what brings the chip out of its low power mode."""
AUTOMATIC: Final = Packet(False, 0x12, bytes([0x14]))
"""The chip itself brings a card to ISO 14443-4 where the card can do that. Other programs may have switched it off."""
TIMINGS: Final = Packet(False, 0x32, bytes([0x02, 0x00, 0x0B, 0x0A]))
"""As after power-up: a card that has no frame waiting time of its own answers within 51 ms."""
FIELD_OFF: Final = Packet(False, 0x32, bytes([0x01, 0x00]))
"""Every card starts anew afterwards; the next search switches it on."""
SEARCH: Final = Packet(False, 0x4A, bytes([0x01, 0x00]))
"""One card of ISO 14443 A at 106 kbit/s."""

PN532: Final = 0x32
RANDOM_UID: Final = 0x08
UID_BYTES: Final = (4, 7, 10)
ISO_14443_4: Final = 0x20
"""In SAK: the card speaks APDUs."""
SEND_MAX: Final = 262
"""What one InDataExchange takes to the card."""
MORE: Final = 0x40
STATUS: Final = 0x3F
GONE: Final = frozenset((0x01, 0x0A, 0x27, 0x2B))
"""Status of an exchange with a card that is not there (any more)."""

STATUS_TEXT: Final = {
    0x01: "the card did not answer in time",
    0x02: "wrong CRC from the card",
    0x03: "wrong parity from the card",
    0x04: "wrong bit count in the anticollision",
    0x05: "framing error at the card",
    0x06: "bit collision: two cards",
    0x07: "buffer too small",
    0x09: "buffer overflow",
    0x0A: "no field in time",
    0x0B: "protocol error of the card",
    0x0D: "the antenna driver is too hot",
    0x0E: "internal buffer overflow",
    0x10: "invalid parameter",
    0x13: "format of the card's data wrong",
    0x14: "authentication failed",
    0x23: "wrong check byte of the UID",
    0x25: "invalid in this state",
    0x26: "not allowed in this configuration",
    0x27: "no card is selected",
    0x29: "released by the other side",
    0x2B: "the card has disappeared",
    0x2D: "over-current at the antenna",
}


@dataclass(frozen=True, slots=True)
class Firmware:
    ic: int
    version: int
    revision: int
    support: int


@dataclass(frozen=True, slots=True)
class Target:
    """A card of ISO 14443 A that the chip has selected. `ats` without its length byte, empty below ISO 14443-4."""

    number: int
    atqa: bytes
    sak: int
    uid: bytes
    ats: bytes

    @property
    def speaks_apdu(self) -> bool:
        return bool(self.sak & ISO_14443_4)

    @property
    def random_uid(self) -> bool:
        """Made up at each activation (ISO 14443-3 6.4.4): it says nothing of who this is."""
        return len(self.uid) == 4 and self.uid[0] == RANDOM_UID


@dataclass(frozen=True, slots=True)
class Exchanged:
    """`status` 0: well. `more`: the card has more to say, which is fetched with an empty exchange."""

    status: int
    more: bool
    data: bytes


def retries(passive: int) -> Packet:
    """How often a search tries before it says that there is no card; 255 is without end."""
    return Packet(False, 0x32, bytes([0x05, 0xFF, 0x01, passive]))


def exchange(target: int, data: bytes, *, more: bool = False) -> Packet:
    """`data` to the card, at most 262 bytes; with `more` the rest follows in the next."""
    assert len(data) <= SEND_MAX
    return Packet(False, 0x40, bytes([target | (MORE if more else 0)]) + data)


def read_firmware(data: bytes) -> Firmware | None:
    return Firmware(*data) if len(data) == 4 else None


def read_targets(data: bytes) -> list[Target] | None:
    """Reply to a search for one card; None: not such a reply."""
    if data == b"\x00":
        return []
    if len(data) < 6 or data[:2] != b"\x01\x01":
        return None
    uid_end = 6 + data[5]
    uid, rest = data[6:uid_end], data[uid_end:]
    if data[5] not in UID_BYTES or len(uid) != data[5] or (rest and rest[0] != len(rest)):
        return None
    return [Target(data[1], data[2:4], data[4], uid, rest[1:])]


def read_exchanged(data: bytes) -> Exchanged | None:
    return Exchanged(data[0] & STATUS, bool(data[0] & MORE), data[1:]) if data else None
