"""What one make of Modbus relay board understands: the model of the files in config/profiles.

A new board of a known style is a new file, not new code."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

Address = Annotated[int, Field(ge=0, le=0xFFFF)]
Value = Annotated[int, Field(ge=0, le=0xFFFF)]
NEEDED = {
    "flash-coil": ("flash_first", "flash_unit_s"),
    "timed-registers": ("timed_first", "timed_step", "timed_modes", "flash_unit_s"),
    "command-register": ("command_first", "pulse_command", "off_command", "all_off_command", "pulse_s"),
}
"""The keys of each style; those of the others must not be there."""


class RelayProfile(BaseModel):
    """Addresses are Modbus addresses as sent, from 0. Channels are numbered from 1."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    channels: Annotated[int, Field(ge=1, le=64)]
    """How many relays the board has."""
    style: Literal["flash-coil", "timed-registers", "command-register"]
    """How the board times a pulse itself. flash-coil: FC05 at an address of its own, value = time. timed-registers:
    FC10 with mode and time in two registers of each channel. command-register: FC06, the value is what to do."""
    coil_first: Address = 0
    """Coil of channel 1 (FC01 reads it back, FC0F switches all off); the others follow."""
    flash_first: Address | None = None
    """flash-coil: where the timed pulse of channel 1 is written; the others follow."""
    flash_unit_s: Annotated[float, Field(gt=0, le=1)] | None = None
    """flash-coil and timed-registers: seconds that one step of the written value stands for."""
    timed_first: Address | None = None
    """timed-registers: the mode of channel 1; behind it stands its time."""
    timed_step: Annotated[int, Field(ge=2, le=16)] | None = None
    """timed-registers: so many registers further stands the mode of the next channel."""
    timed_modes: Annotated[tuple[Value, ...], Field(strict=False, min_length=1, max_length=2)] | None = None
    """timed-registers: which mode is a pulse, the likeliest first; the first release shows which it is."""
    command_first: Address | None = None
    """command-register: the register of channel 1, which also tells its state (FC03: 1 is on); the others follow."""
    pulse_command: Value | None = None
    """command-register: one pulse of `pulse_s`."""
    off_command: Value | None = None
    """command-register: off."""
    all_off_command: Value | None = None
    """command-register: all off, written to the register before `command_first`."""
    pulse_s: Annotated[float, Field(gt=0, le=1)] | None = None
    """command-register: how long the board's pulse is, whatever was asked for."""
    hold_s_min: Annotated[float, Field(gt=0, le=1)] = 0.1
    """The shortest pulse a bolt may be given."""
    hold_s_max: Annotated[float, Field(gt=0, le=1)] = 1.0
    """The longest pulse a bolt may be given: what keeps a coil from burning."""
    control_mode_first: Address | None = None
    """Register of channel 1 (FC03) that lets inputs switch relays by themselves; absent: there is none."""
    control_mode_normal: Value = 0
    """What these registers must hold: only our commands move the relays."""

    @model_validator(mode="after")
    def _hold_range(self) -> RelayProfile:
        if self.hold_s_min > self.hold_s_max:
            raise PydanticCustomError("hold_range", "hold_s_min must not be greater than hold_s_max")
        return self

    @model_validator(mode="after")
    def _keys_of_its_style(self) -> RelayProfile:
        for key in sorted({key for keys in NEEDED.values() for key in keys}):
            needed = key in NEEDED[self.style]
            if needed != (getattr(self, key) is not None):
                said = "needs the key" if needed else "has no key"
                raise PydanticCustomError(
                    "style", 'style "{style}" {said} "{key}"', {"style": self.style, "said": said, "key": key}
                )
        return self
