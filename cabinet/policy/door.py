"""May this person have the cabinet's door opened, beside what a release opens it for?"""

from __future__ import annotations

from typing import Final

from cabinet.policy.decide import Decision, Denial, Grant, NeedsFactor, Verifier, decide_by, person_denial
from cabinet.policy.rights import Factor, Item, Person, Rights

_DOOR: Final = Item("door")


def decide_door(
    rights: Rights,
    person: Person,
    factors: frozenset[Factor],
    wall_ms: int,
    verifier: Verifier,
    *,
    wall_time_trusted: bool,
) -> Decision:
    """The best of their rights for the door."""
    if denial := person_denial(rights, person, wall_ms, wall_time_trusted=wall_time_trusted):
        return denial
    best: Decision = Denial("no_right")
    for right in rights.rights_of(person, "door"):
        decision = decide_by(
            rights,
            right,
            person,
            _DOOR,
            factors,
            wall_ms,
            (),
            (),
            verifier,
            wall_time_trusted=wall_time_trusted,
            act="door",
        )
        if isinstance(decision, Grant):
            return decision
        if isinstance(decision, NeedsFactor) or not isinstance(best, NeedsFactor):
            best = decision
    return best
