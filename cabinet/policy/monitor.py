"""Monitor-only mode, for the weeks in which a cabinet is rolled out: who is identified and active gets what they ask
for, and it is noted which rule would have refused it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from cabinet.policy.booking import Booking
from cabinet.policy.decide import Decision, Denial, Grant, NeedsApproval, NeedsFactor, person_denial, unless_booked
from cabinet.policy.rights import Item, Person, Right, Rights

NO_RIGHT: Final = Right("")
"""By which what no right reaches is released."""
_STAYS: Final = ("item_out", "no_item", "slot_taken", "booked", "not_verified")
"""What no mode releases: it is not there, it is somebody else's, or whoever stands there is not who they say."""


def lenient(
    rights: Rights,
    person: Person,
    item: Item,
    decision: Decision,
    wall_ms: int,
    bookings: Iterable[Booking],
    *,
    wall_time_trusted: bool,
) -> Decision:
    """What the mode makes of a decision. Who may not even begin a visit stays refused, and what others have booked
    stays theirs."""
    if person_denial(rights, person, wall_ms, wall_time_trusted=wall_time_trusted) is not None:
        return decision
    match decision:
        case NeedsFactor(right):
            noted = Grant(right, "factor_missing")
        case NeedsApproval(right):
            noted = Grant(right, "approvers_missing")
        case Denial(rule, _, right_id) if rule not in _STAYS:
            mine = (*rights.rights_of(person), *rights.rights_of(person, "return"))
            noted = Grant(next((one for one in mine if one.id == right_id), NO_RIGHT), rule)
        case _:
            return decision
    return unless_booked(noted, rights, person, item, wall_ms, bookings, wall_time_trusted=wall_time_trusted)
