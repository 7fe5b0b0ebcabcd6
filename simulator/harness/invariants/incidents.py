"""Complaints and incidents: 27, kept until they are closed, and closed once."""

from __future__ import annotations

import re
from collections.abc import Mapping

from simulator.harness import happenings as seen
from simulator.harness.witness import Hear, Violated


class ClosedOnce:
    number = 27
    title = "an incident that is recorded can be closed, once"

    def __init__(self) -> None:
        self._open: set[int] = set()

    def hears(self) -> Mapping[type, Hear]:
        return {seen.Leaf: self._leaf, seen.Asked: self._asked}

    def at_rest(self) -> None:
        """Nothing more than at each moment."""

    def _leaf(self, leaf: seen.Leaf) -> None:
        if leaf.content["ev"] == "incident.recorded":
            if "text" in leaf.content or not leaf.content.get("subs"):
                raise Violated(self, f"leaf {leaf.n} seals its text under nobody")
            self._open.add(leaf.reference)
        elif leaf.content["ev"] == "incident.closed":
            if leaf.content["incident"] not in self._open:
                raise Violated(self, f"leaf {leaf.n} closes incident {leaf.content['incident']}, which is not open")
            self._open.discard(leaf.content["incident"])

    def _asked(self, asked: seen.Asked) -> None:
        refused = re.search(r"incident (\d+) is not open", asked.outcome)
        if refused is not None and int(refused[1]) in self._open:
            raise Violated(self, f"incident {refused[1]} is recorded, and the daemon does not know it")
