"""A second person at the cabinet, who approves what the visitor wants, or takes over what the visitor has.

The visit stays the visitor's. The second person identifies as the right demands; wrong PINs count for them."""

from __future__ import annotations

from cabinet.core import approve, handover, lacking, pins, visit
from cabinet.core.leaves import Subject
from cabinet.core.state import Refusal, Second, Visit
from cabinet.core.turn import Turn
from cabinet.policy.decide import Verifier
from cabinet.policy.rights import Factor, Item, Person, Pseudonym


def is_wanted(running: Visit, pseudonym: Pseudonym) -> bool:
    """Whether a card or finger that is not the visitor's own is that of a second person."""
    waits = running.stage == "second" or running.second is not None
    return waits and running.person not in (None, pseudonym)


def on_shown(turn: Turn, running: Visit, person: Person, shown: frozenset[Factor], reader: str) -> None:
    """A card or a finger."""
    if running.stage in ("checking", "verifying"):
        return  # whose PIN or face it is must not change under it
    before = running.second.factors if running.second and running.second.person == person.pseudonym else frozenset()
    _identified(turn, person, before | shown, reader)


def on_number(turn: Turn, pseudonym: Pseudonym | None) -> None:
    """Asks the PIN, whether or not somebody has this number."""
    turn.stay(stage="pin", second=Second(pseudonym, frozenset({"number"})))
    turn.say("enter_pin")


def on_proof(turn: Turn, second: Second, factor: Factor, device: str) -> None:
    """The PIN was right, or the verifier has said yes."""
    person = turn.rights.people.get(second.person) if second.person else None
    if person is None:
        again(turn)
    else:
        _identified(turn, person, second.factors | {factor}, device, second.verifier)


def on_unverified(turn: Turn, second: Second, said: Verifier, device: str) -> None:
    """The verifier has not confirmed them: another way may do."""
    person = turn.rights.people.get(second.person) if second.person else None
    if person is None:
        again(turn)
    else:
        _identified(turn, person, second.factors, device, said)


def again(turn: Turn) -> None:
    """Not this one; somebody else may come."""
    turn.stay(stage="second", second=None)


def _identified(turn: Turn, person: Person, factors: frozenset[Factor], device: str, said: Verifier = "asks") -> None:
    running = turn.state.visit
    assert running is not None, "a second person is second to a visitor"
    first = turn.rights.people.get(running.person) if running.person else None
    item = turn.rights.items.get(running.chosen) if running.chosen else None
    if first is None or item is None:
        visit.end(turn, "erased")
        return
    verdict: Refusal | frozenset[Factor] | None
    verifier = lacking.verifier_for(turn.state, person.pseudonym, turn.now.wall_ms, said)
    is_handover = visit.holds(turn, first.pseudonym, item)
    if person.pseudonym == first.pseudonym:
        verdict = Refusal("same_person")  # their number instead of their card
    elif "pin" in factors and (due := pins.due(turn, person)) is not None:
        verdict = Refusal(f"others_{due}")
    elif is_handover:
        verdict = handover.to(turn, running, first, person, item, factors, verifier, device)
    else:
        verdict = approve.by(turn, running, first, person, item, factors, verifier, device)
    if isinstance(verdict, frozenset):
        lacking.ask(turn, person.pseudonym, verdict, said, second=Second(person.pseudonym, factors, said))
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
