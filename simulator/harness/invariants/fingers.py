"""53: a finger is kept by consent alone, says who it is only in the module that belongs there, and goes with both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from simulator.cast import Person
from simulator.harness import happenings as seen
from simulator.harness.truth import Truth
from simulator.harness.witness import Hear, Violated

CHANGED: Final = "finger.module_changed"
PASSED_AS: Final = {"visit.identified": "holder", "visit.authorised": "authoriser", "item.handed_over": "receiver"}
KEPT: Final = 20
"""Versions of the roster."""
REVOKED_S: Final = 60.0
"""From the leaf to the roster in force, on a slow disk too."""


class FingersKept:
    number = 53
    title = "a finger is kept by consent alone, says only whose it is, and is gone with consent or person"

    def __init__(
        self,
        truth: Truth,
        roster: Callable[[], Mapping[str, Mapping[int, str]]],
        cast: Mapping[str, Person],
        names: Mapping[str, str],
        module: Callable[[], tuple[bytes, Mapping[int, int]]],
    ) -> None:
        """`roster`: whose each number is, by the mark of its module. `names` by pseudonym. `module`: mark and fingers
        of what is behind the reader in the world."""
        self._truth = truth
        self._roster = roster
        self._cast = cast
        self._names = names
        self._module = module
        self._agreed: set[str] = set()
        self._enrolled: dict[str, float] = {}
        """Until when what each of them has enrolled may count; inf while it is not revoked."""
        self._before: list[tuple[int, set[str], dict[str, float]]] = [(0, set(), {})]
        """Both of them as each version of the roster had them: one that was announced and not written is undone."""
        self._readers: dict[str, str] = {}
        """The module that belongs behind each reader."""
        self._changed: set[str] = set()
        """Readers behind which another module was told."""

    def hears(self) -> Mapping[type, Hear]:
        return {seen.Leaf: self._leaf}

    def at_rest(self) -> None:
        known = {(mark, n): person for mark, fingers in self._roster().items() for n, person in fingers.items()}
        for person in known.values():
            if person not in self._agreed:
                raise Violated(self, f"a finger of {self._name(person)} is known, who does not agree to it")
        mark, stored = self._module()
        if mark.hex() not in self._readers.values():
            return
        for template, finger in stored.items():
            owner = known.get((mark.hex(), template))
            if owner is None:
                raise Violated(self, f"finger {finger} is still stored as number {template}, and nobody's")
            if finger not in self._fingers_of(owner):
                raise Violated(self, f"number {template} is {self._name(owner)}'s in the roster, and not their finger")
        gone = [n for module, n in known if module == mark.hex() and n not in stored]
        if gone:
            raise Violated(self, f"number {gone[0]} is {self._name(known[mark.hex(), gone[0]])}'s, and not stored")

    def _leaf(self, leaf: seen.Leaf) -> None:
        content = leaf.content
        if content["ev"] == "roster.applied" and content.get("cause") == "found":
            self._before = [one for one in self._before if one[0] <= content["roster"]] or self._before[:1]
            self._agreed, self._enrolled = set(self._before[-1][1]), dict(self._before[-1][2])
        self._hear(leaf)
        if "roster" in content:
            self._before.append((content["roster"], set(self._agreed), dict(self._enrolled)))
            del self._before[1:-KEPT]

    def _hear(self, leaf: seen.Leaf) -> None:
        content = leaf.content
        match content["ev"]:
            case "consent.recorded" if content["purpose"] == "fingerprint":
                (self._agreed.add if content["given"] else self._agreed.discard)(_subject(content, "holder"))
            case "credential.enrolled" if content["credential"] == "finger":
                person = _subject(content, "holder")
                if person not in self._agreed:
                    raise Violated(self, f"leaf {leaf.n}: a finger of {self._name(person)}, who has not agreed to it")
                self._enrolled[person] = float("inf")
            case "credential.revoked" if content["credential"] == "finger":
                self._enrolled[_subject(content, "holder")] = self._truth.now_s() + REVOKED_S
            case "person.erased":
                self._agreed.discard(_subject(content, "concerned"))
                self._enrolled.pop(_subject(content, "concerned"), None)
            case "device.bound":
                self._readers[content["device"]] = content["module"]
            case "alarm.raised" | "alarm.cleared" if content["code"] == CHANGED:
                (self._changed.add if content["ev"] == "alarm.raised" else self._changed.discard)(content["device"])
            case "visit.identified" | "visit.authorised" | "item.handed_over":
                if "finger" in content["auth"].split("+"):
                    self._identified(leaf.n, _subject(content, PASSED_AS[content["ev"]]), content)

    def _identified(self, n: int, person: str, content: Mapping[str, Any]) -> None:
        name = self._name(person)
        if self._truth.fingers().isdisjoint(self._fingers_of(person)):
            raise Violated(self, f"leaf {n}: {name} is identified by a finger, and has put none on")
        if self._enrolled.get(person, 0.0) < self._truth.now_s():
            raise Violated(self, f"leaf {n}: {name} is identified by a finger that is not enrolled")
        if content.get("reader") in self._changed:
            raise Violated(self, f"leaf {n}: {name} is identified by a module that does not belong there")

    def _fingers_of(self, person: str) -> range:
        one = self._cast.get(self._name(person))
        return one.fingers if one else range(0)

    def _name(self, person: str) -> str:
        return self._names.get(person, "somebody")


def _subject(content: Mapping[str, Any], role: str) -> str:
    return next((sub["p"] for sub in content.get("subs", ()) if sub["r"] == role), "")
