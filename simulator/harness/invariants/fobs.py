"""What hangs where: 31 (each fob is named, as it is), 32 (of equal items the least used)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from simulator.fobs import number_of
from simulator.harness import happenings as seen
from simulator.harness.invariants.bookings import KeptForWhoBooked
from simulator.harness.oracle import Oracle
from simulator.harness.truth import Truth
from simulator.harness.witness import Hear, Violated

CAME = frozenset(("item.returned", "item.found_present", "item.misplaced", "item.foreign", "item.unreadable"))
GONE = frozenset(("item.removed", "item.forced", "item.found_absent"))
WRONG = frozenset(("item.misplaced", "item.foreign", "item.unreadable"))
NAMED_S = 6.0
"""A fob that hangs so long, with everything whole, has been named: also one that took another's place unseen."""
RIGHT = "right"


@dataclass(slots=True)
class _Slot:
    """`hung`: which fob, since when; the last one is there now. `said`: kind and item of the journal."""

    hung: list[tuple[str | None, float]]
    said: tuple[str, str | None] | None = None
    told: int = 0
    """Which of `hung` the journal was about last."""


@dataclass(slots=True)
class _Item:
    id: str
    slot: int
    fob: str
    anywhere: bool


class EachFobNamed:
    number = 31
    title = "what hangs where is as its fob says"

    def __init__(self, truth: Truth, oracle: Oracle, readers: Collection[int]) -> None:
        """`readers`: slots in which fobs are told apart."""
        self._truth = truth
        self._items = {
            row["id"]: _Item(row["id"], int(row["slot"]), row["fob"], row["return"] == "any")
            for row in oracle.hung
            if row["slot"]
        }
        self._readers = frozenset(readers)
        self._slots = {slot: _Slot([(f"F-{slot}", 0.0)]) for slot in self._readers}
        self._unsure: set[str] = set()
        """Numbers of fobs that may be one item's or no item's just now."""
        self._alarms: set[tuple[str, int]] = set()

    def hears(self) -> Mapping[type, Hear]:
        look = (seen.Broken, seen.Died)
        return dict.fromkeys(look, self._look) | {seen.Fob: self._fob, seen.Leaf: self._leaf}

    def at_rest(self) -> None:
        self._look(None)

    def replacing(self, item: str, fob: str) -> None:
        """From now on either may be the item's."""
        self._unsure = {number_of(fob).hex(":").upper(), self._items[item].fob}

    def replaced(self, item: str, number: str) -> None:
        """This one is."""
        self._unsure = set()
        self._items[item].fob = number
        for slot in self._slots.values():
            slot.hung[-1] = (slot.hung[-1][0], self._truth.now_s())

    def _fob(self, fob: seen.Fob) -> None:
        if fob.slot in self._slots:
            self._look(None)
            self._slots[fob.slot].hung.append((fob.fob, self._truth.now_s()))

    def _leaf(self, leaf: seen.Leaf) -> None:
        content, kind = leaf.content, leaf.content["ev"]
        number = content.get("slot", 0)
        if kind in ("alarm.raised", "alarm.cleared") and content["code"] in WRONG:
            (self._alarms.add if kind == "alarm.raised" else self._alarms.discard)((content["code"], number))
        if kind == "item.overdue" or (kind == "item.denied" and content["rule"] == "item_out"):
            self._is_out(leaf.reference, content.get("item"))
        slot = self._slots.get(number)
        if slot is None:
            return
        if kind in CAME:
            self._came(leaf.reference, number, slot, content)
        elif kind in GONE:
            self._gone(leaf.reference, number, slot, content)
        elif kind == "item.granted":
            self._granted(leaf.reference, number, slot, content)

    def _came(self, n: int, number: int, slot: _Slot, content: Mapping[str, Any]) -> None:
        item = content.get("item")
        kind = content["ev"] if content["ev"] in WRONG else RIGHT
        slot.said = kind, item
        if kind == "item.unreadable" or self._unsure:
            return
        for index in range(slot.told, len(slot.hung)):
            fob = slot.hung[index][0]
            if fob is not None and self._of(fob) == item:
                slot.told = index
                break
        else:
            raise Violated(self, f"leaf {n}: {item or 'a strange fob'} was not in slot {number}")
        if item is not None and (kind == RIGHT) != self._belongs(self._items[item], number):
            raise Violated(self, f"leaf {n}: {item} in slot {number} is told as {content['ev']}")

    def _gone(self, n: int, number: int, slot: _Slot, content: Mapping[str, Any]) -> None:
        said, slot.said = slot.said, None
        if said is not None and said[0] != "item.unreadable" and content.get("item") != said[1]:
            raise Violated(self, f"leaf {n}: {content.get('item')} left slot {number}, in which {said[1]} hung")

    def _granted(self, n: int, number: int, slot: _Slot, content: Mapping[str, Any]) -> None:
        """Who may take one item does not get another."""
        fob, since_s = slot.hung[-1]
        if content["auth"] == "service":
            return
        if slot.said is not None and slot.said[1] not in (None, content["item"]):
            raise Violated(self, f"leaf {n}: slot {number} is released for {content['item']}, not for {slot.said[1]}")
        if fob is None or self._unsure or not self._was_whole(since_s):
            return
        if self._of(fob) != content["item"]:
            raise Violated(self, f"leaf {n}: slot {number} is released for {content['item']}, and {fob} hangs there")

    def _is_out(self, n: int, item: str | None) -> None:
        """What hangs in the cabinet, wherever, is not out."""
        for number, slot in self._slots.items():
            if slot.said in ((RIGHT, item), ("item.misplaced", item)):
                raise Violated(self, f"leaf {n}: {item} counts as out, and hangs in slot {number}")

    def _look(self, _: object) -> None:
        for number, slot in self._slots.items():
            fob, since_s = slot.hung[-1]
            standing = {code for code, place in self._alarms if place == number}
            if self._unsure or not self._was_whole(since_s):
                continue
            if fob is None:
                if standing:
                    raise Violated(self, f"slot {number} is empty, and the alarms are {sorted(standing)}")
                continue
            item = self._of(fob)
            fits = item is not None and self._belongs(self._items[item], number)
            kind = RIGHT if fits else "item.misplaced" if item else "item.foreign"
            if slot.said is not None and slot.said != (kind, item):
                raise Violated(self, f"slot {number}: {fob} hangs there, and the journal says {slot.said}")
            if slot.said is not None and standing != ({kind} & WRONG):
                raise Violated(self, f"slot {number}: {fob} hangs there, and the alarms are {sorted(standing)}")

    def _was_whole(self, since_s: float) -> bool:
        return self._truth.now_s() - max(since_s, self._truth.whole_since_s) > NAMED_S

    def _of(self, fob: str) -> str | None:
        number = number_of(fob).hex(":").upper()
        return next((item.id for item in self._items.values() if item.fob == number), None)

    def _belongs(self, item: _Item, slot: int) -> bool:
        if not item.anywhere:
            return item.slot == slot
        return slot in self._readers and all(one.anywhere or one.slot != slot for one in self._items.values())


