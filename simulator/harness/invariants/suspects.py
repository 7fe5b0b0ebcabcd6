"""52: what is suspect at a device that works is told, and over when it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from simulator.harness import happenings as seen
from simulator.harness.truth import HARMLESS, Truth
from simulator.harness.witness import Hear, Violated

MUST_BE_TOLD: Final = {
    "stuck-on": ("keypad", "key.stuck", 20.0),
    "foreign-keyboard": ("desk-reader", "keyboard.foreign", 1.0),
}
"""By fault: at which device, under which code, and after how many seconds."""
OVER_S: Final = {"key.stuck": 0.0, "keyboard.foreign": 60.0}
"""So long behind its end at most each of these stands."""
TOLD_S: Final = 10.0
"""Later than it was due, at most; a daemon that has just started needs some of it to find the device."""


class SuspectIsTold:
    number = 52
    title = "what is suspect at a device is told until it is over"

    def __init__(self, truth: Truth) -> None:
        self._truth = truth
        self._alarms: set[tuple[str, str]] = set()
        """Code and device."""
        self._since_s: dict[tuple[str, str], float] = {}
        """Of what is so, since when it has been all that is wrong, with the daemon running."""
        self._over_s: dict[tuple[str, str], float] = {}
        """When it ended last."""

    def hears(self) -> Mapping[type, Hear]:
        look = (seen.Broken, seen.Mended, seen.Booted, seen.Died, seen.Screen, seen.Keys)
        return dict.fromkeys(look, self._look) | {seen.Leaf: self._leaf}

    def at_rest(self) -> None:
        now_s = self._truth.now_s()
        for code, device in self._alarms & {(code, device) for device, code, _ in MUST_BE_TOLD.values()}:
            if now_s - self._over_s.get((code, device), 0.0) > OVER_S[code] + TOLD_S:
                raise Violated(self, f"everything works, and the alarm {code} of {device} stands")

    def _leaf(self, leaf: seen.Leaf) -> None:
        place = (leaf.content.get("code", ""), leaf.content.get("device", ""))
        if leaf.content["ev"] == "alarm.raised" and place[0] in OVER_S:
            self._alarms.add(place)
            over_s = self._truth.now_s() - self._over_s.get(place, 0.0)
            if place not in self._so() and over_s > OVER_S[place[0]] + TOLD_S:
                raise Violated(self, f"leaf {leaf.n}: nothing of that kind is so at {place[1]}")
        elif leaf.content["ev"] == "alarm.cleared":
            self._alarms.discard(place)
        self._look(None)

    def _so(self) -> set[tuple[str, str]]:
        """What is so now, whatever else may hide it."""
        return {
            (code, device)
            for fault, (device, code, _) in MUST_BE_TOLD.items()
            if any(one.startswith(fault) for one in self._truth.broken.get(device, ()))
        }

    def _look(self, _: object) -> None:
        """Other faults of the device may hide it, and those of the disk what is to be told."""
        now_s, broken, so = self._truth.now_s(), self._truth.broken, self._so()
        for place in self._since_s.keys() - so:
            del self._since_s[place]
            self._over_s[place] = now_s
        for fault, (device, code, due_s) in MUST_BE_TOLD.items():
            alone = self._truth.running and broken.keys() - HARMLESS <= {device}
            alone = alone and all(one.startswith(fault) for one in broken.get(device, ()))
            if (code, device) not in so:
                continue
            if not alone:
                self._since_s[code, device] = float("inf")
                continue
            since_s = self._since_s[code, device] = min(now_s, self._since_s.get((code, device), now_s))
            if now_s - since_s > due_s + TOLD_S and (code, device) not in self._alarms:
                raise Violated(self, f"{fault} of {device} for {now_s - since_s:.0f} s, and nobody is told")
