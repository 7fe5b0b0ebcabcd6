"""When a cabinet is asked to send again: something is missing and nothing has come for a while."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PATIENCE_S: Final = 5.0
"""After the last progress, and at least between two requests."""
PATIENCE_S_MAX: Final = 300.0
"""The pause doubles up to this while nothing comes: the cabinet is away, and the broker keeps what it is sent."""


@dataclass(slots=True)
class _Lack:
    since_s: float
    size: int
    pause_s: float
    asked_s: float | None = None


class Replay:
    """Times are the clock's monotonic seconds. Holds one entry for each origin that lacks something."""

    def __init__(self) -> None:
        self._lacks: dict[str, _Lack] = {}

    def observe(self, origin: str, size: int, *, whole: bool, now_s: float) -> None:
        """How far the origin is; `whole` when nothing beyond is known to exist."""
        lack = self._lacks.get(origin)
        if whole:
            self._lacks.pop(origin, None)
        elif lack is None:
            self._lacks[origin] = _Lack(now_s, size, PATIENCE_S)
        elif size > lack.size:
            lack.since_s, lack.size, lack.pause_s = now_s, size, PATIENCE_S

    def restart(self, now_s: float) -> None:
        """A new connection: what is missing may be on its way now, and the cabinets are there again."""
        for lack in self._lacks.values():
            lack.since_s, lack.pause_s = now_s, PATIENCE_S

    def due(self, now_s: float) -> list[tuple[str, int]]:
        """Origins to ask for, and from which index; each counts as asked."""
        asked = [origin for origin, lack in self._lacks.items() if now_s >= _due_s(lack)]
        for origin in asked:
            lack = self._lacks[origin]
            if lack.asked_s is not None and lack.asked_s >= lack.since_s:
                lack.pause_s = min(lack.pause_s * 2, PATIENCE_S_MAX)
            lack.asked_s = now_s
        return [(origin, self._lacks[origin].size) for origin in asked]

    def next_s(self) -> float | None:
        """When one will be due."""
        return min(map(_due_s, self._lacks.values()), default=None)


def _due_s(lack: _Lack) -> float:
    patient_s = lack.since_s + PATIENCE_S
    return patient_s if lack.asked_s is None else max(patient_s, lack.asked_s + lack.pause_s)
