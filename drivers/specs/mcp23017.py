"""Configuration of a port expander MCP23017 that reads contacts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from drivers.specs.gpio_input import channels_exist
from hal.specs import DeviceSpec

ADDRESSES = range(0x20, 0x28)
INPUTS = 14


def _of_the_chip(address: int) -> int:
    if address not in ADDRESSES:
        raise ValueError(f"should be 0x{ADDRESSES[0]:X} to 0x{ADDRESSES[-1]:X}")
    return address


class Mcp23017Spec(DeviceSpec):
    """Contacts to ground on the pins of one chip; link: i2c."""

    type: Literal["mcp23017"]
    address: Annotated[int, AfterValidator(_of_the_chip)] = ADDRESSES[0]
    """As the pins A2, A1 and A0 say: 0x20 when all are low."""
    inputs: Annotated[int, Field(ge=1, le=INPUTS)] = INPUTS
    """Channels 1 to 7 are GPA0 to GPA6, channels 8 to 14 are GPB0 to GPB6."""
    inverted: Annotated[tuple[int, ...], Field(strict=False)] = ()
    """Channels whose contact is closed while the pin is high."""
    sweep_ms: Annotated[int, Field(ge=10, le=1000)] = 20
    """From one reading of all pins to the next."""
    debounce_ms: Annotated[int, Field(ge=1, le=100)] = 8
    """A level counts once it has stood for so long, by two readings between which the chip has seen no change."""

    @model_validator(mode="after")
    def _channels(self) -> Mcp23017Spec:
        channels_exist("inverted", self.inverted, self.inputs)
        return self
