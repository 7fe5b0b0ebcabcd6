"""Monitor-only mode, for the weeks in which a cabinet is rolled out: who is identified and active gets what they ask
for, and it is noted which rule would have refused it."""

from __future__ import annotations

from typing import Final

from cabinet.policy.decide import Decision, Denial, Grant, NeedsApproval, NeedsFactor, person_denial
from cabinet.policy.rights import Person, Right, Rights

NO_RIGHT: Final = Right("")
"""By which what no right reaches is released."""
_STAYS: Final = ("item_out", "no_item", "slot_taken")
"""What no mode can release."""


def lenient(rights: Rights, person: Person, decision: Decision, wall_ms: int, *, wall_time_trusted: bool) -> Decision:
    """What the mode makes of a decision. Who may not even begin a visit stays refused."""
    if person_denial(rights, person, wall_ms, wall_time_trusted=wall_time_trusted) is not None:
        return decision
    match decision:
        case NeedsFactor(right):
            return Grant(right, "factor_missing")
        case NeedsApproval(right):
            return Grant(right, "approvers_missing")
        case Denial(rule, _, right_id) if rule not in _STAYS:
            mine = (*rights.rights_of(person), *rights.rights_of(person, "return"))
            return Grant(next((one for one in mine if one.id == right_id), NO_RIGHT), rule)
    return decision
