"""RDM6300 125 kHz reader: its one frame. No I/O here.

    02 | 10 hex digits: 5-byte card number | 2 hex digits: XOR of the five | 03

9600 8N1, one way, repeated about every 50-65 ms while a card is in the field. The card number is a version
(customer) byte and a 32-bit number, big-endian; the ten digits printed on the card are its last four bytes.
Source: captures of the cards 0006547886 and 0008844356 in tests/wire/test_rdm6300.py.
"""

from __future__ import annotations

STX, ETX = 0x02, 0x03
DIGITS = 12
HEX = frozenset(b"0123456789ABCDEFabcdef")
CARD_BYTES = 5


def encode(card: bytes) -> bytes:
    """Frames a 5-byte card number, as the reader sends it (14 bytes, upper-case hex)."""
    assert len(card) == CARD_BYTES
    return bytes([STX]) + (card + bytes([_xor(card)])).hex().upper().encode("ascii") + bytes([ETX])


class Decoder:
    """Turns any chopping of the stream into whole card numbers; holds at most one frame."""

    def __init__(self) -> None:
        self.dropped = 0
        """Frames that began and were no use: cut short, not hex, or with a wrong check."""
        self._digits: bytearray | None = None

    def feed(self, chunk: bytes) -> list[bytes]:
        """The card numbers (5 bytes each) whose frames end in `chunk`, oldest first."""
        return [card for byte in chunk if (card := self._take(byte)) is not None]

    def reset(self) -> None:
        """Forgets a frame that has begun, for a stream that was interrupted."""
        self._digits = None

    def _take(self, byte: int) -> bytes | None:
        if byte == STX:
            self._drop()
            self._digits = bytearray()
        elif self._digits is not None:
            if byte in HEX and len(self._digits) < DIGITS:
                self._digits.append(byte)
            elif byte == ETX and len(self._digits) == DIGITS:
                return self._close(bytes.fromhex(self._digits.decode("ascii")))
            else:
                self._drop()
        return None

    def _close(self, payload: bytes) -> bytes | None:
        if _xor(payload) != 0:
            self._drop()
            return None
        self._digits = None
        return payload[:CARD_BYTES]

    def _drop(self) -> None:
        self.dropped += self._digits is not None
        self._digits = None


def _xor(data: bytes) -> int:
    check = 0
    for byte in data:
        check ^= byte
    return check
