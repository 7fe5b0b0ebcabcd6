"""52: what is suspect at a device that works is told, and over when it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from simulator.harness import happenings as seen
from simulator.harness.truth import HARMLESS, Truth
from simulator.harness.witness import Hear, Violated

CODES: Final = ("key.stuck", "keyboard.foreign", "lines.swapped", "cards.flooding")
STUCK_S: Final = 20.0
TOLD_S: Final = 10.0
"""Later than it was due, at most; a daemon that has just started needs some of it to find the device."""


class SuspectIsTold:
    number = 52
    title = "what is suspect at a device is told until it is over"

    def __init__(self, truth: Truth) -> None:
        self._truth = truth
        self._alarms: set[tuple[str, str]] = set()
        """Code and device."""
        self._jammed: str | None = None
        """The keypad that has a jammed key."""
        self._jammed_since_s = 0.0
        self._free_since_s = 0.0
        self._alone_since_s = float("inf")
        """Since when that is all that is wrong, and the daemon runs."""

    def hears(self) -> Mapping[type, Hear]:
        return {
            seen.Broken: self._broken,
            seen.Mended: self._mended,
            seen.Booted: self._look,
            seen.Died: self._look,
            seen.Screen: self._look,
            seen.Keys: self._look,
            seen.Leaf: self._leaf,
        }

    def at_rest(self) -> None:
        if self._alarms:
            raise Violated(self, f"everything works, and the alarms {sorted(self._alarms)} stand")

    def _broken(self, broken: seen.Broken) -> None:
        self._look(None)
        if broken.fault.startswith("stuck-on") and "keypad" in broken.what:
            self._jammed, self._jammed_since_s = broken.what, self._truth.now_s()
            self._look(None)

    def _mended(self, mended: seen.Mended) -> None:
        self._look(None)
        if mended.what == self._jammed:
            self._jammed, self._free_since_s = None, self._truth.now_s()
            self._look(None)

    def _leaf(self, leaf: seen.Leaf) -> None:
        code, device = leaf.content.get("code", ""), leaf.content.get("device", "")
        if leaf.content["ev"] == "alarm.raised" and code in CODES:
            self._alarms.add((code, device))
            free = self._jammed is None and self._truth.now_s() - self._free_since_s > TOLD_S
            if code == "key.stuck" and free:
                raise Violated(self, f"leaf {leaf.n}: no key of {device} is jammed")
        elif leaf.content["ev"] == "alarm.cleared":
            self._alarms.discard((code, device))
        self._look(None)

    def _look(self, _: object) -> None:
        """Other faults of the keypad may hide the key, and those of the disk what is to be told."""
        now_s, broken = self._truth.now_s(), self._truth.broken
        alone = self._jammed is not None and broken.keys() - HARMLESS <= {self._jammed} and self._truth.running
        alone = alone and all(fault.startswith("stuck-on") for fault in broken.get(self._jammed or "", ()))
        if not alone:
            self._alone_since_s = float("inf")
            return
        self._alone_since_s = min(self._alone_since_s, now_s)
        silent_s = now_s - max(self._alone_since_s, self._jammed_since_s) - STUCK_S
        if silent_s > TOLD_S and ("key.stuck", self._jammed) not in self._alarms:
            raise Violated(
                self, f"a key of {self._jammed} is jammed for {silent_s + STUCK_S:.0f} s, and nobody is told"
            )
