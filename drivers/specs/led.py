"""Configuration of lamps on GPIO lines."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from drivers.specs.gpio_lines import LineNumber, all_different
from hal.specs import DeviceSpec


class LedSpec(DeviceSpec):
    """One lamp a line; link: gpio."""

    type: Literal["led"]
    lines: Annotated[tuple[LineNumber, ...], Field(strict=False, min_length=1, max_length=64)]
    """Channel 1 is the first line."""
    active_high: bool = True
    """The lamp is lit while its line is high."""

    @model_validator(mode="after")
    def _lines_differ(self) -> LedSpec:
        all_different(self.lines)
        return self

    def claimed_lines(self) -> dict[int, str]:
        return dict.fromkeys(self.lines, "lines")
