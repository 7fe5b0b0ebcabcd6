"""Configuration of contacts on GPIO lines."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from drivers.specs.gpio_lines import LineNumber, all_different
from hal.specs import DeviceSpec


class GpioInputSpec(DeviceSpec):
    """One contact a line, to ground; link: gpio."""

    type: Literal["gpio-input"]
    lines: Annotated[tuple[LineNumber, ...], Field(strict=False, min_length=1, max_length=64)]
    """Channel 1 is the first line; each has its pull-up."""
    inverted: Annotated[tuple[int, ...], Field(strict=False)] = ()
    """Channels whose contact is closed while the line is high."""
    debounce_ms: Annotated[int, Field(ge=1, le=100)] = 20
    """A level counts once it has stood for so long."""

    @model_validator(mode="after")
    def _lines_and_channels(self) -> GpioInputSpec:
        all_different(self.lines)
        channels_exist("inverted", self.inverted, len(self.lines))
        return self

    def claimed_lines(self) -> dict[int, str]:
        return dict.fromkeys(self.lines, "lines")


def channels_exist(key: str, channels: tuple[int, ...], count: int) -> None:
    """Raises an error pydantic reports."""
    for channel in channels:
        if not 1 <= channel <= count:
            raise PydanticCustomError(
                "no_such_channel",
                "{key}: channel {channel} does not exist; there are channels 1 to {count}",
                {"key": key, "channel": channel, "count": count},
            )
