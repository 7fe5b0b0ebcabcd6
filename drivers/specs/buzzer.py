"""Configuration of an active buzzer."""

from __future__ import annotations

from typing import Literal

from drivers.specs.gpio_lines import LineNumber
from hal.specs import DeviceSpec


class BuzzerSpec(DeviceSpec):
    """A buzzer that sounds while its line is on; link: gpio."""

    type: Literal["buzzer"]
    line: LineNumber
    active_high: bool = True
    """It sounds while its line is high."""

    def claimed_lines(self) -> dict[int, str]:
        return {self.line: "line"}
