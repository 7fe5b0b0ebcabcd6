"""When a coil may have current: 1 (a durable grant), 2 (of somebody who may), 3 (not for long)."""

from __future__ import annotations

from collections.abc import Mapping

from cabinet.core.effects import Pulse
from simulator.cast import Person
from simulator.harness import happenings as seen
from simulator.harness.oracle import Oracle
from simulator.harness.truth import Grant, Truth
from simulator.harness.witness import Hear, Violated
from simulator.world import DOOR

LATEST_S = 4.0
"""A pulse that is later than this after its grant opens for somebody else."""
ON_THE_WAY_S = 0.3
MARGIN_S = 0.1
ONLY_NOTED = frozenset(
    (
        *("no_right", "outside_schedule", "factor_missing", "approvers_missing", "allowance_used", "overdue_first"),
        *("qualification_missing", "curfew_passed", "strong_card_missing"),
    )
)
FOREIGN_S = 4.0
"""So long the current may flow that no program of ours switched on."""


class OnlyGranted:
    number = 1
    title = "no coil without a durable grant"

    def __init__(self, truth: Truth) -> None:
        self._truth = truth
        self._granted: dict[int, Grant] = {}
        """Of this run, by leaf: several of one slot may stand in one commit."""
        self._due: dict[int, list[Grant]] = {}
        """Pulses that went out, by slot."""

    def hears(self) -> Mapping[type, Hear]:
        return {seen.Leaf: self._leaf, seen.Effect: self._effect, seen.Coil: self._coil, seen.Died: self._died}

    def at_rest(self) -> None:
        """Nothing more than at each moment."""

    def _leaf(self, leaf: seen.Leaf) -> None:
        content = leaf.content
        if content["ev"] == "item.granted":
            self._granted[leaf.reference] = self._truth.grants[content["slot"]]
        elif content["ev"] == "door.released":
            self._granted[leaf.reference] = Grant(
                leaf.reference, DOOR, None, None, "", self._truth.now_s(), self._truth.boot, leaf.content
            )
        elif content["ev"] == "item.not_taken" and content["cause"] == "bolt":
            due = self._due.get(content["slot"], [])
            due[:] = [grant for grant in due if grant.n != content["grant"]]

    def _effect(self, happening: seen.Effect) -> None:
        """A board is slower than most disks, and hides what goes out early: it is judged as it goes out."""
        pulse = happening.effect
        if not isinstance(pulse, Pulse):
            return
        grant = self._granted.pop(pulse.grant, None)
        if grant is None or grant.slot != pulse.slot:
            raise Violated(self, f"slot {pulse.slot} is to open, and its grant {pulse.grant} is not on the disk")
        self._due.setdefault(pulse.slot, []).append(grant)

    def _coil(self, coil: seen.Coil) -> None:
        if not coil.on or self._truth.slots[coil.slot].foreign:
            return
        due = self._due.get(coil.slot)
        if not due:
            raise Violated(self, f"slot {coil.slot}: the coil has current, and no grant of this run is for it")
        while len(due) > 1 and self._truth.now_s() - due[0].at_s > LATEST_S:
            due.pop(0)
        grant = due.pop(0)
        if coil.slot != DOOR and coil.slot not in self._truth.grants and not self._has_just_ended(coil.slot):
            raise Violated(self, f"slot {coil.slot}: the coil has current for grant {grant.n}, which has ended")
        if (late_s := self._truth.now_s() - grant.at_s) > LATEST_S:
            raise Violated(self, f"slot {coil.slot}: the coil has current {late_s:.1f} s after grant {grant.n}")
        self._truth.pulsed.add(grant.n)

    def _died(self, died: seen.Died) -> None:
        if died.process == "cabinetd":
            self._granted.clear()
            self._due.clear()

    def _has_just_ended(self, slot: int) -> bool:
        """Its fob was gone already when it was granted: its pulse was on the way when that was seen."""
        _, ended_s = self._truth.ended.get(slot, (None, float("-inf")))
        return self._truth.now_s() - ended_s <= ON_THE_WAY_S


