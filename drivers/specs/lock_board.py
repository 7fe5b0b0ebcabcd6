"""Configuration of an RS-485 lock board, which times its pulses and reads the switches of its locks."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from drivers.specs.lock_profile import LockProfile
from hal.specs import DeviceSpec


class LockBoardSpec(DeviceSpec):
    """Bolts and their switches on one board; link: rs485."""

    type: Literal["lock-board"]
    profile: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
    """Make of the board: the name of a file in config/profiles."""
    unit: Annotated[int, Field(ge=0, le=255)]
    """The board's number, as its switches say."""
    locks: Annotated[int, Field(ge=1, le=64)]
    """How many locks the board has; channels 1 to this."""
    inverted: Annotated[tuple[int, ...], Field(strict=False)] = ()
    """Inputs whose switch is closed when the board says open: it says nothing of how a switch is wired."""
    poll_ms: Annotated[int, Field(ge=20, le=1000)] = 100
    """From one reading of all inputs to the next."""

    def misfit(self, profile: LockProfile) -> tuple[str, str] | None:
        """The key that this make of board cannot have, and why."""
        first, last = profile.units
        if not first <= self.unit <= last:
            return "unit", f"boards of this make have the numbers {first} to {last}"
        if self.locks > profile.locks_max:
            return "locks", f"boards of this make have up to {profile.locks_max}"
        if any(not 1 <= channel <= profile.inputs(self) for channel in self.inverted):
            return "inverted", f"this board has the inputs 1 to {profile.inputs(self)}"
        return None
