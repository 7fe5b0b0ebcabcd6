"""Parameters of control methods, checked one by one: each wrong one is named with what is allowed."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import datetime, tzinfo

from cabinet.control.protocol import Code, ControlError, Params

REASON_MAX = 200
"""Characters of a reason that is journaled."""
_WORD = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-")


def integer(params: Params, key: str, low: int, high: int) -> int:
    value = params.get(key)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise _bad(key, f"a whole number from {low} to {high}")
    return value


def optional_integer(params: Params, key: str, low: int, high: int) -> int | None:
    return None if params.get(key) is None else integer(params, key, low, high)


def number(params: Params, key: str, low: float, high: float) -> float:
    value = params.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise _bad(key, f"a number from {low:g} to {high:g}")
    return float(value)


def choice(params: Params, key: str, allowed: Sequence[str]) -> str:
    value = params.get(key)
    if not isinstance(value, str) or value not in allowed:
        raise _bad(key, "one of " + ", ".join(allowed))
    return value


def line(params: Params, key: str, longest: int) -> str:
    """Printable text of 1 to `longest` characters, without line breaks, in the form NFC that the journal takes."""
    value = params.get(key)
    if not isinstance(value, str) or not 0 < len(value.strip()) <= longest or not value.isprintable():
        raise _bad(key, f"text of 1 to {longest} characters on one line")
    return unicodedata.normalize("NFC", value.strip())


def word(params: Params, key: str, longest: int) -> str:
    """Lower-case letters, digits and dashes."""
    value = params.get(key)
    if not isinstance(value, str) or not 0 < len(value) <= longest or not set(value) <= _WORD:
        raise _bad(key, f"a word of 1 to {longest} characters of a-z, 0-9 and -")
    return value


def flag(params: Params, key: str) -> bool:
    value = params.get(key, False)
    if not isinstance(value, bool):
        raise _bad(key, "true or false")
    return value


def instant_ms(params: Params, key: str, zone: tzinfo) -> int:
    """Local time in `zone`, ISO 8601, as wall time (Unix ms)."""
    text = line(params, key, 40)
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise _bad(key, "a time such as 2026-03-31T08:00") from None
    local = instant.replace(tzinfo=zone) if instant.tzinfo is None else instant
    if not 2000 <= local.year <= 2100:
        raise _bad(key, "a year from 2000 to 2100")
    return int(local.timestamp() * 1000)


def _bad(key: str, allowed: str) -> ControlError:
    return ControlError(Code.BAD_PARAMS, f"{key}: {allowed} is needed")
