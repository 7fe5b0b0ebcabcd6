"""24: an item that wants an identified return is brought back by who may, or it is told that it was not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simulator.cast import Person
from simulator.harness import happenings as seen
from simulator.harness.oracle import Oracle
from simulator.harness.truth import Truth
from simulator.harness.witness import Hear, Violated

AWAITED_S = 60.0
TOLD_S = 8.0
"""After that time, with everything whole all the while."""
GONE = frozenset(("item.removed", "item.forced", "item.found_absent"))
BACK = frozenset(("item.returned", "item.found_present"))


@dataclass(slots=True)
class _Owed:
    n: int
    item: str
    since_s: float


class ReturnedAsAsked:
    number = 24
    title = "who may bring it back does, or it is told"

    def __init__(
        self, truth: Truth, oracle: Oracle, cast: Mapping[str, Person], names: Mapping[str, str], *, monitors: bool
    ) -> None:
        """`names` by pseudonym. `monitors`: what a return lacks is only noted."""
        self._monitors = monitors
        self._truth = truth
        self._oracle = oracle
        self._cast = cast
        self._names = names
        self._out: set[str] = set()
        """Items."""
        self._owed: dict[int, _Owed] = {}

    def hears(self) -> Mapping[type, Hear]:
        look = (seen.Screen, seen.Fob, seen.Broken, seen.Died)
        return dict.fromkeys(look, self._look) | {seen.Leaf: self._leaf, seen.Booted: self._booted}

    def at_rest(self) -> None:
        self._look(None)

    def _booted(self, _: seen.Booted) -> None:
        """The time to bring it in order begins anew."""
        for owed in self._owed.values():
            owed.since_s = self._truth.now_s()

    def _look(self, _: object) -> None:
        for slot, owed in self._owed.items():
            waits_s = self._truth.now_s() - max(owed.since_s, self._truth.whole_since_s)
            if waits_s > AWAITED_S + TOLD_S:
                raise Violated(self, f"slot {slot}: {owed.item} is back against its rule, and nobody is told")

    def _leaf(self, leaf: seen.Leaf) -> None:
        content, kind = leaf.content, leaf.content["ev"]
        slot: int = content.get("slot", 0)
        item: str = content.get("item", "")
        if kind in GONE:
            self._out.add(item)
            self._owed.pop(slot, None)
        elif kind == "item.misplaced":
            self._out.discard(item)
        elif kind in BACK and item in self._out:
            self._out.discard(item)
            self._came(leaf.reference, content)
        elif kind == "item.return_completed":
            owed = self._owed.pop(slot, None)
            if owed is None or owed.n != content["returned_n"]:
                raise Violated(self, f"leaf {leaf.n}: completes a return that lacks nothing")
            self._judge(leaf.reference, content)
        elif kind == "item.returned_against_rule" and self._owed.pop(slot, None) is None:
            raise Violated(self, f"leaf {leaf.n}: tells of a return that lacks nothing")

    def _came(self, n: int, content: Mapping[str, Any]) -> None:
        wanted = self._oracle.wants_return(content["item"])
        if content.get("monitor") is not None or (self._monitors and content.get("owed") is not None):
            if not (self._monitors and wanted and content.get("owed") is None):
                raise Violated(self, f"leaf {n}: what a return lacks is only noted where rights are")
        elif content.get("owed") is not None:
            if not wanted:
                raise Violated(self, f"leaf {n}: {content['item']} has no rule for returning")
            self._owed[content["slot"]] = _Owed(n, content["item"], self._truth.now_s())
        elif wanted:
            self._judge(n, content)

    def _judge(self, n: int, content: Mapping[str, Any]) -> None:
        who = {sub["r"]: self._names.get(sub["p"], "") for sub in content.get("subs", ())}
        name = who.get("returner", "")
        said = [self._names.get(sub["p"], "") for sub in content.get("subs", ()) if sub["r"] == "authoriser"]
        approved = {one: self._truth.shown_by(self._cast[one]) for one in said}
        shown = self._truth.shown_by(self._cast[name]) if name else []
        trusted = content["tq"] != "none"
        if not name or not self._oracle.may_take(
            name, content["item"], shown, content["ts"], trusted=trusted, approved=approved, act="return"
        ):
            raise Violated(self, f"leaf {n}: {name or 'nobody'} counts as having returned {content['item']}")
