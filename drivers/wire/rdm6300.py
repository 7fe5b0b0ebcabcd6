"""125 kHz readers on a serial port: their frames. No I/O here.

    framed    02 | 10 hex digits: 5-byte card number | 2 hex digits: XOR of the five | 03      RDM6300
    bare      the twelve digits alone                                                          EM-18
    binary    02 | length of all | type | 5-byte card number | XOR from the length on | 03     USB desk readers

9600 8N1, one way, framed ones repeated about every 50-65 ms while a card is in the field. The card number is a version
(customer) byte and a 32-bit number, big-endian; the ten digits printed on the card are its last four bytes.
Source: captures in tests/wire/test_rdm6300.py, of the cards 0006547886 and 0008844356 and of a desk reader.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import xor
from typing import Final, Literal

STX, ETX = 0x02, 0x03
DIGITS = 12
HEX = frozenset(b"0123456789ABCDEFabcdef")
CARD_BYTES = 5
BINARY_BYTES: Final = 10
Frame = Literal["framed", "bare", "binary"]


def encode(card: bytes) -> bytes:
    """Frames a 5-byte card number, as the reader sends it (14 bytes, upper-case hex)."""
    assert len(card) == CARD_BYTES
    return bytes([STX]) + (card + bytes([reduce(xor, card)])).hex().upper().encode("ascii") + bytes([ETX])


class Decoder:
    """Turns any chopping of the stream into whole card numbers; holds at most one frame."""

    def __init__(self) -> None:
        self.dropped = 0
        """Frames that began and were no use: cut short, not hex, or with a wrong check."""
        self._held: bytearray | None = None

    def feed(self, chunk: bytes) -> list[bytes]:
        """The card numbers (5 bytes each) whose frames end in `chunk`, oldest first."""
        return [card for byte in chunk if (card := self._take(byte)) is not None]

    def reset(self) -> None:
        """Forgets a frame that has begun: the stream was interrupted, or nothing came for longer than one lasts."""
        self._held = None

    def _take(self, byte: int) -> bytes | None:
        if byte == STX:
            self._drop()
            self._held = bytearray()
        elif self._held is not None:
            if byte in HEX and len(self._held) < DIGITS:
                self._held.append(byte)
            elif byte == ETX and len(self._held) == DIGITS:
                return self._close(bytes.fromhex(self._held.decode("ascii")))
            else:
                self._drop()
        return None

    def _close(self, payload: bytes) -> bytes | None:
        if reduce(xor, payload) != 0:
            self._drop()
            return None
        self._held = None
        return payload[:CARD_BYTES]

    def _drop(self) -> None:
        self.dropped += self._held is not None
        self._held = None


class BareDecoder(Decoder):
    """Nothing marks where digits begin but the silence before them, so after anything wrong all is left out until
    `reset`."""

    def __init__(self) -> None:
        super().__init__()
        self._held = bytearray()

    def reset(self) -> None:
        self._held = bytearray()

    def _take(self, byte: int) -> bytes | None:
        if self._held is None:
            return None
        if byte not in HEX:
            self._drop()
            return None
        self._held.append(byte)
        if len(self._held) < DIGITS:
            return None
        card = self._close(bytes.fromhex(self._held.decode("ascii")))
        if card is not None:
            self._held = bytearray()
        return card


class BinaryDecoder(Decoder):
    """A 02 may also stand within a frame: one that comes to nothing is looked through again from its second byte on."""

    def _take(self, byte: int) -> bytes | None:
        if self._held is None:
            self._held = bytearray([byte]) if byte == STX else None
            return None
        self._held.append(byte)
        if self._may_be(self._held):
            return self._whole(self._held) if len(self._held) == BINARY_BYTES else None
        rest = bytes(self._held[1:])
        self._drop()
        found = [card for one in rest if (card := self._take(one)) is not None]
        return found[0] if found else None

    def _whole(self, frame: bytearray) -> bytes:
        self._held = None
        return bytes(frame[3 : 3 + CARD_BYTES])

    def _may_be(self, frame: bytearray) -> bool:
        """As far as it goes."""
        if len(frame) > 1 and frame[1] != BINARY_BYTES:
            return False
        return len(frame) < BINARY_BYTES or (frame[-1] == ETX and reduce(xor, frame[1:-1]) == 0)


DECODERS: Final[dict[Frame, Callable[[], Decoder]]] = {
    "framed": Decoder,
    "bare": BareDecoder,
    "binary": BinaryDecoder,
}
