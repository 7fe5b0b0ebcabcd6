"""The block protocol of ISO 14443-4, from the side of the card: for readers that only carry frames.

RATS  E0 | param                 answered with TL and ATS
I     02 or 03 (with CID 0A/0B, 10 set: more to come) | INF
R     A2/A3 acknowledges, B2/B3 does not        S   C2 deselect   F2 waiting time
"""

from __future__ import annotations

from simulator.nfc_cards import ISO_14443_4, SimulatedCard

SIZES = (16, 24, 32, 40, 48, 64, 96, 128, 256)
CHAINED, NUMBER, CID = 0x10, 0x01, 0x08


class IsoDep:
    """Of one activation of a card."""

    def __init__(self, card: SimulatedCard) -> None:
        self._card = card
        self.selected = False
        self._command = b""
        self._answer = b""
        self._last: bytes | None = None
        self._room = SIZES[-1]

    def take(self, data: bytes) -> bytes | None:
        """One frame without CRC; None: the card does not answer."""
        if not data:
            return None
        if not self.selected:
            return self._selected(data) if data[0] == 0xE0 and self._card.sak & ISO_14443_4 else self._card.raw(data)
        if data[0] & 0xE2 == 0x02:
            return self._block(data)
        if data[0] & 0xE6 == 0xA2:
            return self._receipt(data[0])
        if data[0] & 0xF7 == 0xC2:
            self.selected = False
            return data
        if data[0] & 0xF0 == 0xD0:
            return data[:1]
        return None

    def _selected(self, data: bytes) -> bytes | None:
        if len(data) != 2:
            return None
        self.selected = True
        self._room = SIZES[min(data[1] >> 4, 8)]
        return bytes([len(self._card.ats) + 1]) + self._card.ats

    def _block(self, data: bytes) -> bytes:
        head, info = data[0], data[2:] if data[0] & CID else data[1:]
        self._command += info
        if head & CHAINED:
            return self._say(bytes([0xA2 | head & NUMBER]))
        self._answer, self._command = self._card.apdu(self._command), b""
        return self._piece(head & NUMBER)

    def _receipt(self, head: int) -> bytes | None:
        """The next part of a long answer; or the last block again, to a reader that missed it."""
        if self._last is not None and self._last[0] & NUMBER == head & NUMBER:
            return self._last
        if head & 0x10:
            return self._say(bytes([0xA2 | (head & NUMBER)]))
        return self._piece(head & NUMBER) if self._answer else None

    def _piece(self, number: int) -> bytes:
        room = self._room - 3
        part, self._answer = self._answer[:room], self._answer[room:]
        return self._say(bytes([0x02 | number | (CHAINED if self._answer else 0)]) + part)

    def _say(self, block: bytes) -> bytes:
        self._last = block
        return block


def crc_a(data: bytes) -> bytes:
    crc = 0x6363
    for byte in data:
        byte ^= crc & 0xFF
        byte ^= byte << 4 & 0xFF
        crc = crc >> 8 ^ byte << 8 ^ byte << 3 ^ byte >> 4
    return (crc & 0xFFFF).to_bytes(2, "little")
