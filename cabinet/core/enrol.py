"""What people give themselves at the cabinet: a new PIN, and with a code from a custodian a card and a finger too.

Each is typed or held first, confirmed, and then goes the way of every change of the roster: planned, journaled,
written. Whoever leaves in between has changed only what was confirmed."""

from __future__ import annotations

from typing import Final

from cabinet.core import finger_enrol, pins, unproven, visit
from cabinet.core.effects import Answer, Enrol
from cabinet.core.events import CardShown, DigitsEntered, Enrolled
from cabinet.core.leaves import Subject
from cabinet.core.ledger import OFFERS_MAX
from cabinet.core.requests import EnrolmentOffered
from cabinet.core.state import Visit
from cabinet.core.turn import Turn
from cabinet.policy import pin
from cabinet.policy.rights import Person, Pseudonym

STAGES: Final = frozenset(("card", "new_pin", "again", "agree", "taking", "storing"))
"""Of a visit in which nothing is released."""
OFFER_MS: Final = 86_400_000


def on_offered(turn: Turn, event: EnrolmentOffered) -> None:
    """A custodian gives somebody a code for it; an earlier one of theirs ends."""
    refusal = None
    if not turn.now.wall_time_trusted:
        refusal = "the cabinet's clock is not trusted, so no code would end; see `cabinetctl status`"
    elif event.person not in turn.rights.people:
        refusal = "the roster has changed meanwhile; try again"
    elif len([one for one in turn.ledger.offers.values() if turn.now.wall_ms < one.until_ms]) >= OFFERS_MAX:
        refusal = f"{OFFERS_MAX} codes are out, and no more are kept; wait until some have ended"
    if refusal is not None or event.dry_run:
        turn.act(Answer(event.request, refusal))
        return
    n = turn.journal(
        "credential.offered",
        [Subject("holder", event.person)],
        code=event.code,
        until=turn.now.wall_ms + OFFER_MS,
        operator=event.operator,
    )
    turn.act(Answer(event.request, n=n))


def begin(turn: Turn) -> None:
    """By a code: the card comes first."""
    turn.stay(stage="card")
    turn.say("enrol_card")


def must_choose(turn: Turn, running: Visit, person: Person) -> bool:
    """Asks for a new PIN where the one just typed has to be changed."""
    due = pins.due(turn, person) if "pin" in running.factors else None
    if due is None:
        return False
    turn.stay(stage="new_pin", new_pin=None)
    turn.say(due)
    return True


def on_card(turn: Turn, running: Visit, event: CardShown, owner: Pseudonym | None) -> None:
    """A card nobody has becomes theirs; their own is no news."""
    if owner == running.person:
        _ask_pin(turn)
    elif event.proof == "failed":
        turn.journal("visit.refused", _holder(running), visit=running.number, rule=unproven.RULE, reader=event.reader)
        turn.stay()
        turn.say(unproven.RULE, "refused")
    elif owner is not None or event.number is None:
        turn.journal("visit.refused", _holder(running), visit=running.number, rule="card_taken", reader=event.reader)
        turn.stay()
        turn.say("card_taken", "refused")
    else:
        storing = turn.stay(stage="storing", seq=running.seq + 1)
        strong = event.proof == "strong"
        turn.act(
            Enrol(storing.number, storing.seq, running.person or "", running.offer, card=event.number, strong=strong)
        )
        turn.say("checking")


def on_entered(turn: Turn, running: Visit, event: DigitsEntered) -> None:
    """A PIN, and the same once more; or whether a finger may be kept."""
    if running.stage == "agree":
        finger_enrol.on_answer(turn, running, event.secret.reveal())
    elif running.stage == "new_pin":
        if (fault := pin.fault(event.secret.reveal())) is not None:
            turn.stay()
            turn.say(fault, "refused")
            return
        turn.stay(stage="again", new_pin=event.secret)
        turn.say("pin_again")
    elif running.stage == "again" and running.new_pin is not None:
        if running.new_pin.reveal() != event.secret.reveal():
            turn.stay(stage="new_pin", new_pin=None)
            turn.say("pin_differs", "refused")
            return
        storing = turn.stay(stage="storing", seq=running.seq + 1, new_pin=None)
        turn.act(Enrol(storing.number, storing.seq, running.person or "", running.offer, pin=event.secret))
        turn.say("checking")


def on_cancelled(turn: Turn, running: Visit) -> None:
    """Without a card it goes on, and by a code without a PIN; anything else ends the visit."""
    if running.stage == "card":
        _ask_pin(turn)
    elif running.stage == "agree":
        finger_enrol.without(turn, running)
    elif running.stage == "new_pin" and running.offer is not None and (reader := finger_enrol.available(turn)):
        finger_enrol.begin(turn, reader)
    else:
        visit.end(turn, "person")
        turn.say("goodbye")


def on_enrolled(turn: Turn, event: Enrolled) -> bool:
    """It is in the roster, or was refused. True: the visit goes on with what its PIN was for."""
    running = turn.state.visit
    if event.what in ("consent", "finger"):
        finger_enrol.on_enrolled(turn, event)
        return False
    if running is None or (running.number, running.seq, running.stage) != (event.visit, event.seq, "storing"):
        return False
    if event.refusal in ("pin_same", "pin_length"):
        turn.stay(stage="new_pin", new_pin=None)
        turn.say(event.refusal, "refused")
    elif event.refusal == "card_taken":
        turn.stay(stage="card")
        turn.say("card_taken", "refused")
    elif event.refusal is not None:
        visit.end(turn, "refused")
        turn.say("not_recorded", "refused")
    elif event.what == "card":
        _ask_pin(turn)
    elif running.offer is not None and (reader := finger_enrol.available(turn)):
        finger_enrol.begin(turn, reader)
    elif running.offer is not None:
        turn.say("enrolled", "accepted")
        visit.end(turn, "enrolled")
    else:
        turn.stay(stage="choose", new_pin=None)
        return True
    return False


def _ask_pin(turn: Turn) -> None:
    turn.stay(stage="new_pin", new_pin=None)
    turn.say("enrol_pin")


def _holder(running: Visit) -> list[Subject]:
    return [Subject("holder", running.person)] if running.person else []
