"""What is true in the simulated world, seen from outside: the side on which invariants compare the journal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from simulator.cast import Person
from simulator.harness import happenings as seen
from simulator.harness.witness import Hear

T = TypeVar("T")
SHOWN_S = 180.0
"""How long what a person showed may count for their visit, at most."""


@dataclass(slots=True)
class SlotTruth:
    """`since_s`: when it began to be so. `last_s`: when that began which was before."""

    seated: bool = True
    since_s: float = 0.0
    changes: int = 0
    coil_since_s: float | None = None
    coil_on_s: float = 0.0
    """When it was last switched on."""
    foreign: bool = False
    """Not by the daemon."""


@dataclass(slots=True)
class Grant:
    """A durable item.granted leaf."""

    n: int
    slot: int
    item: str | None
    holder: str | None
    auth: str
    at_s: float
    boot: str
    content: Mapping[str, Any]


class Truth:
    """Is told everything before the invariants are. Numbered as a check to be one among them; it never complains."""

    number = 0
    title = "the truth"

    def __init__(self, now_s: Callable[[], float], slots: list[int]) -> None:
        self.now_s = now_s
        self.slots = {number: SlotTruth() for number in slots}
        self.leaves: list[Mapping[str, Any]] = []
        self.grants: dict[int, Grant] = {}
        """Open ones, by slot."""
        self.ended: dict[int, tuple[Grant, float]] = {}
        """The last one of each slot that has ended, and when."""
        self.pulsed: set[int] = set()
        """Grants whose coil had current."""
        self.boot = ""
        self.screen = ""
        self.broken: dict[str, list[str]] = {}
        self.whole_since_s = 0.0
        """Since when nothing is broken and the daemon runs; inf while something is."""
        self.running = False
        self.booted_s = 0.0
        self.cards: list[tuple[float, str]] = []
        self.proved: list[tuple[float, str]] = []
        """Cards that have proved their key."""
        self.typed: list[tuple[float, str]] = []
        self.pins: dict[str, str] = {}
        """Those that are no longer as in the beginning, by name."""
        self.codes: dict[str, tuple[str, str]] = {}
        """Whose each code is, and for which item."""
        self.looked: list[tuple[float, str]] = []
        self.touched: list[tuple[float, int]] = []
        self._refresh()

    def hears(self) -> Mapping[type, Hear]:
        return {
            seen.Fob: self._fob,
            seen.Coil: self._coil,
            seen.Foreign: self._foreign,
            seen.Screen: self._screen,
            seen.Leaf: self._leaf,
            seen.Card: self._card,
            seen.Keys: lambda it: self.typed.append((self.now_s(), it.keys)),
            seen.CodeGiven: self._code_given,
            seen.Touched: lambda it: self.touched.append((self.now_s(), it.finger)),
            seen.Looked: lambda it: self.looked.append((self.now_s(), it.who)),
            seen.Broken: self._broke,
            seen.Mended: self._mended,
            seen.Booted: self._booted,
            seen.Died: self._died,
        }

    def at_rest(self) -> None:
        """Nothing to complain of."""

    def has_been_whole_for(self, seconds: float) -> bool:
        return self.now_s() - self.whole_since_s >= seconds

    def shown_cards(self) -> set[str]:
        return {card for at_s, card in self._recent(self.cards)}

    def proved_cards(self) -> set[str]:
        return {card for at_s, card in self._recent(self.proved)}

    def typed_keys(self) -> list[str]:
        return [keys for at_s, keys in self._recent(self.typed)]

    def shown_by(self, person: Person, item: str | None = None) -> list[frozenset[str]]:
        """Card, finger, and number, each with the PIN typed after it and the face or finger shown if they were; for an
        item also the code that was given for it, which may stand for the number and have the card beside it."""
        typed = self.typed_keys()
        more = {"verified"} if person.name in self.faces() else set()
        known = self.pins.get(person.name, person.pin)
        more |= {"pin"} if known is not None and any(_ends(keys, known) for keys in typed) else set()
        touched = set() if self.fingers().isdisjoint(person.fingers) else {"finger"}
        more |= touched
        shown = [frozenset({"card", *more} if person.card in self.shown_cards() else more)] if touched else []
        if person.card in self.shown_cards():
            shown.append(frozenset({"card", *more}))
        if person.strong_card in self.proved_cards():
            shown.append(frozenset({"card", "strong-card", *more}))
        if any(_ends(keys, person.id) for keys in typed):
            shown.append(frozenset({"number", *more}))
        codes = [code for code, whose in self.codes.items() if whose == (person.name, item)]
        if any(_ends(keys, code) for code in codes for keys in typed):
            card = {"card"} if person.card in self.shown_cards() else set()
            card |= {"card", "strong-card"} if person.strong_card in self.proved_cards() else set()
            shown.append(frozenset({"code", "number", *card, *more}))
        return shown

    def fingers(self) -> set[int]:
        return {finger for at_s, finger in self._recent(self.touched)}

    def faces(self) -> set[str]:
        return {who for at_s, who in self._recent(self.looked)}

    def _recent(self, shown: list[tuple[float, T]]) -> list[tuple[float, T]]:
        while shown and shown[0][0] < self.now_s() - SHOWN_S:
            shown.pop(0)
        return shown

    def _fob(self, fob: seen.Fob) -> None:
        slot = self.slots[fob.slot]
        slot.seated, slot.since_s, slot.changes = fob.fob is not None, self.now_s(), slot.changes + 1

    def _coil(self, coil: seen.Coil) -> None:
        slot = self.slots[coil.slot]
        slot.coil_since_s = self.now_s() if coil.on else None
        if coil.on:
            slot.coil_on_s = self.now_s()
        else:
            slot.foreign = False

    def _foreign(self, foreign: seen.Foreign) -> None:
        self.slots[foreign.slot].foreign = True

    def _screen(self, screen: seen.Screen) -> None:
        self.screen = screen.text

    def _leaf(self, leaf: seen.Leaf) -> None:
        self.leaves.append(leaf.content)
        kind = leaf.content["ev"]
        self.boot = leaf.content["boot"]
        if kind == "item.granted":
            slot = leaf.content["slot"]
            holder = next((sub["p"] for sub in leaf.content.get("subs", ()) if sub["r"] == "holder"), None)
            self.grants[slot] = Grant(
                leaf.reference,
                slot,
                leaf.content.get("item"),
                holder,
                leaf.content.get("auth", ""),
                self.now_s(),
                self.boot,
                leaf.content,
            )
        elif kind in ENDS_GRANT:
            grant = self.grants.pop(leaf.content["slot"], None)
            if grant is not None:
                self.ended[grant.slot] = grant, self.now_s()

    def _card(self, held: seen.Card) -> None:
        self.cards.append((self.now_s(), held.card))
        if held.how == "strong":
            self.proved.append((self.now_s(), held.card))

    def _code_given(self, given: seen.CodeGiven) -> None:
        self.codes[given.code] = given.who, given.item

    def _broke(self, broken: seen.Broken) -> None:
        self.broken.setdefault(broken.what, []).append(broken.fault)
        self._refresh()

    def _mended(self, mended: seen.Mended) -> None:
        self.broken.pop(mended.what, None)
        self._refresh()

    def _booted(self, booted: seen.Booted) -> None:
        if booted.process == "cabinetd":
            self.running = True
            self.booted_s = self.now_s()
            self._refresh()

    def _died(self, died: seen.Died) -> None:
        if died.process == "cabinetd":
            self.running = False
            self._refresh()

    def _refresh(self) -> None:
        whole = self.running and not (self.broken.keys() - HARMLESS)
        if not whole:
            self.whole_since_s = float("inf")
        elif self.whole_since_s == float("inf"):
            self.whole_since_s = self.now_s()


ENDS_GRANT = frozenset(
    (
        "item.removed",
        "item.not_taken",
        "item.outcome_unknown",
        "item.returned",
        "item.found_absent",
        "item.found_present",
        "item.misplaced",
        "item.foreign",
        "item.unreadable",
    )
)
HARMLESS = frozenset(("broker", "upstream", "uplink", "wall clock", "people"))
"""What may be broken without anybody at the cabinet noticing."""


def _ends(keys: str, secret: str) -> bool:
    """Whether somebody typed this and nothing before it, and sent it."""
    return any(part.rpartition("*")[2] == secret for part in keys.split("#")[:-1])
