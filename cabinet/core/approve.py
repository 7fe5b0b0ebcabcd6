"""Others approve what the visitor wants: each identifies at the cabinet, as the right demands of its taker.

The visit stays the visitor's. Who has approved once has approved for the whole visit."""

from __future__ import annotations

from cabinet.core import visit
from cabinet.core.leaves import Subject
from cabinet.core.state import Approver, Visit
from cabinet.core.turn import Turn
from cabinet.policy.decide import NeedsApproval, completable, person_denial
from cabinet.policy.quorum import may_approve
from cabinet.policy.rights import AUTH_ORDER, Factor, Item, Person, Pseudonym, Right


def is_wanted(running: Visit, pseudonym: Pseudonym) -> bool:
    """Whether a card is that of somebody who may want to approve, and not the visitor's own."""
    waits = running.stage == "approve" or running.approver is not None
    return waits and running.person not in (None, pseudonym)


def on_card(turn: Turn, running: Visit, person: Person, reader: str) -> None:
    if running.stage == "checking":
        return  # a PIN is being checked: whose it is must not change under it
    before = running.approver.factors if running.approver and running.approver.person == person.pseudonym else None
    _identified(turn, person, (before or frozenset()) | {"card"}, reader)


def on_number(turn: Turn, pseudonym: Pseudonym | None) -> None:
    """Asks the PIN, whether or not somebody has this number."""
    turn.stay(stage="pin", approver=Approver(pseudonym, frozenset({"number"})))
    turn.say("enter_pin")


def on_pin(turn: Turn, approver: Approver, keypad: str) -> None:
    """It was right."""
    person = turn.rights.people.get(approver.person) if approver.person else None
    if person is None:
        again(turn)
    else:
        _identified(turn, person, approver.factors | {"pin"}, keypad)


def again(turn: Turn) -> None:
    """This one does not approve; somebody else may."""
    turn.stay(stage="approve", approver=None)


def _identified(turn: Turn, person: Person, factors: frozenset[Factor], device: str) -> None:
    running = turn.state.visit
    assert running is not None, "who approves, approves a visit"
    taker = turn.rights.people.get(running.person) if running.person else None
    item = turn.rights.items.get(running.chosen) if running.chosen else None
    if taker is None or item is None:
        visit.end(turn, "erased")
        return
    needs = visit.decision_on(turn, taker, item)
    if not isinstance(needs, NeedsApproval):
        visit.request(turn, taker, item)  # a roster or a clock has changed meanwhile
        return
    if (rule := _refusal(turn, needs.right, taker, person)) is not None:
        _refuse(turn, running, person, item, rule, device)
    elif any(alternative <= factors for alternative in needs.right.factors):
        _approved(turn, running, taker, person, item, needs.right, factors, device)
    elif completable(needs.right.factors, factors, person):
        turn.stay(stage="pin", approver=Approver(person.pseudonym, factors))
        turn.say("enter_pin")
    else:
        _refuse(turn, running, person, item, "factor_missing", device)


def _refusal(turn: Turn, right: Right, taker: Person, person: Person) -> str | None:
    """The rule that keeps this person from approving."""
    if denial := person_denial(person, turn.now.wall_ms, wall_time_trusted=turn.now.wall_time_trusted):
        return denial.rule
    return None if may_approve(right.quorum, taker, person) else "may_not_approve"


def _refuse(turn: Turn, running: Visit, person: Person, item: Item, rule: str, device: str) -> None:
    subject = Subject("authoriser", person.pseudonym)
    turn.journal("visit.refused", [subject], visit=running.number, rule=rule, item=item.id, reader=device)
    again(turn)
    turn.say(rule, "refused")


def _approved(
    turn: Turn,
    running: Visit,
    taker: Person,
    person: Person,
    item: Item,
    right: Right,
    factors: frozenset[Factor],
    device: str,
) -> None:
    subjects = [Subject("holder", taker.pseudonym), Subject("authoriser", person.pseudonym)]
    auth = "+".join(sorted(factors, key=AUTH_ORDER.index))
    turn.journal(
        "visit.authorised", subjects, visit=running.number, item=item.id, right=right.id, auth=auth, reader=device
    )
    approvers = tuple(dict.fromkeys((*running.approvers, person.pseudonym)))
    turn.stay(stage="choose", approver=None, approvers=approvers)
    visit.request(turn, taker, item)
