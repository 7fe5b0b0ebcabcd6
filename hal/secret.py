"""A value that must not reach logs, traces or crash dumps."""

from __future__ import annotations


class Secret:
    """Digits typed at a keypad. `repr` and `str` show only the length; compare with constant time elsewhere."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The digits: only where they are looked up or checked, never to be stored or formatted."""
        return self._value

    def __len__(self) -> int:
        return len(self._value)

    def __repr__(self) -> str:
        return f"Secret({len(self._value)} digits)"

    def __reduce__(self) -> str:
        raise TypeError("a Secret is not pickled")
