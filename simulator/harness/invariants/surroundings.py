"""What the daemon stands on gives way: 15 (a disk that takes nothing), 17 (a wall clock that jumps)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from simulator.harness import happenings as seen
from simulator.harness.truth import Truth
from simulator.harness.witness import Hear, Violated


class FullDisk:
    number = 15
    title = "what cannot be stored opens nothing; an alarm, and recovery by itself"

    def __init__(self, truth: Truth) -> None:
        self._truth = truth
        self._since_n: int | None = None
        self._refused = False
        self._told: set[int] = set()

    def hears(self) -> Mapping[type, Hear]:
        return {seen.Broken: self._broken, seen.Coil: self._coil, seen.Screen: self._screen}

    def at_rest(self) -> None:
        """Whoever was told that nothing can be recorded finds the alarm in the journal afterwards."""
        if not self._refused or self._since_n is None:
            return
        later = self._truth.leaves[self._since_n :]
        started = any(leaf["ev"] == "cabinet.started" for leaf in later)
        if not started and not any(leaf.get("code") == "journal.failed" for leaf in later):
            raise Violated(self, "the disk took nothing for a while, and the journal does not tell of it")
        self._refused = False

    def _broken(self, broken: seen.Broken) -> None:
        if broken.what == "disk" and not self._refused:
            self._since_n = len(self._truth.leaves)

    def _coil(self, coil: seen.Coil) -> None:
        grant = self._truth.grants.get(coil.slot)
        if coil.on and "disk" in self._truth.broken and grant is not None and grant.n >= len(self._truth.leaves):
            raise Violated(self, f"slot {coil.slot} opens while nothing can be stored")

    def _screen(self, screen: seen.Screen) -> None:
        if "disk" in self._truth.broken and screen.text.startswith(("The cabinet cannot record", "暂时无法记录")):
            self._refused = True


class JumpingClock:
    number = 17
    title = "the wall clock may jump; time that nobody vouches for opens nothing timed"

    def __init__(self, quality: Callable[[], str]) -> None:
        self._quality = quality
        self._qualities = {quality()}

    def hears(self) -> Mapping[type, Hear]:
        return {seen.WallClock: self._changed, seen.Leaf: self._leaf}

    def at_rest(self) -> None:
        self._qualities = {self._quality()}

    def _changed(self, _: seen.WallClock) -> None:
        self._qualities.add(self._quality())

    def _leaf(self, leaf: seen.Leaf) -> None:
        if leaf.content["tq"] not in self._qualities:
            raise Violated(self, f"leaf {leaf.n} says its time is {leaf.content['tq']}; it is {self._quality()}")
