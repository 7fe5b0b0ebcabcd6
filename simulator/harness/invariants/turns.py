"""29: people are served in the order in which they came, and nobody is interrupted while they act."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from simulator.harness import happenings as seen
from simulator.harness.witness import Hear, Violated

KEPT_S = 7.5
"""So long at least a visit lasts before somebody else's."""
GONE_S = 15.5


@dataclass(frozen=True, slots=True)
class _Waits:
    person: str
    since_s: float


class ServedInTurn:
    number = 29
    title = "who came first is served first, and nobody is interrupted while they act"

    def __init__(self, now_s: Callable[[], float], names: Mapping[str, str], waiting: Callable[[], int]) -> None:
        """`names` by pseudonym. `waiting`: how many the daemon has in its queue."""
        self._names = names
        self._now_s = now_s
        self._waiting = waiting
        self._queue: list[_Waits] = []
        self._begun: dict[int, float] = {}
        """When each visit was identified first."""
        self._owed: set[int] = set()
        """Slots whose return may be completed by whoever comes."""

    def hears(self) -> Mapping[type, Hear]:
        return {seen.Leaf: self._leaf, seen.Died: self._forget, seen.Card: self._card}

    def at_rest(self) -> None:
        """Nothing more than at each moment."""

    def _forget(self, _: object) -> None:
        """Nobody waits across a restart; a leaf of before may be read after it."""
        self._queue.clear()
        self._begun.clear()

    def _card(self, card: seen.Card) -> None:
        """Who waits and badges again waits on, in their place."""
        now_s = self._now_s()
        self._queue = [_Waits(one.person, now_s) if self._names[one.person] == card.who else one for one in self._queue]
        if self._waiting() > 2:
            raise Violated(self, f"{self._waiting()} people wait")

    def _leaf(self, leaf: seen.Leaf) -> None:
        content, kind = leaf.content, leaf.content["ev"]
        self._queue = [one for one in self._queue if self._now_s() - one.since_s <= GONE_S]
        if "slot" in content and kind.startswith("item."):
            (self._owed.add if "owed" in content else self._owed.discard)(content["slot"])
        if kind == "cabinet.started":
            self._forget(leaf)
        elif kind == "person.erased":
            self._queue = [one for one in self._queue if one.person != content["subs"][0]["p"]]
        elif kind == "visit.queued":
            self._queue.append(_Waits(content["subs"][0]["p"], self._now_s()))
        elif kind == "visit.ended" and content["cause"] == "replaced":
            lasted_s = self._now_s() - self._begun.get(content["visit"], float("-inf"))
            if lasted_s < KEPT_S and not self._owed:
                raise Violated(self, f"leaf {leaf.n}: visit {content['visit']} is interrupted after {lasted_s:.1f} s")
        elif kind in ("visit.identified", "visit.refused") and content.get("visit") not in self._begun:
            self._begins(leaf)

    def _begins(self, leaf: seen.Leaf) -> None:
        content = leaf.content
        if leaf.content["ev"] == "visit.identified":
            self._begun[content["visit"]] = self._now_s()
        if content.get("auth") not in ("card", "finger") or not self._queue:
            return
        person = next((sub["p"] for sub in content.get("subs", ()) if sub["r"] == "holder"), "")
        first = self._queue[0].person
        if person != first and any(one.person == person for one in self._queue):
            raise Violated(self, f"leaf {leaf.n}: somebody else has waited longer")
        if person != first:
            raise Violated(self, f"leaf {leaf.n}: somebody is served, and another one waits")
        self._queue.pop(0)
