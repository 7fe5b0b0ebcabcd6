"""An item changes hands at the cabinet without being put back: who has it and who gets it are both identified."""

from __future__ import annotations

from typing import Final

from cabinet.core import booking, visit
from cabinet.core.leaves import Role, Subject
from cabinet.core.ledger import held
from cabinet.core.release import local_time
from cabinet.core.state import Refusal, Visit
from cabinet.core.turn import Turn
from cabinet.policy.decide import Denial, Grant, NeedsApproval, NeedsFactor, Verifier, decide
from cabinet.policy.monitor import lenient
from cabinet.policy.rights import Factor, Item, Person, auth

ROLE: Final[Role] = "receiver"


def to(
    turn: Turn,
    running: Visit,
    giver: Person,
    person: Person,
    item: Item,
    factors: frozenset[Factor],
    verifier: Verifier,
    device: str,
) -> Refusal | frozenset[Factor] | None:
    """None: it is theirs now. Factors: they are still asked of them. Else why they may not have it.

    What others have to approve is put back and taken anew."""
    wall_ms, trusted = turn.now.wall_ms, turn.now.wall_time_trusted
    having = held(turn.ledger, wall_ms if trusted else None)
    booked = booking.of_item(turn, item)
    decision = decide(
        turn.rights,
        person,
        item,
        factors,
        wall_ms,
        wall_time_trusted=trusted,
        held=having,
        bookings=booked,
        verifier=verifier,
    )
    if turn.state.setup.monitors:
        decision = lenient(turn.rights, person, item, decision, wall_ms, booked, wall_time_trusted=trusted)
    match decision:
        case NeedsFactor(_, missing):
            return missing
        case NeedsApproval():
            return Refusal("approvers_missing")
        case Denial(rule, window, _, lacks):
            return Refusal(rule, window, lacks)
        case Grant(right, monitor):
            due, cause = booking.due(turn, person.pseudonym, item, decision)
            turn.journal(
                "item.handed_over",
                [Subject("holder", giver.pseudonym), *turn.holding(person.pseudonym, ROLE)],
                visit=running.number,
                slot=item.slot,
                item=item.id,
                auth=auth(factors),
                reader=device,
                keypad=device if "number" in factors and device != turn.state.setup.verifier else None,
                right=right.id or None,
                due=due,
                monitor=monitor,
            )
            turn.clear_alarms_of(item.id, ("item.overdue",))
            turn.stay(stage="choose", chosen=None, second=None)
            if due is None:
                turn.say("handed_over", "accepted", item=item.id)
            else:
                turn.say(
                    "handed_over_booked" if cause else "handed_over_due",
                    "accepted",
                    item=item.id,
                    due=local_time(turn, due),
                )
            visit.after_return(turn)
    return None
