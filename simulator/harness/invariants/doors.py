"""33: the door is released for who takes something, has something to bring back, or may open it; force is told."""

from __future__ import annotations

from collections.abc import Mapping

from simulator.cast import Person
from simulator.harness import happenings as seen
from simulator.harness.oracle import Oracle
from simulator.harness.truth import Truth
from simulator.harness.witness import Hear, Violated

OPENS_S = 20.0
"""So long after its release at most it is opened by it."""
TOLD_S = 3.0


class DoorReleased:
    number = 33
    title = "the door is released for who may have it opened, and force is told"

    def __init__(
        self, truth: Truth, oracle: Oracle, names: Mapping[str, str], cast: Mapping[str, Person], *, locked: bool
    ) -> None:
        """`locked`: it has a lock. `names` by pseudonym."""
        self._truth = truth
        self._oracle = oracle
        self._names = names
        self._cast = cast
        self._locked = locked
        self._released_s = float("-inf")
        self._granted: tuple[str | None, float] = None, float("-inf")
        self._out: dict[int, str | None] = {}
        self._forced_s: float | None = None
        """When it was opened by force, and nobody has been told."""

    def hears(self) -> Mapping[type, Hear]:
        return {seen.Leaf: self._leaf, seen.Door: self._door, seen.Screen: self._look, seen.Died: self._died}

    def at_rest(self) -> None:
        self._look(None)

    def _died(self, _: seen.Died) -> None:
        self._forced_s = None

    def _door(self, door: seen.Door) -> None:
        self._look(door)
        now_s = self._truth.now_s()
        by_force = door.is_open and now_s - self._released_s > OPENS_S and self._truth.has_been_whole_for(10)
        self._forced_s = now_s if self._locked and by_force else None

    def _look(self, _: object) -> None:
        if self._forced_s is not None and self._truth.now_s() - self._forced_s > TOLD_S:
            raise Violated(self, "the door was opened without a release, and nobody is told")

    def _leaf(self, leaf: seen.Leaf) -> None:
        content, kind = leaf.content, leaf.content["ev"]
        who = {sub["r"]: sub["p"] for sub in content.get("subs", ())}
        match kind:
            case "item.granted":
                self._granted = who.get("holder"), self._truth.now_s()
            case "item.removed" | "item.found_absent":
                self._out[content["slot"]] = who.get("holder")
            case "item.handed_over":
                self._out[content["slot"]] = who.get("receiver")
            case "item.returned" | "item.found_present":
                self._out.pop(content["slot"], None)
            case "door.forced":
                self._told(leaf)
            case "door.released":
                self._released(leaf, who.get("holder"))

    def _told(self, leaf: seen.Leaf) -> None:
        self._forced_s = None
        if not self._locked or self._truth.now_s() - self._released_s < 5:
            raise Violated(self, f"leaf {leaf.n}: the door counts as forced, and was released just now")

    def _released(self, leaf: seen.Leaf, holder: str | None) -> None:
        self._released_s = self._truth.now_s()
        granted, at_s = self._granted
        if self._truth.now_s() - at_s < 1 and granted == holder:
            return
        if holder is None:
            raise Violated(self, f"leaf {leaf.n}: the door is released for nobody, and nothing is")
        name, content = self._names[holder], leaf.content
        if not self._oracle.is_active(self._oracle.people[name], content["ts"], trusted=content["tq"] != "none"):
            raise Violated(self, f"leaf {leaf.n}: the door is released for {name}, who is not active")
        if not self._truth.shown_by(self._cast[name]):
            raise Violated(self, f"leaf {leaf.n}: the door is released for {name}, who did not identify")
        if holder not in self._out.values() and "right" not in content:
            raise Violated(self, f"leaf {leaf.n}: the door is released for {name}, who brings nothing back")
