"""Reading TOML that a person wrote: whatever it holds, the answer is a table or one fault with its place."""

from __future__ import annotations

import re
import tomllib
from typing import Any, Final

_HEAD_BYTES: Final = 64
_AT: Final = re.compile(r"\s*\(at (?:line (\d+), column (\d+)|end of document)\)$")


class TomlFault(ValueError):
    """No TOML; line and column from 1."""

    def __init__(self, line: int, column: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.column = column
        self.message = message


def read_text(data: bytes) -> str:
    """UTF-8, with or without a byte order mark. Raises TomlFault at the first byte that is not."""
    if b"\0" in data[:_HEAD_BYTES]:  # No text of ours; every second byte of a western one in UTF-16.
        raise TomlFault(1, 1, "this is UTF-16 or no text at all; save the file as UTF-8")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        good = data[: error.start].decode("utf-8-sig", "replace")
        line = good.count("\n") + 1
        column = len(good) - good.rfind("\n")
        wrong = data[error.start]
        raise TomlFault(line, column, f"byte {wrong:#04x} is not UTF-8; save the file as UTF-8") from None


def read_toml(text: str) -> dict[str, Any]:
    """Raises TomlFault."""
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise TomlFault(1, 1, "brackets are nested too deep") from None
    except ValueError as error:
        raise _fault(str(error), text) from None


def _fault(message: str, text: str) -> TomlFault:
    place = _AT.search(message)
    what = f"not valid TOML: {_AT.sub('', message)}"
    if place is None:
        return TomlFault(1, 1, what)
    if place[1] is None:
        lines = text.split("\n")
        return TomlFault(len(lines), len(lines[-1]) + 1, what)
    return TomlFault(int(place[1]), int(place[2]), what)
