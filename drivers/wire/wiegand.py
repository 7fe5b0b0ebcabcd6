"""Wiegand: from pulses on two lines to frames, and what a frame says. No I/O here.

Both lines are high at rest. A low pulse (20 to 160 us) on D0 is a 0, on D1 a 1; the next one comes 0.2 to 20 ms later,
the most significant bit first. Nothing marks the end but the silence after it.

    26  H10301   P  8 facility  16 card  P       even parity over the first half, odd over the second
    34  H10306   P  16 facility 16 card  P       or the 32 bits of a UID
    37  H10302   P  35 card              P       bit 19 counts in both halves
    37  H10304   P  16 facility 19 card  P
    32           32 bits of a UID, no parity

A keypad sends each key as 4 bits, or as 8: the four inverted, and the four.
Sources: the manuals named in tests/wire/test_wiegand.py, with their frames.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

END_NS: Final = 25_000_000
"""Silence that ends a frame: more than the longest gap a reader may make (20 ms, Promag WEC200)."""
BITS_MAX: Final = 96
PRINTED_BITS: Final = 32
PRINTED_VERSION: Final = 1
_KEYS: Final = "0123456789*#"
_ZERO: Final = ord("0")


@dataclass(frozen=True, slots=True)
class Parity:
    """Bit `bit` makes the ones in `first` to `last` and itself even, or odd. Bits are numbered from 1."""

    bit: int
    first: int
    last: int
    odd: bool = False


@dataclass(frozen=True, slots=True)
class Format:
    """A frame of `bits`, whose number stands in `first` to `last`."""

    bits: int
    first: int
    last: int
    parities: tuple[Parity, ...] = ()


FORMATS: Final[dict[str, Format]] = {
    "26": Format(26, 2, 25, (Parity(1, 2, 13), Parity(26, 14, 25, odd=True))),
    "32": Format(32, 1, 32),
    "34": Format(34, 2, 33, (Parity(1, 2, 17), Parity(34, 18, 33, odd=True))),
    "37": Format(37, 2, 36, (Parity(1, 2, 19), Parity(37, 19, 36, odd=True))),
}


@dataclass(frozen=True, slots=True)
class Frame:
    """Bits in order, as text of 0 and 1. `torn`: pulses of it are known to be missing."""

    bits: str
    torn: bool = False


class Collector:
    """Makes frames of pulses; keeps one frame of at most BITS_MAX bits."""

    def __init__(self) -> None:
        self._bits = bytearray()
        self._torn = False
        self._last_ns = 0

    @property
    def pending(self) -> bool:
        """A frame has begun."""
        return bool(self._bits) or self._torn

    def pulse(self, bit: int, at_ns: int) -> Frame | None:
        """One pulse. Gives the frame that had ended before it."""
        ended = self.close() if at_ns - self._last_ns >= END_NS else None
        self._last_ns, bits = at_ns, self._bits
        if len(bits) < BITS_MAX:
            bits.append(_ZERO | bit)
        else:
            self._torn = True
        return ended

    def lose(self, at_ns: int) -> None:
        """Something before this instant is missing."""
        self._torn, self._last_ns = True, at_ns

    def close(self) -> Frame | None:
        """The silence after the last pulse was long enough."""
        if not self.pending:
            return None
        frame = Frame(self._bits.decode("ascii"), self._torn)
        self._bits, self._torn = bytearray(), False
        return frame


def number_of(frame: Frame, formats: Iterable[Format]) -> tuple[int, Format] | None:
    """The number in a whole frame of one of these formats, the first that fits."""
    if frame.torn:
        return None
    for one in formats:
        if len(frame.bits) == one.bits and _hold(one.parities, frame.bits):
            return int(frame.bits[one.first - 1 : one.last], 2), one
    return None


def key_of(frame: Frame) -> str | None:
    """The key in a burst of 4 or 8 bits: a digit, * or #."""
    bits = frame.bits
    if frame.torn or len(bits) not in (4, 8):
        return None
    code = int(bits[-4:], 2)
    if len(bits) == 8 and int(bits[:4], 2) != code ^ 0xF:
        return None
    return _KEYS[code] if code < len(_KEYS) else None


def inverted(frame: Frame) -> Frame:
    """As it would be with D0 and D1 swapped."""
    return Frame(frame.bits.translate({48: 49, 49: 48}), frame.torn)


def printed(number: int, of: Format) -> bytes:
    """A number as it is printed on a card: version 01 and 32 bits, as every reader of such cards gives it. Numbers of
    longer formats: how many bits the frame has, and five bytes."""
    if of.last - of.first < PRINTED_BITS:
        return bytes([PRINTED_VERSION]) + number.to_bytes(4, "big")
    return bytes([of.bits]) + number.to_bytes((of.last - of.first) // 8 + 1, "big")


def uid(number: int, of: Format, *, turned: bool) -> bytes:
    """A UID as the card has it; `turned` where the reader sends its last byte first."""
    data = number.to_bytes(max(4, (of.last - of.first) // 8 + 1), "big")
    return data[::-1] if turned else data


def _hold(parities: tuple[Parity, ...], bits: str) -> bool:
    for parity in parities:
        ones = bits.count("1", parity.first - 1, parity.last) + (bits[parity.bit - 1] == "1")
        if ones % 2 != parity.odd:
            return False
    return True