class OnlyAllowed:
    number = 2
    title = "only who may opens, and nobody is refused by a wrong clock"

    def __init__(
        self, truth: Truth, oracle: Oracle, cast: Mapping[str, Person], names: Mapping[str, str], *, monitors: bool
    ) -> None:
        """`names` by pseudonym. `monitors`: rights are only noted."""
        self._monitors = monitors
        self._truth = truth
        self._oracle = oracle
        self._cast = cast
        self._names = names

    def hears(self) -> Mapping[type, Hear]:
        return {seen.Leaf: self._leaf}

    def at_rest(self) -> None:
        """Nothing more than at each moment."""

    def _leaf(self, leaf: seen.Leaf) -> None:
        if leaf.content["ev"] == "item.denied":
            self._denied(leaf)
        if leaf.content["ev"] in ("visit.identified", "item.granted", "item.overdue"):
            self._with_host(leaf)
        if leaf.content["ev"] == "visit.authorised":
            self._authorised(leaf)
        if leaf.content["ev"] == "item.handed_over":
            self._handed_over(leaf)
        if leaf.content["ev"] != "item.granted":
            return
        grant = self._truth.grants[leaf.content["slot"]]
        if grant.holder is None:
            self._service(grant)
            return
        name = self._names.get(grant.holder)
        if name is None:
            raise Violated(self, f"grant {grant.n} is of somebody whom nobody knows")
        shown = self._truth.shown_by(self._cast[name], grant.item)
        trusted, wall_ms = leaf.content["tq"] != "none", leaf.content["ts"]
        said = [self._names.get(sub["p"], "") for sub in leaf.content["subs"] if sub["r"] == "authoriser"]
        if "" in said or len(set(said)) < len(said):
            raise Violated(self, f"grant {grant.n} is approved by nobody, or by somebody twice")
        approved = {one: self._truth.shown_by(self._cast[one]) for one in said}
        if leaf.content.get("monitor") is not None:
            # A PIN of the visit before may be among what was shown lately, and has no part in this one.
            used = set(grant.auth.split("+"))
            used |= {"number"} if "code" in used else set()
            shown = [frozenset(used | {"card"} if "strong-card" in used else used)]
        may = self._oracle.may_take(name, grant.item or "", shown, wall_ms, trusted=trusted, approved=approved)
        if leaf.content.get("monitor") is not None:
            self._noted(leaf, name, may=may)
        elif not may:
            local = self._oracle.local(wall_ms)
            what = " or ".join("+".join(sorted(one)) for one in shown) or "nothing"
            by = f", approved by {' and '.join(said)}" if said else ""
            raise Violated(
                self,
                f"{name} was granted {grant.item} at {local:%a %d %b %H:%M:%S}, having shown {what}{by}: not allowed",
            )

    def _with_host(self, leaf: seen.Leaf) -> None:
        who = {sub["r"]: self._names.get(sub["p"]) for sub in leaf.content.get("subs", ())}
        holder = who.get("holder")
        if not self._oracle.labels.isdisjoint(sub["p"] for sub in leaf.content.get("subs", ())):
            return  # what they held is told of them; who answered for them is not known any more
        if holder and who.get("host") != (host := self._oracle.host_of(holder)):
            raise Violated(self, f"leaf {leaf.n}: {host or 'nobody'} answers for {holder}, not {who.get('host')}")

    def _authorised(self, leaf: seen.Leaf) -> None:
        who = {sub["r"]: self._names.get(sub["p"], "") for sub in leaf.content["subs"]}
        name = who["authoriser"]
        shown = self._truth.shown_by(self._cast[name])
        if not self._oracle.may_approve(name, who["holder"], leaf.content["item"], shown):
            raise Violated(self, f"{name} counts as having approved {leaf.content['item']}: not allowed")

    def _handed_over(self, leaf: seen.Leaf) -> None:
        content = leaf.content
        who = {sub["r"]: self._names.get(sub["p"], "") for sub in content["subs"]}
        giver, name = who["holder"], who["receiver"]
        if giver == name or not self._truth.shown_by(self._cast[giver]):
            raise Violated(self, f"leaf {leaf.n}: {giver} has handed {content['item']} over, and did not show up")
        shown, trusted = self._truth.shown_by(self._cast[name]), content["tq"] != "none"
        may = self._oracle.may_take(name, content["item"], shown, content["ts"], trusted=trusted, approved={})
        if content.get("monitor") is not None:
            self._noted(leaf, name, may=may)
        elif not may:
            raise Violated(self, f"leaf {leaf.n}: {name} took {content['item']} over: not allowed")

    def _denied(self, leaf: seen.Leaf) -> None:
        content = leaf.content
        name = self._names.get(content["subs"][0]["p"], "")
        if self._monitors and content["rule"] in ONLY_NOTED:
            raise Violated(self, f"leaf {leaf.n}: {name} is refused for {content['rule']}, which was only to be noted")
        if content["rule"] == "outside_schedule" and self._oracle.is_open_for(name, content["item"], content["ts"]):
            local = self._oracle.local(content["ts"])
            raise Violated(self, f"{name} was refused {content['item']} at {local:%a %d %b %H:%M:%S} for the hour")

    def _noted(self, leaf: seen.Leaf, name: str, *, may: bool) -> None:
        """Released although a rule would have refused it, and it says so."""
        content, what = leaf.content, f"leaf {leaf.n}: {name} got {leaf.content['item']}"
        if not self._monitors:
            raise Violated(self, f"{what} against {content['monitor']}, and rights are not only noted")
        if not self._oracle.is_active(self._oracle.people[name], content["ts"], trusted=content["tq"] != "none"):
            raise Violated(self, f"{what}, and is not active")
        shown = self._truth.shown_by(self._cast[name], leaf.content.get("item"))
        if not any(one & {"card", "finger", "code", "pin"} for one in shown):
            raise Violated(self, f"{what}, and did not identify")
        if may and content["monitor"] not in ("allowance_used", "overdue_first"):  # how much anybody has, 20 counts
            raise Violated(self, f"{what} by a right, and {content['monitor']} is noted")

    def _service(self, grant: Grant) -> None:
        if grant.auth != "service" or not grant.content.get("operator") or not grant.content.get("reason"):
            raise Violated(self, f"grant {grant.n} is nobody's, and no technician's with a reason")


