"""Others approve what the visitor wants. Who has approved once has approved for the whole visit."""

from __future__ import annotations

from typing import Final

from cabinet.core import visit
from cabinet.core.leaves import Role, Subject
from cabinet.core.state import Refusal, Visit
from cabinet.core.turn import Turn
from cabinet.policy.decide import NeedsApproval, Verifier, lacking_of, person_denial
from cabinet.policy.quorum import may_approve
from cabinet.policy.rights import Factor, Item, Person, auth

ROLE: Final[Role] = "authoriser"


def by(
    turn: Turn,
    running: Visit,
    taker: Person,
    person: Person,
    item: Item,
    factors: frozenset[Factor],
    verifier: Verifier,
    device: str,
) -> Refusal | frozenset[Factor] | None:
    """None: it is done. Factors: they are still asked of them. Else what keeps this person from approving."""
    needs = visit.decision_on(turn, taker, item, act=running.act)
    if not isinstance(needs, NeedsApproval):
        visit.request(turn, taker, item, running.act)  # a roster or a clock has changed meanwhile
        return None
    if denial := person_denial(turn.rights, person, turn.now.wall_ms, wall_time_trusted=turn.now.wall_time_trusted):
        return Refusal(denial.rule)
    if not may_approve(needs.right.quorum, taker, person):
        return Refusal("may_not_approve")
    if not any(alternative <= factors for alternative in needs.right.factors):
        finger = turn.rights.finger_of(person)
        missing = lacking_of(needs.right.factors, factors, person, finger, verifier)
        return missing if isinstance(missing, frozenset) else Refusal(missing)
    turn.journal(
        "visit.authorised",
        [Subject("holder", taker.pseudonym), Subject(ROLE, person.pseudonym)],
        visit=running.number,
        item=item.id,
        right=needs.right.id,
        auth=auth(factors),
        reader=device,
        keypad=device if "number" in factors and device != turn.state.setup.verifier else None,
    )
    approvers = tuple(dict.fromkeys((*running.approvers, person.pseudonym)))
    turn.stay(stage="choose", second=None, approvers=approvers)
    visit.request(turn, taker, item, running.act)
    return None
