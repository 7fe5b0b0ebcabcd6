"""Configuration of a text screen."""

from __future__ import annotations

from typing import Literal

from hal.specs import DeviceSpec


class TerminalDisplaySpec(DeviceSpec):
    """Any terminal that takes UTF-8 and the two sequences of drivers.wire.terminal; link: serial."""

    type: Literal["terminal-display"]
