"""Options of a simulated device on its own, `k=v` on the command line."""

from __future__ import annotations

from collections.abc import Mapping


class OptionError(ValueError):
    """Not an option, or not a value it can have; the text says what is allowed."""


def parse_options(pairs: list[str], known: Mapping[str, str]) -> Options:
    """`["unit=2", "coils=8"]`; each name one of `known`, the last of a repeated one wins. Raises OptionError."""
    raw: dict[str, str] = {}
    for pair in pairs:
        name, separator, value = pair.partition("=")
        if name not in known:
            raise OptionError(f"option {name[:40]!r} is not known here; there are: {', '.join(known)}")
        if not separator:
            raise OptionError(f"option {name}: write {name}=VALUE ({known[name]})")
        raw[name] = value
    return Options(raw)


class Options:
    """Typed access to raw values. All methods raise OptionError."""

    def __init__(self, raw: Mapping[str, str]) -> None:
        self._raw = raw

    def text(self, name: str) -> str | None:
        return self._raw.get(name)

    def number(self, name: str, default: int, low: int, high: int) -> int:
        return _number(name, self._raw[name], low, high) if name in self._raw else default

    def numbers(self, name: str, default: tuple[int, ...], low: int, high: int) -> tuple[int, ...]:
        """Comma between them, none twice."""
        if name not in self._raw:
            return default
        numbers = tuple(_number(name, part, low, high) for part in self._raw[name].split(","))
        if len(set(numbers)) != len(numbers):
            raise OptionError(f"{name}={self._raw[name][:40]}: a number stands there twice")
        return numbers

    def flag(self, name: str, default: bool) -> bool:
        value = self._raw.get(name, "true" if default else "false")
        if value not in ("true", "false"):
            raise OptionError(f"{name}={value[:40]}: allowed are true and false")
        return value == "true"

    def bits(self, name: str, default: str) -> tuple[bool, ...]:
        """`10100001`: the first bit is channel 1. 1 to 64 of them."""
        value = self._raw.get(name, default)
        if not (1 <= len(value) <= 64 and set(value) <= {"0", "1"}):
            raise OptionError(f"{name}={value[:70]}: allowed are 1 to 64 digits 0 or 1, first input first")
        return tuple(bit == "1" for bit in value)

    def one_of(self, name: str, default: str, allowed: tuple[str, ...]) -> str:
        value = self._raw.get(name, default)
        if value not in allowed:
            raise OptionError(f"{name}={value[:40]}: allowed are {', '.join(allowed)}")
        return value


def _number(name: str, text: str, low: int, high: int) -> int:
    if not (text.isascii() and text.isdigit() and low <= int(text[:9]) <= high):
        raise OptionError(f"{name}={text[:40]}: allowed are {low} to {high}")
    return int(text[:9])
