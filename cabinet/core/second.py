"""A second person at the cabinet, who approves what the visitor wants, or takes over what the visitor has.

The visit stays the visitor's. The second person identifies as the right demands; wrong PINs count for them."""

from __future__ import annotations

from typing import Literal

from cabinet.core import approve, handover, visit
from cabinet.core.leaves import Subject
from cabinet.core.state import Refusal, Second, Visit
from cabinet.core.turn import Turn
from cabinet.policy.rights import Factor, Item, Person, Pseudonym


def is_wanted(running: Visit, pseudonym: Pseudonym) -> bool:
    """Whether a card that is not the visitor's own is that of a second person."""
    waits = running.stage == "second" or running.second is not None
    return waits and running.person not in (None, pseudonym)


def on_card(turn: Turn, running: Visit, person: Person, reader: str) -> None:
    if running.stage == "checking":
        return  # a PIN is being checked: whose it is must not change under it
    before = running.second.factors if running.second and running.second.person == person.pseudonym else frozenset()
    _identified(turn, person, before | {"card"}, reader)


def on_number(turn: Turn, pseudonym: Pseudonym | None) -> None:
    """Asks the PIN, whether or not somebody has this number."""
    turn.stay(stage="pin", second=Second(pseudonym, frozenset({"number"})))
    turn.say("enter_pin")


def on_pin(turn: Turn, second: Second, keypad: str) -> None:
    """It was right."""
    person = turn.rights.people.get(second.person) if second.person else None
    if person is None:
        again(turn)
    else:
        _identified(turn, person, second.factors | {"pin"}, keypad)


def again(turn: Turn) -> None:
    """Not this one; somebody else may come."""
    turn.stay(stage="second", second=None)


def _identified(turn: Turn, person: Person, factors: frozenset[Factor], device: str) -> None:
    running = turn.state.visit
    assert running is not None, "a second person is second to a visitor"
    first = turn.rights.people.get(running.person) if running.person else None
    item = turn.rights.items.get(running.chosen) if running.chosen else None
    if first is None or item is None:
        visit.end(turn, "erased")
        return
    verdict: Refusal | Literal["pin"] | None
    is_handover = visit.holds(turn, first.pseudonym, item)
    if person.pseudonym == first.pseudonym:
        verdict = Refusal("same_person")  # their number instead of their card
    elif is_handover:
        verdict = handover.to(turn, running, first, person, item, factors, device)
    else:
        verdict = approve.by(turn, running, first, person, item, factors, device)
    if verdict == "pin":
        turn.stay(stage="pin", second=Second(person.pseudonym, factors))
        turn.say("enter_pin")
    elif verdict is not None:
        role = handover.ROLE if is_handover else approve.ROLE
        _refuse(turn, running, Subject(role, person.pseudonym), item, verdict, device)


def _refuse(turn: Turn, running: Visit, subject: Subject, item: Item, refusal: Refusal, device: str) -> None:
    turn.journal(
        "visit.refused",
        [subject],
        visit=running.number,
        rule=refusal.rule,
        window=refusal.window,
        missing=refusal.missing,
        item=item.id,
        reader=device,
    )
    again(turn)
    turn.say(refusal.rule, "refused", item=item.id, window=refusal.window, missing=refusal.missing)
