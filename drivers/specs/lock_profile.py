"""What one make of RS-485 lock board understands: the model of the files in config/profiles that `lock-board` reads.

A new make that speaks one of the known ways is a new file, not new code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from drivers.specs.lock_board import LockBoardSpec


class LockProfile(BaseModel):
    """Locks are numbered from 1, as printed on the board."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    style: Literal["8a", "cu16", "cu48", "wkly", "winnsen"]
    """How the board speaks: drivers/wire/lock_board.py draws the frames."""
    units: Annotated[tuple[int, int], Field(strict=False)]
    """The first and the last number a board can have."""
    locks_max: Annotated[int, Field(ge=1, le=64)]
    """How many locks the largest board has."""
    items: bool = False
    """Beside each lock's own switch it reads a sensor of what is in the slot: input `locks_max + n` for lock n."""
    pulse_s: Annotated[float, Field(gt=0, le=1)]
    """How long the board itself holds a coil, as delivered; the cabinet cannot choose."""
    answer_s: Annotated[float, Field(ge=0, le=1.5)]
    """It answers a release after this at the latest; 0: it does not answer one."""

    def inputs(self, spec: LockBoardSpec) -> int:
        """The highest number of an input."""
        return self.locks_max + spec.locks if self.items else spec.locks
