"""An RDM6300 reader and the card in its field.

    framed   02 | 10 hex digits: version byte and 32-bit number | 2 hex digits: XOR of these five bytes | 03
    bare     the twelve digits, once for each presentation (EM-18)
    binary   02 0A 02 | version byte and 32-bit number | XOR of all but the first byte | 03 (desk readers)

9600 8N1, one way, again and again 50 to 65 ms after the last while the card stays. Example: card 0006547886 of
version 01 is 02 "010063E9AE25" 03.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from functools import reduce
from operator import xor
from typing import ClassVar, Final

from drivers.wire.card_number import parse_card
from simulator.faults import ActiveFaults, Fault
from simulator.options import OptionError, Options

REPEAT_S = (0.050, 0.065)
CARD_BYTES = 5
STX, ETX = b"\x02", b"\x03"


class Rdm6300Reader:
    title = "125 kHz card reader, one way at 9600 baud"
    options: ClassVar = {
        "card": "the card in the field, as printed (0006547886) or 5 bytes in hex; default none",
        "version": "version byte of a card given as printed, 0 to 255; default 1",
        "frame": "framed, bare or binary; default framed",
        "baud": "only 9600; a pty has no rate",
    }
    faults = (
        *("noise", "truncate", "bad-checksum", "late", "silent", "duplicate", "split", "merge"),
        *("two-cards", "half-frame", "not-hex", "lower-case", "unplug", "power-cycle"),
    )
    spoilers: ClassVar = {"bad-checksum": lambda frame: _spoil_check(frame)}

    def __init__(self, rng: random.Random, card: bytes | None = None, frame: str = "framed") -> None:
        self._rng = rng
        self._encode = ENCODINGS[frame]
        self._once = frame == "bare"
        self._card = card
        self._faults = ActiveFaults()
        self._other_turn = False
        self._on = False
        self._next: asyncio.TimerHandle | None = None
        self._send: Callable[[bytes], None] = lambda frame: None

    @classmethod
    def alone(cls, options: Options, rng: random.Random) -> Rdm6300Reader:
        options.one_of("baud", "9600", ("9600",))
        text = options.text("card")
        version = options.number("version", 1, 0, 255)
        frame = options.one_of("frame", "framed", tuple(ENCODINGS))
        return cls(rng, None if text is None else _card(text, version), frame)

    def connect(self, send: Callable[[bytes], None]) -> None:
        self._send = send

    def receive(self, data: bytes) -> None:
        """The module has no receive line."""

    def power(self, *, on: bool) -> None:
        self._on = on
        self._pause()
        if on and self._card:
            self._repeat()

    def present(self, card: bytes) -> None:
        """A card of 5 bytes comes into the field, in place of any other. Raises ValueError for other lengths."""
        if len(card) != CARD_BYTES:
            raise ValueError(f"a 125 kHz card has {CARD_BYTES} bytes, this one {len(card)}")
        self._card = card
        if self._on and self._next is None:
            self._half(card)
            self._repeat()

    def remove(self) -> None:
        """Raises ValueError when there is no card."""
        if self._card is None:
            raise ValueError("no card in the field")
        if self._on:
            self._half(self._card)
        self._card = None
        self._pause()

    def afflict(self, fault: Fault) -> None:
        self._faults.set(fault)

    def heal(self) -> None:
        self._faults.clear()

    def _half(self, card: bytes) -> None:
        """At the edge of the field, where there is hardly enough power."""
        frame = self._encode(card)
        if self._faults.act("half-frame"):
            self._send(frame[: len(frame) // 2])

    def _repeat(self) -> None:
        assert self._card is not None
        card = self._card
        if self._faults.act("two-cards"):
            self._other_turn = not self._other_turn
            card = beside(card) if self._other_turn else card
        self._send(self._spoilt(self._encode(card)))
        if self._once:
            return
        delay_s = self._rng.uniform(*REPEAT_S)
        self._next = asyncio.get_running_loop().call_later(delay_s, self._repeat)

    def _spoilt(self, frame: bytes) -> bytes:
        if self._faults.act("not-hex"):
            at = self._rng.randrange(1, len(frame) - 1)
            frame = frame[:at] + b"G" + frame[at + 1 :]
        small = self._encode is not encode_binary and self._faults.act("lower-case")
        return frame.lower() if small else frame

    def _pause(self) -> None:
        if self._next is not None:
            self._next.cancel()
            self._next = None


def beside(card: bytes) -> bytes:
    """The card that lies beside it: its number has another last bit."""
    return card[:-1] + bytes([card[-1] ^ 1])


def encode(card: bytes) -> bytes:
    """A codec of its own, so that a mistake in the driver's does not hide here."""
    return STX + b"%s%02X" % (card.hex().upper().encode("ascii"), reduce(xor, card)) + ETX


def encode_bare(card: bytes) -> bytes:
    return encode(card)[1:-1]


def encode_binary(card: bytes) -> bytes:
    body = bytes([10, 2]) + card
    return STX + body + bytes([reduce(xor, body)]) + ETX


ENCODINGS: Final = {"framed": encode, "bare": encode_bare, "binary": encode_binary}


def _spoil_check(frame: bytes) -> bytes:
    if len(frame) == len(encode_binary(bytes(CARD_BYTES))):
        return frame[:8] + bytes([frame[8] ^ 0xFF]) + frame[9:]
    at = frame.startswith(STX) + 2 * CARD_BYTES
    return frame[:at] + b"%02X" % (int(frame[at : at + 2], 16) ^ 0xFF) + frame[at + 2 :]


def _card(text: str, version: int) -> bytes:
    try:
        card = parse_card(text, version)
    except ValueError as error:
        raise OptionError(f"card={text[:40]}: {error}") from None
    if len(card) != CARD_BYTES:
        raise OptionError(f"card={text[:40]}: a 125 kHz card has {CARD_BYTES} bytes, this one {len(card)}")
    return card
