"""What is wrong with something a person wrote: every problem at once, each with its place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Problem:
    """`path` leads to the value, table names and list indexes from the top: ("device", 2, "unit")."""

    path: tuple[str | int, ...]
    message: str
    """What is wrong, what is allowed, and where it helps what was probably meant."""


class ConfigError(ValueError):
    """The daemon does not start, a running one keeps what it has. `lines` are ready to print."""

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("\n".join(lines))
        self.lines = tuple(lines)
