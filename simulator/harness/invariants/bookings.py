"""What is booked: 36 (it is kept from others), 28 (a code works once, and guesses cost)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cabinet.core.effects import Show
from cabinet.core.messages import text
from simulator.harness import happenings as seen
from simulator.harness.invariants.guesses import LANGUAGES, LONGEST_S, ROUNDED_S, WAITS_S
from simulator.harness.oracle import Oracle
from simulator.harness.witness import Hear, Violated

EARLY_MS = 15 * 60_000
DAY_S = 86_400
GIVEN = {"item.granted": "holder", "item.handed_over": "receiver"}
"""By which leaf somebody gets an item, and as whom they stand in it."""


@dataclass(slots=True)
class _Booked:
    name: str
    item: str
    starts_ms: int
    until_ms: int


class KeptForWhoBooked:
    """Folded from the leaves once more."""

    number = 36
    title = "what is booked is kept for who has booked it"

    def __init__(self, oracle: Oracle, names: Mapping[str, str]) -> None:
        """`names` by pseudonym."""
        self._oracle = oracle
        self._names = names
        self._booked: dict[int, _Booked] = {}

    def hears(self) -> Mapping[type, Hear]:
        return {seen.Leaf: self._leaf}

    def at_rest(self) -> None:
        """Nothing more than at each moment."""

    def _leaf(self, leaf: seen.Leaf) -> None:
        content = leaf.content
        kind = content["ev"]
        if kind == "booking.made":
            self._made(leaf.reference, content)
        elif kind == "booking.cancelled":
            if self._booked.pop(content["booking"], None) is None:
                raise Violated(self, f"leaf {leaf.n}: booking {content['booking']} is cancelled, and there is none")
        elif kind == "person.erased":
            gone = self._names.get(content["subs"][0]["p"])
            self._booked = {n: one for n, one in self._booked.items() if one.name != gone}
        elif kind in GIVEN:
            self._given(leaf.reference, content)

    def _made(self, n: int, content: Mapping[str, Any]) -> None:
        """By a clock that is trusted; what has ended by it is of no interest any more."""
        name, starts_ms, until_ms = self._names[content["subs"][0]["p"]], content["starts"], content["until"]
        self._booked = {number: one for number, one in self._booked.items() if content["ts"] < one.until_ms}
        for number, one in self._booked.items():
            if one.item == content["item"] and max(one.starts_ms, starts_ms) < min(one.until_ms, until_ms):
                raise Violated(self, f"leaf {n}: {name} has booked {one.item}, and so has {one.name} ({number})")
        if content["tq"] == "none" or not self._oracle.has_right(name, content["item"], max(starts_ms, content["ts"])):
            raise Violated(self, f"leaf {n}: {name} has booked {content['item']}, and has no right to it then")
        self._booked[n] = _Booked(name, content["item"], starts_ms, until_ms)

    def latest_ms(self, content: Mapping[str, Any]) -> int | None:
        """When what is got by this leaf has to be back, as far as bookings say: at the end of one's own, which counts
        from when its code would, and where the next one of somebody else begins."""
        name, at_ms = self._names[_who(content)], content["ts"]
        of_item = [one for one in self._booked.values() if one.item == content["item"]]
        own = [one.until_ms for one in of_item if one.name == name and one.starts_ms - EARLY_MS <= at_ms < one.until_ms]
        return min([*own, *(o.starts_ms for o in of_item if o.name != name and o.starts_ms > at_ms)], default=None)

    def is_kept(self, item: str, content: Mapping[str, Any]) -> str | None:
        """From whoever gets something by this leaf: for whom. By a clock that nobody vouches for all that is booked."""
        name, at_ms = self._names.get(_who(content)), content["ts"]
        for number, one in self._booked.items():
            others = one.item == item and name not in (None, one.name)
            if others and (content["tq"] == "none" or one.starts_ms <= at_ms < one.until_ms):
                return f"{one.name} has booked ({number})"
        return None

    def _given(self, n: int, content: Mapping[str, Any]) -> None:
        kept = self.is_kept(content["item"], content) if content.get("item") and "monitor" not in content else None
        if kept is not None:
            raise Violated(self, f"leaf {n}: {self._names[_who(content)]} got {content['item']}, which {kept}")


def _who(content: Mapping[str, Any]) -> str:
    """Whoever gets the item; empty: nobody."""
    return next((sub["p"] for sub in content.get("subs", ()) if sub["r"] == GIVEN[content["ev"]]), "")


@dataclass(slots=True)
class _Code:
    name: str
    item: str
    starts_ms: int
    until_ms: int
    used: int | None = None
    """By which leaf."""


class CodesOnce:
    number = 28
    title = "a code works once, in its time, and a guess is counted before it is answered"

    def __init__(self, now_s: Callable[[], float], names: Mapping[str, str]) -> None:
        self._now_s = now_s
        self._names = names
        self._codes: dict[int, _Code] = {}
        """By booking."""
        self._row = 0, 0.0
        """Wrong codes in a row, and when the last one was."""
        self._counted = 0
        self._answered = 0
        self._clock_good = True
        self._answers = tuple(text("unknown_code", language) for language in LANGUAGES)

    def hears(self) -> Mapping[type, Hear]:
        return {
            seen.CodeGiven: self._given,
            seen.Leaf: self._leaf,
            seen.Effect: self._effect,
            seen.WallClock: self._jumped,
        }

    def at_rest(self) -> None:
        """Nothing more than at each moment."""

    def _given(self, it: seen.CodeGiven) -> None:
        self._codes[it.booking] = _Code(it.who, it.item, it.starts_ms, it.until_ms)

    def _leaf(self, leaf: seen.Leaf) -> None:
        content = leaf.content
        auth = content.get("auth", "").split("+")
        match content["ev"]:
            case "booking.cancelled":
                self._codes.pop(content["booking"], None)
            case "person.erased":
                gone = self._names.get(content["subs"][0]["p"])
                self._codes = {n: one for n, one in self._codes.items() if one.name != gone}
            case "item.granted" if "code" in auth:
                self._used(leaf.reference, content)
            case "visit.identified" if "code" in auth:
                self._row = 0, 0.0
            case "visit.refused" if content["rule"] == "unknown_code":
                self._missed(content["codes_failed"])

    def _used(self, n: int, content: Mapping[str, Any]) -> None:
        name = self._names[content["subs"][0]["p"]]
        found = [
            one
            for one in self._codes.values()
            if (one.name, one.item) == (name, content["item"])
            and one.starts_ms - EARLY_MS <= content["ts"] < one.until_ms
        ]
        if not found or content["tq"] == "none":
            raise Violated(self, f"leaf {n}: {name} got {content['item']} by a code, and has none that holds now")
        unused = next((one for one in found if one.used is None), None)
        if unused is None:
            raise Violated(self, f"leaf {n}: {name} got {content['item']} by the code of leaf {found[0].used}")
        unused.used = n

    def _missed(self, count: int) -> None:
        self._counted += 1
        known, last_s = self._row
        passed_s = self._now_s() - last_s
        wait_s = WAITS_S[known] if known < len(WAITS_S) else LONGEST_S
        if self._clock_good and passed_s < wait_s - ROUNDED_S:
            raise Violated(self, f"after {known} wrong codes the next is looked at {passed_s:.1f} s later")
        if count != known + 1 and not (count == 1 and (passed_s > DAY_S or not self._clock_good)):
            raise Violated(self, f"a wrong code after {known} in a row is counted as number {count}")
        self._row = count, self._now_s()

    def _effect(self, happening: seen.Effect) -> None:
        if not isinstance(happening.effect, Show) or happening.effect.text not in self._answers:
            return
        self._answered += 1
        if self._answered > self._counted:
            raise Violated(self, f"{self._answered} wrong codes are answered, {self._counted} are on the disk")

    def _jumped(self, _: seen.WallClock) -> None:
        """From then on the waits of the wall clock are not those of the stopwatch."""
        self._clock_good = False
