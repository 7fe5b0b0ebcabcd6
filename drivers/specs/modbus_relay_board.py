"""Configuration of a Modbus relay board that drives bolts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hal.specs import DeviceSpec


class ModbusRelayBoardSpec(DeviceSpec):
    """A board that times the pulse itself; link: modbus."""

    type: Literal["modbus-relay-board"]
    unit: Annotated[int, Field(ge=1, le=247)]
    """Modbus address of the board."""
    profile: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
    """Make of the board: the name of a file in config/profiles."""
    poll_s: Annotated[float, Field(ge=0.5, le=10)] = 2.0
    """How often the coils are read back to find one that stays on."""
