"""Numbers of GPIO lines in the configuration of a device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, TypeAlias

from pydantic import Field
from pydantic_core import PydanticCustomError

LineNumber: TypeAlias = Annotated[int, Field(ge=0, le=511)]
"""Offset on the chip of the link; on a Raspberry Pi the BCM number."""


def all_different(lines: Sequence[int]) -> None:
    """Raises an error pydantic reports when a line stands twice in one device."""
    twice = sorted({line for line in lines if lines.count(line) > 1})
    if twice:
        raise PydanticCustomError("line_twice", "line {line} is named twice; each line has one use", {"line": twice[0]})
