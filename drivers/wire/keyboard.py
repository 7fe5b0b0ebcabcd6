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
        self._letters = _LETTERS | {A_AT[layout]: "A"}
        self._shifted_digits = layout == "fr"
        self.reset()

    @property
    def pending(self) -> bool:
        """Something has been typed that is not ended yet."""
        return bool(self._text) or self._torn

    def reset(self) -> None:
        self._text, self._torn, self._last_ns = "", False, 0
        self._shifts: set[int] = set()

    def key(self, code: int, value: int, at_ns: int) -> str | None:
        """Code 0: the kernel has dropped some. Gives a whole text."""
        if at_ns - self._last_ns > GAP_NS:
            self.forget()
            self._shifts.clear()
        self._last_ns = at_ns
        if code == 0:
            self._torn = True
            self._shifts.clear()
        elif code in SHIFTS:
            (self._shifts.add if value else self._shifts.discard)(code)
        elif value == 1 and code not in SILENT:
            return self._press(code)
        elif value == 2:
            self._torn = True  # so slow is no reader: the key got stuck, or its end was lost
        return None

    def forget(self) -> None:
        """What has begun will not be ended."""
        self.dropped += self.pending
        self._text, self._torn = "", False

    def _press(self, code: int) -> str | None:
        if code in (KEY_ENTER, KEY_KPENTER):
            return self._end()
        typed = self._meaning(code)
        if typed is None or len(self._text) >= TEXT_MAX:
            self._torn = True
        else:
            self._text += typed
        return None

    def _end(self) -> str | None:
        text, torn = self._text, self._torn
        if torn or not text:
            self.forget()
            return None
        self._text = ""
        return text

    def _meaning(self, code: int) -> str | None:
        if code in _DIGITS:
            return _DIGITS[code] if bool(self._shifts) == self._shifted_digits else None
        return _BLOCK.get(code) or self._letters.get(code)


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
