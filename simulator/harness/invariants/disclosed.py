"""43: who asks what is kept on them gets all of it."""

from __future__ import annotations

from collections.abc import Mapping

from simulator.harness import happenings as seen
from simulator.harness.witness import Hear, Violated


class AllGiven:
    number = 43
    title = "whoever is given what is kept on them gets every event that concerns them, and nobody else's"

    def __init__(self) -> None:
        self._leaves: dict[str, list[tuple[int, int]]] = {}
        """Epoch and index, by pseudonym."""
        self._pruned: set[tuple[int, int]] = set()

    def hears(self) -> Mapping[type, Hear]:
        return {seen.Leaf: self._leaf, seen.Disclosed: self._disclosed}

    def at_rest(self) -> None:
        """Nothing more than at each moment."""

    def _leaf(self, leaf: seen.Leaf) -> None:
        if leaf.content["ev"] == "payload.destroyed":
            ranges = leaf.content.get("ranges", ())
            self._pruned.update((leaf.epoch, n) for first, end in ranges for n in range(first, end))
        for label in {sub["p"] for sub in leaf.content.get("subs", ())}:
            self._leaves.setdefault(label, []).append((leaf.epoch, leaf.n))

    def _disclosed(self, given: seen.Disclosed) -> None:
        mine = [one for one in self._leaves.get(given.label, []) if one <= given.told]
        if given.told not in mine:
            raise Violated(self, f"{given.who} was given what is kept on them, and the journal does not say so")
        # Behind the leaf that tells of it there may be more already, and what was read first may be pruned by now.
        found = [one for one in given.found if one <= given.told]
        wanted = [one for one in mine if one in set(found) or one not in self._pruned]
        if found != wanted:
            missing = len(set(wanted) - set(found))
            raise Violated(self, f"{given.who} was given {len(found)} events, {missing} of {len(wanted)} are missing")
