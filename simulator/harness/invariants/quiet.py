"""30: in quiet hours there is no tone but an alarm, and alarms sound at any hour."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cabinet.core.effects import Sound
from simulator.harness import happenings as seen
from simulator.harness.witness import Hear, Violated

SOUNDS_S = 1.0
"""After what is alarming is on the disk."""
ALARMING = frozenset(("item.forced", "item.overdue", "item.returned_against_rule", "door.left_open"))
EDGE_MS = 2_000
"""An effect goes out a moment after it was decided."""


class QuietHours:
    number = 30
    title = "quiet hours are quiet, and alarms sound at any hour"

    def __init__(
        self,
        now_s: Callable[[], float],
        wall_ms: Callable[[], int],
        quality: Callable[[], str],
        span: str | None,
        zone: str,
    ) -> None:
        """`span` as configured: `22:00-06:00`; None: none."""
        self._now_s = now_s
        self._wall_ms = wall_ms
        self._quality = quality
        self._span = span.split("-") if span else None
        self._zone = ZoneInfo(zone)
        self._alarming: tuple[int, float] | None = None

    def hears(self) -> Mapping[type, Hear]:
        return {
            seen.Leaf: self._leaf,
            seen.Effect: self._effect,
            seen.Screen: self._look,
            seen.Fob: self._look,
            seen.Died: self._died,
        }

    def at_rest(self) -> None:
        self._look(None)

    def _died(self, _: seen.Died) -> None:
        self._alarming = None

    def _leaf(self, leaf: seen.Leaf) -> None:
        if leaf.content["ev"] == "cabinet.started":
            self._alarming = None  # a leaf of before may be read after it
        self._look(leaf)
        if leaf.content["ev"] in ALARMING:
            self._alarming = leaf.reference, self._now_s()

    def _look(self, _: object) -> None:
        if self._alarming is not None and self._now_s() - self._alarming[1] > SOUNDS_S:
            raise Violated(self, f"leaf {self._alarming[0]} is alarming, and nothing sounds")

    def _effect(self, happening: seen.Effect) -> None:
        if not isinstance(happening.effect, Sound):
            return
        if happening.effect.tone == "alarm":
            self._alarming = None
        elif self._quality() != "none" and all(self._is_quiet(ms) for ms in (-EDGE_MS, 0, EDGE_MS)):
            raise Violated(self, f"the tone {happening.effect.tone} in quiet hours")

    def _is_quiet(self, off_ms: int) -> bool:
        if self._span is None:
            return False
        shown = datetime.fromtimestamp((self._wall_ms() + off_ms) / 1000, tz=UTC).astimezone(self._zone)
        clock, (start, until) = f"{shown:%H:%M}", self._span
        return start <= clock < until if start < until else clock >= start or clock < until
