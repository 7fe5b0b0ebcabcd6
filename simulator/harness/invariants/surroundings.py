"""What the daemon stands on gives way: 15, a disk that took nothing."""

from __future__ import annotations

from collections.abc import Mapping

from simulator.harness import happenings as seen
from simulator.harness.truth import Truth
from simulator.harness.witness import Hear, Violated


class FullDisk:
    number = 15
    title = "a disk that took nothing is told of"
    """That nothing opens meanwhile is a part of 1."""

    def __init__(self, truth: Truth) -> None:
        self._truth = truth
        self._since_n: int | None = None
        self._refused = False
        self._told: set[int] = set()

    def hears(self) -> Mapping[type, Hear]:
        return {seen.Broken: self._broken, seen.Screen: self._screen}

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

    def _screen(self, screen: seen.Screen) -> None:
        if "disk" in self._truth.broken and screen.text.startswith(("The cabinet cannot record", "暂时无法记录")):
            self._refused = True
