"""Configuration of bolts on GPIO lines, whose pulses the program has to time."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from drivers.specs.gpio_lines import LineNumber, all_different
from hal.specs import DeviceSpec


class GpioLockSpec(DeviceSpec):
    """One bolt a line, through a transistor and a hardware one-shot; link: gpio."""

    type: Literal["gpio-lock"]
    lines: Annotated[tuple[LineNumber, ...], Field(strict=False, min_length=1, max_length=64)]
    """Channel 1 is the first line. All share one supply: one coil is on at a time."""
    active_high: bool = True
    """A coil is on while its line is high; each line has a pull to the other side, outside the computer."""
    duty_percent: Annotated[int, Field(ge=1, le=50)] = 10
    """So much of any minute each coil may be on; beyond it a release is refused."""

    @model_validator(mode="after")
    def _lines_differ(self) -> GpioLockSpec:
        all_different(self.lines)
        return self

    def claimed_lines(self) -> dict[int, str]:
        return dict.fromkeys(self.lines, "lines")
