"""37: what people give themselves at the cabinet is what they confirmed there, and a first PIN opens nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulator.cast import Person
from simulator.harness import happenings as seen
from simulator.harness.truth import Truth
from simulator.harness.witness import Hear, Violated

DAY_MS = 86_400_000


class EnrolledAsConfirmed:
    number = 37
    title = "what is enrolled at the cabinet was confirmed there, and a first PIN opens nothing"

    def __init__(self, truth: Truth, cast: Mapping[str, Person], names: Mapping[str, str]) -> None:
        """`names` by pseudonym."""
        self._truth = truth
        self._cast = cast
        self._names = names
        self._typed: list[str] = []
        """Entries that ended with #."""
        self._card = ""
        """The last one shown."""
        self._first: dict[str, str] = {}
        """PINs for the first use only, by name."""
        self._offers: dict[int, tuple[str, int]] = {}
        """Whose each code is, and its end."""
        self._used: dict[int, set[str]] = {}
        self._over: set[int] = set()
        """Codes whose visit has ended after they gave something."""

    def hears(self) -> Mapping[type, Hear]:
        return {
            seen.Keys: self._keys,
            seen.Card: self._shown,
            seen.FirstPin: self._first_pin,
            seen.Leaf: self._leaf,
        }

    def at_rest(self) -> None:
        """Nothing more than at each moment."""

    def _keys(self, keys: seen.Keys) -> None:
        self._typed += [part.rpartition("*")[2] for part in keys.keys.split("#")[:-1]]

    def _shown(self, card: seen.Card) -> None:
        self._card = card.card

    def _first_pin(self, given: seen.FirstPin) -> None:
        self._first[given.who] = given.pin

    def _leaf(self, leaf: seen.Leaf) -> None:
        content = leaf.content
        name = next((self._names.get(s["p"], "") for s in content.get("subs", ()) if s["r"] == "holder"), "")
        match content["ev"]:
            case "credential.offered":
                self._offers = {n: one for n, one in self._offers.items() if one[0] != name}
                self._offers[leaf.reference] = name, content["until"]
            case "credential.enrolled" if content.get("operator") is not None:
                if content["credential"] == "pin" and name in self._first:
                    self._truth.pins[name] = self._first[name]
            case "credential.enrolled":
                self._enrolled(leaf.reference, name, content)
            case "person.erased":
                gone = self._names.get(content["subs"][0]["p"], "")
                self._offers = {n: one for n, one in self._offers.items() if one[0] != gone}
                self._first.pop(gone, None)
                self._truth.pins.pop(gone, None)
            case "visit.ended" | "cabinet.started":
                self._over |= self._used.keys()
            case "item.granted" if "pin" in content["auth"].split("+"):
                if self._truth.pins.get(name) is not None and self._truth.pins[name] == self._first.get(name):
                    raise Violated(self, f"leaf {leaf.n}: {name} got {content['item']} with a PIN for its first use")

    def _enrolled(self, n: int, name: str, content: Mapping[str, Any]) -> None:
        if (offer := content.get("offer")) is not None:
            whose, until_ms = self._offers.get(offer, ("", 0))
            if whose != name or content["ts"] >= until_ms:
                raise Violated(self, f"leaf {n}: {name} has enrolled by a code that is not theirs, or has ended")
            if offer in self._over or content["credential"] in self._used.get(offer, ()):
                raise Violated(self, f"leaf {n}: {name} has enrolled by a code a second time")
            self._used.setdefault(offer, set()).add(content["credential"])
        if content["credential"] == "card":
            if offer is None or any(one.card == self._card for one in self._cast.values() if one.name != name):
                raise Violated(self, f"leaf {n}: {name} has enrolled a card that is somebody else's, or by no code")
            return
        if content["credential"] == "finger":
            return  # FingersKept sees to it
        *_, before, last = ["", "", *self._typed]
        if before != last:
            raise Violated(self, f"leaf {n}: {name} has a PIN that was not typed twice")
        if last == self._truth.pins.get(name, self._cast[name].pin):
            raise Violated(self, f"leaf {n}: {name} has chosen the PIN that they had")
        self._truth.pins[name] = last
