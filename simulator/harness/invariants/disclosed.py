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

    def hears(self) -> Mapping[type, Hear]:
        return {seen.Leaf: self._leaf, seen.Disclosed: self._disclosed}

    def at_rest(self) -> None:
        """Nothing more than at each moment."""

    def _leaf(self, leaf: seen.Leaf) -> None:
        for label in {sub["p"] for sub in leaf.content.get("subs", ())}:
            self._leaves.setdefault(label, []).append((leaf.epoch, leaf.n))

    def _disclosed(self, given: seen.Disclosed) -> None:
        mine = [one for one in self._leaves.get(given.label, []) if one <= given.told]
        if given.told not in mine:
            raise Violated(self, f"{given.who} was given what is kept on them, and the journal does not say so")
        # Behind the leaf that tells of it there may be more already.
        found = [one for one in given.found if one <= given.told]
        if found != mine:
            missing = len(set(mine) - set(found))
            raise Violated(self, f"{given.who} was given {len(found)} events, {missing} of {len(mine)} are missing")
