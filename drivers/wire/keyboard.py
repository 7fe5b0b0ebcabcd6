"""Readers that type like a USB keyboard: from keys to the numbers they mean. No I/O here.

A number is its digits one after the other, some milliseconds apart, and Enter. Keys are the kernel's numbers of them
(linux/input-event-codes.h), which name places on the board and not what is printed there: a reader that is set up for a
French keyboard holds Shift for each digit, and has A where others have Q. Digits of the number block count anywhere.

There is no check: what is not as long as a number has to be, has other keys in it, comes too slowly, or lost a key that
the kernel has dropped, is left out whole.
Source: include/uapi/linux/input-event-codes.h of Linux; the sheets named in tests/wire/test_keyboard.py.
"""

from __future__ import annotations

from typing import Final, Literal

Layout = Literal["us", "fr"]
Numbers = Literal["printed", "uid", "uid-turned"]

GAP_NS: Final = 300_000_000
"""Longer than a reader waits between two keys: what was typed before belongs to nothing."""
TEXT_MAX: Final = 20
"""Ten bytes in hex, the longest UID."""
PRINTED_DIGITS, PRINTED_VERSION, NUMBER_MAX = 10, 1, 0xFFFF_FFFF
UID_BYTES = (4, 10)
KEY_ENTER, KEY_KPENTER, KEY_NUMLOCK, KEY_CAPSLOCK = 28, 96, 69, 58
ENDS: Final = frozenset((KEY_ENTER, KEY_KPENTER))
SHIFTS: Final = frozenset((42, 54))
SILENT: Final = frozenset((KEY_NUMLOCK, KEY_CAPSLOCK))
"""Some readers press them before and after a number."""
_BLOCK: Final = {82: "0", 79: "1", 80: "2", 81: "3", 75: "4", 76: "5", 77: "6", 71: "7", 72: "8", 73: "9"}
_DIGITS: Final = {2: "1", 3: "2", 4: "3", 5: "4", 6: "5", 7: "6", 8: "7", 9: "8", 10: "9", 11: "0"}
_LETTERS: Final = {48: "B", 46: "C", 32: "D", 18: "E", 33: "F"}
A_AT: Final[dict[Layout, int]] = {"us": 30, "fr": 16}


class Typing:
    """Takes one key after the other and gives each text that is ended with Enter; keeps one of at most 20 digits."""

    def __init__(self, layout: Layout = "us") -> None:
        self.dropped = 0
        """Texts that were no use: torn, too long, or with other keys in them."""
        anyhow = _BLOCK | _LETTERS | {A_AT[layout]: "A"}
        self._meanings = (anyhow, anyhow | _DIGITS) if layout == "fr" else (anyhow | _DIGITS, anyhow)
        """Of each key without Shift, and with it."""
        self.reset()

    @property
    def pending(self) -> bool:
        """Something has been typed that is not ended yet."""
        return bool(self._text) or self._torn

    def reset(self) -> None:
        self._text, self._torn, self._last_ns = "", False, 0
        self._lift_shifts()

    def key(self, code: int, value: int, at_ns: int) -> str | None:
        """Code 0: the kernel has dropped some. Gives a whole text."""
        if at_ns - self._last_ns > GAP_NS:
            self.forget()
            self._lift_shifts()
        self._last_ns = at_ns
        if code in SHIFTS:
            (self._shifts.add if value else self._shifts.discard)(code)
            self._meaning = self._meanings[bool(self._shifts)]
        elif value == 1 and (typed := self._meaning.get(code)) and len(self._text) < TEXT_MAX:
            self._text += typed
        elif value or not code:
            return self._other(code, value)
        return None

    def forget(self) -> None:
        """What has begun will not be ended."""
        self.dropped += self.pending
        self._text, self._torn = "", False

    def _other(self, code: int, value: int) -> str | None:
        if code not in ENDS or value == 2:
            # A key that repeats is slower than any reader: it is stuck, or its end was lost.
            self._torn = self._torn or code not in SILENT
            if not code:
                self._lift_shifts()
            return None
        if self._torn or not self._text:
            self.forget()
            return None
        text, self._text = self._text, ""
        return text

    def _lift_shifts(self) -> None:
        self._shifts: set[int] = set()
        self._meaning = self._meanings[False]


def card_of(text: str, numbers: Numbers) -> bytes | None:
    """The card that a typed text means: ten decimal digits as printed, or the bytes of a UID in hex; None: neither."""
    if numbers == "printed":
        if len(text) != PRINTED_DIGITS or not text.isdigit() or int(text) > NUMBER_MAX:
            return None
        return bytes([PRINTED_VERSION]) + int(text).to_bytes(4, "big")
    if len(text) % 2 or not UID_BYTES[0] <= len(text) // 2 <= UID_BYTES[1]:
        return None
    uid = bytes.fromhex(text)
    return uid[::-1] if numbers == "uid-turned" else uid
