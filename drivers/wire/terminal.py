"""A text screen over a byte stream, for any terminal that knows two sequences of ECMA-48 (section 8.3).

ESC [ 2 J   erase the page     ESC [ H   cursor to the top left     then the lines, joined by CR LF, UTF-8
"""

from __future__ import annotations

import unicodedata

CLEAR = b"\x1b[2J\x1b[H"
LINES_MAX = 25
COLUMNS_MAX = 80


def encode(text: str) -> bytes:
    """One screen showing `text`, lines parted by any line break.

    At most 25 lines of 80 characters, the rest is left out; control characters become spaces, so no text can
    steer the terminal."""
    lines = [_printable(line[:COLUMNS_MAX]) for line in text.splitlines()[:LINES_MAX]]
    return CLEAR + "\r\n".join(lines).encode("utf-8", "replace")


def _printable(line: str) -> str:
    return "".join(" " if unicodedata.category(char) in ("Cc", "Cf") else char for char in line)