@dataclass(slots=True)
class _Taken:
    count: int = 0
    is_out: bool = False


@dataclass(slots=True)
class LeastUsed:
    """Counted from the leaves once more."""

    oracle: Oracle
    booked: KeptForWhoBooked
    number: int = 32
    title: str = "of equal items the one that was used least is given"
    _taken: dict[str, _Taken] = field(default_factory=dict)

    def hears(self) -> Mapping[type, Hear]:
        return {seen.Leaf: self._leaf}

    def at_rest(self) -> None:
        """Nothing more than at each moment."""

    def _leaf(self, leaf: seen.Leaf) -> None:
        content, kind, item = leaf.content, leaf.content["ev"], leaf.content.get("item")
        if item is None:
            return
        taken = self._taken.setdefault(item, _Taken())
        if kind == "item.granted" and "right" in content and self.oracle.right(content["right"]).get("any_of"):
            self._given(leaf.reference, content, taken.count)
        elif kind in GONE:
            taken.is_out = True
            taken.count += "grant" in content
        elif kind in CAME:
            taken.is_out = False

    def _given(self, n: int, content: Mapping[str, Any], count: int) -> None:
        """`is_out` is also what was torn out: it need not be given, since it is not there."""
        for item in self.oracle.items:
            other = self._taken.get(item, _Taken())
            if not self.oracle.reaches(self.oracle.right(content["right"]), item) or other.is_out:
                continue
            if self.booked.is_kept(item, content):
                continue
            if other.count < count:
                raise Violated(
                    self, f"leaf {n}: {content['item']}, used {count} times, and not {item}, used {other.count} times"
                )
