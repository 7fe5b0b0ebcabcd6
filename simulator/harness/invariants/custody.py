"""What the journal tells of fobs: 4 (each movement once, in order), 5 (each one somebody's or nobody's)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from simulator.harness import happenings as seen
from simulator.harness.truth import Truth
from simulator.harness.witness import Hear, Violated

OUT = frozenset(("item.removed", "item.forced", "item.found_absent"))
BACK = frozenset(("item.returned", "item.found_present", "item.misplaced", "item.foreign", "item.unreadable"))
FOUND = frozenset(("item.found_absent", "item.found_present"))
SEEN_S = 3.0
"""A fob that stays so long, with everything whole, has been seen and journaled."""
HELD_S = 1.0
"""A fob that was in a hand for so long has been seen by every sensor that is not blind."""
LYING = ("sensor-stuck", "stale")
"""Faults by which a sensor says what is not so, and nobody can know."""


@dataclass(slots=True)
class _Span:
    """How a slot really was: from when on, and whether the journal tells of it."""

    seated: bool
    since_s: float
    told: bool = False


@dataclass(slots=True)
class _Slot:
    spans: list[_Span] = field(default_factory=list)
    said: bool | None = None
    """What the journal said last."""
    last: int = -1
    """Which span that was."""


class EachMovementOnce:
    number = 4
    title = "every removal and return once, in order"

    def __init__(self, truth: Truth, readers: Collection[int] = ()) -> None:
        """In slots of `readers` what hangs there is told anew when it has another name."""
        self._truth = truth
        self._readers = readers
        self._slots = {number: _Slot([_Span(True, 0.0)]) for number in truth.slots}
        self._lied_s = float("-inf")
        """When a sensor lied last."""

    def hears(self) -> Mapping[type, Hear]:
        return {
            seen.Fob: self._fob,
            seen.Leaf: self._leaf,
            seen.Broken: self._broken,
            seen.Mended: self._mended,
            seen.Died: self._look,
        }

    def at_rest(self) -> None:
        self._look(None)

    def _fob(self, fob: seen.Fob) -> None:
        slot = self._slots[fob.slot]
        self._check_told(fob.slot, slot)
        slot.spans.append(_Span(fob.fob is not None, self._truth.now_s()))

    def _broken(self, broken: seen.Broken) -> None:
        self._look(broken)
        if broken.fault.startswith(LYING):
            self._lied_s = float("inf")

    def _mended(self, _: seen.Mended) -> None:
        lie = any(fault.startswith(LYING) for faults in self._truth.broken.values() for fault in faults)
        self._lied_s = float("inf") if lie else min(self._lied_s, self._truth.now_s())

    def _look(self, _: object) -> None:
        for number, slot in self._slots.items():
            self._check_told(number, slot)

    def _check_told(self, number: int, slot: _Slot) -> None:
        """Was it long enough as it is now, with everything whole? Then the journal says so."""
        span = slot.spans[-1]
        so_s = self._truth.now_s() - max(span.since_s, self._truth.whole_since_s)
        if so_s > SEEN_S and slot.said is not None and slot.said != span.seated:
            is_now = "hangs there" if span.seated else "is gone"
            raise Violated(self, f"slot {number}: the fob {is_now} for {so_s:.1f} s, and the journal does not say so")

    def _leaf(self, leaf: seen.Leaf) -> None:
        kind = leaf.content["ev"]
        if kind == "item.not_taken" and leaf.content["cause"] == "time":
            self._not_taken(leaf.reference, leaf.content["slot"])
        if kind == "epoch.opened" and leaf.content.get("state_from") in ("nothing", "older-leaves"):
            for slot in self._slots.values():
                slot.said, slot.last = None, max(-1, len(slot.spans) - 2)
        if kind not in OUT and kind not in BACK:
            return
        number = leaf.content["slot"]
        slot, seated = self._slots[number], kind in BACK
        if slot.said and seated and number in self._readers:
            return
        if slot.said == seated:
            raise Violated(self, f"slot {number}: leaf {leaf.n} tells {kind} where the journal has it so already")
        for index in range(slot.last + 1, len(slot.spans)):
            if slot.spans[index].seated == seated:
                slot.said, slot.last, slot.spans[index].told = seated, index, True
                return
        raise Violated(self, f"slot {number}: leaf {leaf.n} tells {kind}, which did not happen")

    def _not_taken(self, n: int, number: int) -> None:
        grant, _ = self._truth.ended[number]
        spans = self._slots[number].spans
        for span, after in zip(spans, [*spans[1:], _Span(True, self._truth.now_s())], strict=True):
            held_s = after.since_s - span.since_s
            if not span.seated and span.since_s > grant.at_s > self._lied_s and held_s > HELD_S:
                raise Violated(self, f"leaf {n}: slot {number} was not used, and its fob was away for {held_s:.1f} s")


class EachAttributed:
    number = 5
    title = "every change of custody is attributed"

    def __init__(self, truth: Truth) -> None:
        self._truth = truth
        self._granted: dict[int, Mapping[str, Any]] = {}
        self._used: set[int] = set()
        self._visits: dict[int, str] = {}

    def hears(self) -> Mapping[type, Hear]:
        return {seen.Leaf: self._leaf}

    def at_rest(self) -> None:
        """Nothing more than at each moment."""

    def _leaf(self, leaf: seen.Leaf) -> None:
        content = leaf.content
        match content["ev"]:
            case "cabinet.started":
                self._visits.clear()
            case "visit.identified":
                self._visits[content["visit"]] = content["subs"][0]["p"]
            case "item.granted":
                self._granted[leaf.reference] = content
            case "item.removed":
                self._removed(leaf.reference, content)
            case "item.forced":
                if content.get("subs"):
                    raise Violated(self, f"leaf {leaf.n}: a forced removal names a person")
                self._not_granted(leaf.reference, content["slot"])
            case "item.not_taken" if content["cause"] == "bolt":
                self._not_opened(leaf.reference, content)
            case "item.returned":
                self._returned(leaf.reference, content)
            case "item.misplaced" | "item.foreign" | "item.unreadable" if not content.get("found"):
                self._returned(leaf.reference, content)
            case "item.found_absent":
                self._found(leaf.reference, content)

    def _removed(self, n: int, content: Mapping[str, Any]) -> None:
        grant = self._granted.get(content.get("grant", -1))
        if grant is None or grant["slot"] != content["slot"] or grant["boot"] != content["boot"]:
            raise Violated(self, f"leaf {n}: a removal without its grant")
        if _people(grant) != _people(content):
            raise Violated(self, f"leaf {n}: the removal is not of the person who was granted it")
        if content["grant"] in self._used:
            raise Violated(self, f"leaf {n}: a second removal for grant {content['grant']}")
        self._used.add(content["grant"])

    def _not_granted(self, n: int, slot: int) -> None:
        """The grant is taken off by the truth with this very leaf; so it is looked for among the leaves."""
        for earlier in reversed(self._truth.leaves[:-1]):
            if earlier.get("slot") != slot or not earlier["ev"].startswith("item."):
                continue
            if earlier["ev"] == "item.granted" and earlier["boot"] == self._truth.boot:
                raise Violated(self, f"leaf {n}: forced, although grant {earlier['n']} was open")
            return

    def _not_opened(self, n: int, content: Mapping[str, Any]) -> None:
        """What was surely not opened; else the outcome is unknown, and whoever takes the fob does so by the grant."""
        if content["grant"] in self._truth.pulsed:
            raise Violated(self, f"leaf {n}: slot {content['slot']} was not opened, and its coil had current")

    def _returned(self, n: int, content: Mapping[str, Any]) -> None:
        visit = content.get("visit")
        if (visit is None) == (content.get("unattended") is None):
            raise Violated(self, f"leaf {n}: a return is of a visit or unattended, and one of the two")
        if visit is not None and self._visits.get(visit) not in {p for r, p in _people(content) if r == "returner"}:
            raise Violated(self, f"leaf {n}: the return does not name who stood there")
        who = dict(_people(content))
        by_another = "holder" in who and "returner" in who and who["holder"] != who["returner"]
        if bool(content.get("by_another")) != by_another:
            raise Violated(self, f"leaf {n}: it is not said whether it was the holder who brought it back")

    def _found(self, n: int, content: Mapping[str, Any]) -> None:
        grant = self._granted.get(content["grant"]) if content.get("grant") is not None else None
        if _people(grant or {}) != _people(content):
            raise Violated(self, f"leaf {n}: found absent names somebody else than its grant")
        if grant is not None and grant["slot"] != content["slot"]:
            raise Violated(self, f"leaf {n}: found absent names a grant of another slot")


def _people(content: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Who takes and returns; who approved stands in the grant alone."""
    return {(sub["r"], sub["p"]) for sub in content.get("subs", ()) if sub["r"] not in ("authoriser", "host")}
