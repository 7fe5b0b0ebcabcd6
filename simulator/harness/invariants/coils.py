"""When a coil may have current: 1 (a durable grant), 2 (of somebody who may), 3 (not for long)."""

from __future__ import annotations

from collections.abc import Mapping

from simulator.cast import Person
from simulator.harness import happenings as seen
from simulator.harness.oracle import Oracle
from simulator.harness.truth import Grant, Truth
from simulator.harness.witness import Hear, Violated

LATEST_S = 4.0
"""A pulse that is later than this after its grant opens for somebody else."""
ON_THE_WAY_S = 0.3
HOLD_S = 1.0
MARGIN_S = 0.1
FOREIGN_S = 4.0
"""So long the current may flow that no program of ours switched on."""


class OnlyGranted:
    number = 1
    title = "no coil without a durable grant"

    def __init__(self, truth: Truth) -> None:
        self._truth = truth

    def hears(self) -> Mapping[type, Hear]:
        return {seen.Coil: self._coil}

    def at_rest(self) -> None:
        """Nothing more than at each moment."""

    def _coil(self, coil: seen.Coil) -> None:
        if not coil.on or "glitch" in self._truth.broken:
            return
        grant = self._truth.grants.get(coil.slot) or self._just_ended(coil.slot)
        if grant is None:
            raise Violated(self, f"slot {coil.slot}: the coil has current, and no grant for it is on the disk")
        if grant.boot != self._truth.boot or not self._truth.running:
            raise Violated(self, f"slot {coil.slot}: the coil has current for grant {grant.n} of an earlier run")
        if grant.used:
            raise Violated(self, f"slot {coil.slot}: the coil has current a second time for grant {grant.n}")
        if (late_s := self._truth.now_s() - grant.at_s) > LATEST_S:
            raise Violated(self, f"slot {coil.slot}: the coil has current {late_s:.1f} s after grant {grant.n}")
        grant.used = True

    def _just_ended(self, slot: int) -> Grant | None:
        """Its fob was gone already when it was granted: its pulse was on the way when that was seen."""
        grant, ended_s = self._truth.ended.get(slot, (None, 0.0))
        return grant if self._truth.now_s() - ended_s <= ON_THE_WAY_S else None


class OnlyAllowed:
    number = 2
    title = "only who may opens"

    def __init__(self, truth: Truth, oracle: Oracle, cast: Mapping[str, Person], names: Mapping[str, str]) -> None:
        """`names` by pseudonym."""
        self._truth = truth
        self._oracle = oracle
        self._cast = cast
        self._names = names

    def hears(self) -> Mapping[type, Hear]:
        return {seen.Leaf: self._leaf}

    def at_rest(self) -> None:
        """Nothing more than at each moment."""

    def _leaf(self, leaf: seen.Leaf) -> None:
        if leaf.content["ev"] != "item.granted":
            return
        grant = self._truth.grants[leaf.content["slot"]]
        if grant.holder is None:
            self._service(grant)
            return
        name = self._names.get(grant.holder)
        if name is None:
            raise Violated(self, f"grant {grant.n} is of somebody whom nobody knows")
        shown = self._shown(self._cast[name])
        trusted, wall_ms = leaf.content["tq"] != "none", leaf.content["ts"]
        if not self._oracle.may_take(name, grant.item or "", shown, wall_ms, trusted=trusted):
            local = self._oracle.local(wall_ms)
            what = " or ".join("+".join(sorted(one)) for one in shown) or "nothing"
            raise Violated(
                self, f"{name} was granted {grant.item} at {local:%a %d %b %H:%M:%S}, having shown {what}: not allowed"
            )

    def _service(self, grant: Grant) -> None:
        if grant.auth != "service" or not grant.content.get("operator") or not grant.content.get("reason"):
            raise Violated(self, f"grant {grant.n} is nobody's, and no technician's with a reason")

    def _shown(self, person: Person) -> list[frozenset[str]]:
        """Card, and number, each with the PIN typed after it if it was."""
        typed = self._truth.typed_keys()
        pin = {"pin"} if person.pin is not None and any(_ends(keys, person.pin) for keys in typed) else set()
        shown = []
        if person.card in self._truth.shown_cards():
            shown.append(frozenset({"card", *pin}))
        if any(_ends(keys, person.id) for keys in typed):
            shown.append(frozenset({"number", *pin}))
        return shown


class NotForLong:
    number = 3
    title = "no coil stays on"

    def __init__(self, truth: Truth) -> None:
        self._truth = truth

    def hears(self) -> Mapping[type, Hear]:
        return {seen.Coil: self._coil, seen.Leaf: self._look, seen.Effect: self._look}

    def at_rest(self) -> None:
        self._look(None)

    def _coil(self, coil: seen.Coil) -> None:
        self._look(None)

    def _look(self, _: object) -> None:
        if "glitch" in self._truth.broken:
            return
        stuck = any("stuck-on" in fault for faults in self._truth.broken.values() for fault in faults)
        for number, slot in self._truth.slots.items():
            if slot.coil_since_s is None or stuck:
                continue
            on_s = self._truth.now_s() - slot.coil_since_s
            if on_s > HOLD_S + MARGIN_S:
                raise Violated(self, f"slot {number}: the coil has had current for {on_s:.2f} s")


def _ends(keys: str, secret: str) -> bool:
    """Whether somebody typed this and nothing before it, and sent it."""
    return any(part.rpartition("*")[2] == secret for part in keys.split("#")[:-1])
