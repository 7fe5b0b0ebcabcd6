"""Documents that expire: 26, by the days of the roster's file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, time, timedelta
from typing import Any, Final

from simulator.harness import happenings as seen
from simulator.harness.oracle import Oracle
from simulator.harness.truth import Truth
from simulator.harness.witness import Hear, Violated

STAGES: Final = (30, 7, 1, 0)
"""Days before; at 0 it has expired."""
TOLD_S: Final = 8.0


class RemindedOnce:
    number = 26
    title = "what expires is told in time and once, by a trusted clock"

    def __init__(self, truth: Truth, oracle: Oracle, wall_ms: Callable[[], int], quality: Callable[[], str]) -> None:
        self._truth = truth
        self._oracle = oracle
        self._wall_ms = wall_ms
        self._quality = quality
        self._told: set[tuple[str, int]] = set()
        """Item and stage."""
        self._clock_good = True

    def hears(self) -> Mapping[type, Hear]:
        return {seen.Leaf: self._leaf, seen.WallClock: self._jumped}

    def at_rest(self) -> None:
        """All that has come is told."""
        if not self._clock_good or self._quality() == "none" or not self._truth.has_been_whole_for(TOLD_S):
            return
        for item in self._oracle.last_days:
            reached = [days for days in STAGES if self._from_ms(item, days) <= self._wall_ms() - TOLD_S * 1000]
            if reached and not any((item, days) in self._told for days in STAGES if days <= min(reached)):
                raise Violated(self, f"{item} expires in {min(reached)} days, and no leaf says so")

    def _leaf(self, leaf: seen.Leaf) -> None:
        self._clock_good = True
        content: Mapping[str, Any] = leaf.content
        if content["ev"] != "alarm.raised" or not content["code"].startswith("document."):
            return
        item, days = content["item"], content.get("days", 0)
        if content["tq"] == "none":
            raise Violated(self, f"leaf {leaf.n} is told by a clock that nobody vouches for")
        if days not in STAGES or content["ts"] < self._from_ms(item, days):
            raise Violated(self, f"leaf {leaf.n}: it is not {days} days before {item} expires")
        if any((item, told) in self._told for told in STAGES if told <= days):
            raise Violated(self, f"leaf {leaf.n}: that {item} expires was told already")
        self._told.add((item, days))

    def _from_ms(self, item: str, days: int) -> int:
        """So many times 24 hours before the day after its last one begins."""
        ends = datetime.combine(self._oracle.last_days[item] + timedelta(days=1), time(0), self._oracle.zone)
        return int((ends.timestamp() - days * 86_400) * 1000)

    def _jumped(self, _: seen.WallClock) -> None:
        """Nobody sees that before the next thing happens."""
        self._clock_good = False
