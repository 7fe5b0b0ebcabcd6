"""19: what falls due is told, restarts or not: a door left open, an item not back in time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from simulator.harness import happenings as seen
from simulator.harness.invariants.bookings import KeptForWhoBooked
from simulator.harness.oracle import Oracle
from simulator.harness.truth import Truth
from simulator.harness.witness import Hear, Violated

TOLD_S = 8.0
"""After it was due, with everything whole all the time."""


class DueIsTold:
    number = 19
    title = "what falls due is told"

    def __init__(
        self,
        truth: Truth,
        oracle: Oracle,
        booked: KeptForWhoBooked,
        door_open_s: float,
        wall_ms: Callable[[], int],
    ) -> None:
        self._truth = truth
        self._oracle = oracle
        self._booked = booked
        self._door_open_s = door_open_s
        self._wall_ms = wall_ms
        self._open_since_s: float | None = None
        self._alarms: set[tuple[str, int | None]] = set()
        self._due_ms: dict[str, int] = {}
        """By item."""
        self._clock_good = True

    def hears(self) -> Mapping[type, Hear]:
        look = (seen.Screen, seen.Fob, seen.Broken, seen.Died)
        return dict.fromkeys(look, self._look) | {
            seen.Door: self._door,
            seen.Leaf: self._leaf,
            seen.WallClock: self._jumped,
        }

    def at_rest(self) -> None:
        self._look(None)

    def _door(self, door: seen.Door) -> None:
        self._look(None)
        self._open_since_s = self._truth.now_s() if door.is_open else None

    def _leaf(self, leaf: seen.Leaf) -> None:
        content: Mapping[str, Any] = leaf.content
        place = (content.get("code", ""), content.get("slot"))
        if content["ev"] in ("item.granted", "item.handed_over") and "right" in content and "monitor" not in content:
            due_ms = self._oracle.due_ms(self._oracle.right(content["right"]), content["ts"])
            latest_ms = self._booked.latest_ms(content)
            wanted_ms = min((ms for ms in (due_ms, latest_ms) if ms is not None), default=None)
            if content.get("due") != wanted_ms:
                said = f"its right says {due_ms}, and what is booked {latest_ms}"
                raise Violated(self, f"leaf {leaf.n}: due at {content.get('due')}, and {said}")
        match content["ev"]:
            case "alarm.raised":
                self._alarms.add(place)
            case "alarm.cleared":
                self._alarms.discard(place)
            case "item.removed" | "item.found_absent" | "item.handed_over":
                self._due_ms.pop(content.get("item", ""), None)
                if content.get("due") is not None:
                    self._due_ms[content.get("item", "")] = content["due"]
            case "item.overdue" | "item.returned" | "item.found_present" | "item.misplaced":
                self._due_ms.pop(content.get("item", ""), None)

    def _look(self, _: object) -> None:
        now_s, whole_s = self._truth.now_s(), self._truth.whole_since_s
        if self._open_since_s is not None and ("door.left_open", None) not in self._alarms:
            open_s = now_s - max(self._open_since_s, whole_s)
            if open_s > self._door_open_s + TOLD_S:
                raise Violated(self, f"the door stands open for {open_s:.0f} s, and no alarm says so")
        for item, due_ms in self._due_ms.items():
            late_s = (self._wall_ms() - due_ms) / 1000
            if self._clock_good and min(late_s, now_s - whole_s) > TOLD_S:
                raise Violated(self, f"{item} is {late_s:.0f} s late, and no leaf says so")

    def _jumped(self, _: seen.WallClock) -> None:
        """From then on the wall clock is not what items are late by."""
        self._clock_good = False