class NotForLong:
    number = 3
    title = "no coil stays on"

    def __init__(self, truth: Truth, hold_s: Mapping[int, float]) -> None:
        """`hold_s`: how long a pulse of each slot is."""
        self._truth = truth
        self._hold_s = hold_s
        self._since_s: dict[int, float] = {}

    def hears(self) -> Mapping[type, Hear]:
        return {
            seen.Coil: self._coil,
            seen.Foreign: self._foreign,
            seen.Leaf: self._look,
            seen.Effect: self._look,
            seen.Sentence: self._look,
            seen.Ready: self._ready,
        }

    def at_rest(self) -> None:
        self._look(None)

    def _coil(self, coil: seen.Coil) -> None:
        """One that goes off is judged once more: between the two nothing else may have happened."""
        if coil.on and not self._truth.slots[coil.slot].foreign:
            self._since_s[coil.slot] = self._truth.now_s()
        elif (since_s := self._since_s.pop(coil.slot, None)) is not None and not self._is_stuck():
            self._judge(coil.slot, since_s, self._hold_s[coil.slot] + MARGIN_S)
        self._look(coil)

    def _foreign(self, foreign: seen.Foreign) -> None:
        self._since_s.pop(foreign.slot, None)

    def _look(self, _: object) -> None:
        for number, slot in self._truth.slots.items():
            if slot.coil_since_s is None or self._is_stuck():
                continue
            since_s, most_s = slot.coil_since_s, self._hold_s[number] + MARGIN_S
            if slot.foreign:
                since_s, most_s = max(since_s, self._truth.whole_since_s), FOREIGN_S
            self._judge(number, since_s, most_s)

    def _judge(self, slot: int, since_s: float, most_s: float) -> None:
        if (on_s := self._truth.now_s() - since_s) > most_s:
            raise Violated(self, f"slot {slot}: the coil has had current for {on_s:.2f} s")

    def _ready(self, _: seen.Ready) -> None:
        """Whatever somebody switched on before, the start has switched off."""
        for number, slot in self._truth.slots.items():
            if slot.coil_since_s is not None and slot.coil_since_s < self._truth.booted_s and not self._truth.broken:
                raise Violated(self, f"slot {number}: the daemon is ready, and the coil has current since before")

    def _is_stuck(self) -> bool:
        return any("stuck-on" in fault for faults in self._truth.broken.values() for fault in faults)
