"""A text screen over a byte stream, for any terminal that knows two sequences of ECMA-48 (section 8.3).

    ESC [ 2 J   erase the page     ESC [ H   cursor to the top left     then the lines, joined by CR LF, UTF-8

A screen has no end mark: it is whole once the next one begins. No I/O here.
"""

from __future__ import annotations

import codecs
import unicodedata

CLEAR = b"\x1b[2J\x1b[H"
LINES_MAX = 25
COLUMNS_MAX = 80
SCREEN_BYTES_MAX = 4 * LINES_MAX * (COLUMNS_MAX + 2)


def encode(text: str) -> bytes:
    """One screen showing `text`, lines parted by any line break.

    At most 25 lines of 80 characters, the rest is left out; control characters become spaces, so no text can
    steer the terminal."""
    lines = [_printable(line[:COLUMNS_MAX]) for line in text.splitlines()[:LINES_MAX]]
    return CLEAR + "\r\n".join(lines).encode("utf-8", "replace")


class Decoder:
    """Turns any chopping of the stream back into screens. Bytes beyond the largest screen are dropped."""

    def __init__(self) -> None:
        self._pending = b""
        self._screen: bytearray | None = None

    def feed(self, chunk: bytes) -> list[str]:
        """The screens that `chunk` has replaced by a new one, oldest first, lines parted by a line feed."""
        *whole, rest = (self._pending + chunk).split(CLEAR)
        screens = []
        for part in whole:
            self._append(part)
            if self._screen is not None:
                screens.append(self.shown)
            self._screen = bytearray()
        keep = _length_of_begun_clear(rest)
        self._pending = rest[len(rest) - keep :]
        self._append(rest[: len(rest) - keep])
        return screens

    @property
    def shown(self) -> str:
        """What stands on the screen now; a character that has not fully arrived is left out."""
        whole = codecs.getincrementaldecoder("utf-8")("replace").decode(bytes(self._screen or b""))
        return whole.replace("\r\n", "\n")

    def _append(self, part: bytes) -> None:
        if self._screen is not None:
            self._screen += part[: SCREEN_BYTES_MAX - len(self._screen)]


def _printable(line: str) -> str:
    return "".join(" " if unicodedata.category(char) in ("Cc", "Cf") else char for char in line)


def _length_of_begun_clear(data: bytes) -> int:
    """How many bytes at the end of `data` may be the beginning of CLEAR."""
    return next((n for n in range(min(len(CLEAR) - 1, len(data)), 0, -1) if CLEAR.startswith(data[-n:])), 0)
