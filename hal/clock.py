"""Time as a port: the core and the drivers are handed a Clock and never ask the system themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol

Quality = Literal["ntp", "rtc", "none"]


@dataclass(frozen=True, slots=True)
class Now:
    """One instant: monotonic seconds since boot, wall time in Unix ms, and how far wall time can be trusted."""

    mono_s: float
    wall_ms: int
    quality: Quality

    @property
    def wall_time_trusted(self) -> bool:
        return self.quality != "none"


class Clock(Protocol):
    def mono_s(self) -> float:
        """Seconds, never steps back, runs through suspend. Never blocks."""
        ...

    def now(self) -> Now:
        """Monotonic and wall time of one instant. Never blocks."""
        ...
