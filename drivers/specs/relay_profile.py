"""What one make of Modbus relay board understands: the model of the files in config/profiles.

A new board of a known style is a new file, not new code."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

Address = Annotated[int, Field(ge=0, le=0xFFFF)]


class RelayProfile(BaseModel):
    """Addresses are Modbus addresses as sent, from 0. Channels are numbered from 1."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    channels: Annotated[int, Field(ge=1, le=64)]
    """How many relays the board has."""
    style: Literal["flash-coil"]
    """How the board times a pulse itself. flash-coil: FC05 at an address of its own, value = time."""
    coil_first: Address = 0
    """Coil of channel 1 (FC01 reads it back, FC0F switches all off); the others follow."""
    flash_first: Address
    """Where the timed pulse of channel 1 is written; the others follow."""
    flash_unit_s: Annotated[float, Field(gt=0, le=1)]
    """Seconds that one step of the written value stands for."""
    hold_s_min: Annotated[float, Field(gt=0, le=1)] = 0.1
    """The shortest pulse a bolt may be given."""
    hold_s_max: Annotated[float, Field(gt=0, le=1)] = 1.0
    """The longest pulse a bolt may be given: what keeps a coil from burning."""
    control_mode_first: Address | None = None
    """Register of channel 1 (FC03) that lets inputs switch relays by themselves; absent: there is none."""
    control_mode_normal: Annotated[int, Field(ge=0, le=0xFFFF)] = 0
    """What these registers must hold: only our commands move the relays."""

    @model_validator(mode="after")
    def _hold_range(self) -> RelayProfile:
        if self.hold_s_min > self.hold_s_max:
            raise PydanticCustomError("hold_range", "hold_s_min must not be greater than hold_s_max")
        return self
