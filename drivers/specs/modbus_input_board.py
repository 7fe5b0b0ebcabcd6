"""Configuration of a Modbus board with digital inputs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from hal.specs import DeviceSpec


class ModbusInputBoardSpec(DeviceSpec):
    """Slot sensors and contacts read by FC02 from input 0; link: modbus."""

    type: Literal["modbus-input-board"]
    unit: Annotated[int, Field(ge=1, le=247)]
    """Modbus address of the board."""
    inputs: Annotated[int, Field(ge=1, le=64)] = 8
    """How many inputs the board has; channels 1 to this."""
    poll_ms: Annotated[int, Field(ge=20, le=1000)] = 50
    """From one reading of all inputs to the next."""
    inverted: Annotated[tuple[int, ...], Field(strict=False)] = ()
    """Channels whose contact is closed when the board reads 0."""

    @model_validator(mode="after")
    def _inverted_exist(self) -> ModbusInputBoardSpec:
        for channel in self.inverted:
            if not 1 <= channel <= self.inputs:
                raise PydanticCustomError(
                    "no_such_channel",
                    "inverted: channel {channel} does not exist; the board has channels 1 to {inputs}",
                    {"channel": channel, "inputs": self.inputs},
                )
        return self
