"""A visit once somebody is identified: what they may take, what they choose, when it ends."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from cabinet.core import booking, lacking, places, prompts, release, returning
from cabinet.core.effects import Answer, StopFinger
from cabinet.core.leaves import Subject
from cabinet.core.ledger import held, out_of
from cabinet.core.state import State, Visit
from cabinet.core.turn import LINGER_S, Turn
from cabinet.policy.decide import Decision, Denial, Grant, NeedsApproval, NeedsFactor, decide, reach
from cabinet.policy.least_used import Uses, least_used
from cabinet.policy.monitor import lenient
from cabinet.policy.rights import ActKind, Item, Person, Pseudonym, Right

_REASONS_WORTH_SAYING = (
    *("outside_schedule", "clock_untrusted", "factor_missing", "qualification_missing", "curfew_passed"),
    *("strong_card_missing", "allowance_used", "overdue_first", "booked", "finger_silent", "finger_locked"),
    *("verifier_silent", "not_verified"),
)


_NOT_ENROLLED: Final = {
    "person": "they would rather not; nothing was stored",
    "idle": "nobody has answered at the cabinet; nothing was stored",
    "replaced": "somebody else began a visit; nothing was stored, try again",
    "erased": "the person is not in the roster any more; nothing was stored",
    "refused": "it could not be recorded; see `cabinetctl status`",
    "finger_known": "this finger is known already; nothing was stored",
    "finger_differs": "the finger was not the same each time; nothing was stored, try again",
    "finger_timeout": "no finger was put on in time; nothing was stored, try again",
    "finger_failed": "the reader could not store it; look at `cabinetctl devices`, and try again",
}
"""For the operator who asked, by why the visit ended."""


def offer(turn: Turn, person: Person) -> None:
    """One takeable item is released at once (or asks its PIN); of several the slot is asked. A return that waits for
    somebody like them comes first."""
    if returning.ask(turn, person):
        return
    options = options_of(turn, person)
    if turn.state.setup.monitors and not (len(options) == 1 and _by_right(options[0][1])):
        _offer_all(turn, options)
        return
    takeable = sorted(least_used(options, _uses(turn)), key=lambda item: places.place(turn.ledger, item) or 0)
    visit = turn.stay()
    if len(takeable) == 1 and not visit.waited:
        request(turn, person, takeable[0])
    elif takeable:
        turn.stay(stage="choose", chosen=None)
        turn.say("choose", slots=", ".join(f"{places.place(turn.ledger, item)}: {item.id}" for item in takeable))
    else:
        _nothing(turn, person, options)


def _offer_all(turn: Turn, options: list[tuple[Item, Decision]]) -> None:
    """Where the cabinet only monitors any slot may be typed; listed is what some right reaches."""
    turn.stay(stage="choose", chosen=None)
    listed = ", ".join(
        f"{places.place(turn.ledger, item)}: {item.id}" for item, one in options if not isinstance(one, Denial)
    )
    turn.say("choose", slots=listed)


def _by_right(decision: Decision) -> bool:
    return isinstance(decision, Grant) and decision.monitor is None


def request(turn: Turn, person: Person, item: Item, act: ActKind = "take") -> None:
    """Grants, asks for the missing factor or for others' approval, or denies with the reason."""
    match decision_on(turn, person, item, act=act):
        case NeedsFactor(_, missing) if not missing.isdisjoint({"card", "strong-card"}):
            running = turn.stay(stage="choose", chosen=item.id, second=None, act=act)
            turn.say("show_card" if "code" in running.factors else "show_card_too", item=item.id)
        case NeedsFactor(_, missing):
            said = turn.state.visit.verifier if turn.state.visit else "asks"
            lacking.ask(turn, person.pseudonym, missing, said, chosen=item.id, second=None, act=act)
        case NeedsApproval(_, count):
            turn.stay(stage="second", chosen=item.id, second=None, act=act)
            turn.say("approve", item=item.id, count=count)
        case Grant(right) if act == "return":
            returning.complete(turn, person, item, right)
        case Grant() as grant:
            visit = turn.stay()
            if not prompts.ask_before(turn, visit, item):
                _release(turn, visit, person, item, grant)
        case Denial() as denial:
            release.deny(turn, turn.stay(stage="choose", chosen=None, act="take"), item, denial)


def _release(turn: Turn, visit: Visit, person: Person, item: Item, grant: Grant) -> None:
    n = release.grant(turn, turn.stay(stage="choose", chosen=None, asking=None, answers=None), item, grant)
    prompts.journal_answers(turn, person.pseudonym, item, visit.answers, n)


def answered(turn: Turn, visit: Visit, digits: str | None) -> None:
    """Something was typed while a prompt is asked. `digits` None: `*`, which ends the visit where nothing is released
    without an answer."""
    if visit.asking is not None and visit.asking.returned is not None:
        prompts.return_answer(turn, visit, digits)
        if turn.state.visit is not None and turn.state.visit.stage != "prompt":
            after_return(turn)
        return
    person, item = visitor(turn), turn.rights.items.get(visit.chosen or "")
    if person is None or item is None:
        end(turn, "erased")
    elif digits is None and prompts.lacks_answer(turn, visit):
        end(turn, "person")
        turn.say("prompt_unanswered", "refused")
    elif prompts.take_answer(turn, visit, item, digits):
        request(turn, person, item)


def choose(turn: Turn, visit: Visit, digits: str) -> None:
    """A slot number was entered."""
    person = turn.rights.people.get(visit.person) if visit.person else None
    slot = int(digits) if len(digits) <= 3 else 0
    item = _chosen(turn, person, slot) if person is not None else None
    if person is None:
        end(turn, "erased")
    elif item is None:
        turn.stay()
        # Never what was typed: it may be the PIN of somebody whose visit was just replaced.
        known = slot in turn.state.setup.slots
        turn.say("no_item" if known else "no_slot", "refused", slot=slot)
    elif holds(turn, person.pseudonym, item):
        turn.stay(stage="second", chosen=item.id, second=None, act="take")
        turn.say("hand_over", item=item.id)
    else:
        request(turn, person, _equal(turn, person, item))


def options_of(turn: Turn, person: Person) -> list[tuple[Item, Decision]]:
    """Items some right of the person reaches and that hang here, with what stands between."""
    return [
        (item, decision_on(turn, person, item, over))
        for item, over in reach(turn.rights, person)
        if not _is_out(turn, item)
    ]


def after_removal(turn: Turn) -> None:
    """The visit ends when nothing more can be taken."""
    person = visitor(turn)
    if person is None or turn.state.grant_ends or prompts.ask_next(turn):
        return
    if turn.state.setup.monitors or any(not isinstance(decision, Denial) for _, decision in options_of(turn, person)):
        turn.stay()
    else:
        end(turn, "done")


def after_return(turn: Turn) -> None:
    """The visit ends when the visitor holds nothing more, so that the next person finds the cabinet free."""
    person = visitor(turn)
    if person is None or turn.state.grant_ends or prompts.ask_next(turn):
        return
    if any(out.holder == person.pseudonym for out in turn.ledger.outs.values()):
        turn.stay()
    else:
        end(turn, "done")


def end(turn: Turn, cause: str) -> None:
    """Ends the running visit, if any; open grants live on until taken or lapsed."""
    visit = turn.state.visit
    if visit is None:
        return
    if visit.person is not None and (missing := prompts.lacks_answer(turn, visit)):
        item = turn.rights.items[visit.chosen or ""]
        turn.journal(
            "item.denied",
            [Subject("holder", visit.person)],
            visit=visit.number,
            slot=item.slot,
            item=item.id,
            rule="prompt_unanswered",
            missing=missing,
        )
    if visit.person is not None and identified(visit):
        turn.journal("visit.ended", [Subject("holder", visit.person)], visit=visit.number, cause=cause)
    if visit.stage == "taking" and visit.taking is not None:
        turn.act(StopFinger(visit.taking.reader))
    if visit.asked_by is not None:
        turn.act(Answer(visit.asked_by.request, _NOT_ENROLLED.get(cause, _NOT_ENROLLED["person"])))
    turn.update(visit=None, free_mono_s=turn.now.mono_s)
    turn.linger(LINGER_S)


def identified(visit: Visit) -> bool:
    """A number alone names somebody; a card, a finger, a code or the PIN shows that it is them."""
    return not visit.factors.isdisjoint({"card", "finger", "pin", "code"})


def on_time(turn: Turn) -> None:
    visit, greet_mono_s = turn.state.visit, turn.state.greet_mono_s
    if visit is not None and visit.idle_mono_s <= turn.now.mono_s:
        end(turn, "idle")
        turn.say("idle")
    elif greet_mono_s is not None and greet_mono_s <= turn.now.mono_s:
        turn.say("idle")


def next_due(state: State) -> float | None:
    return state.visit.idle_mono_s if state.visit else state.greet_mono_s


def visitor(turn: Turn) -> Person | None:
    """Who stands there and has shown that it is them."""
    visit = turn.state.visit
    if visit is None or visit.person is None or not identified(visit):
        return None
    return turn.rights.people.get(visit.person)


def _nothing(turn: Turn, person: Person, options: list[tuple[Item, Decision]]) -> None:
    """Says why, where one reason explains it; the visit stays for a return or a look at another slot."""
    visit = turn.stay(stage="choose", chosen=None)
    told = [(i, d) for i, d in options if isinstance(d, Denial) and d.rule in _REASONS_WORTH_SAYING]
    reasons = {(denial.rule, denial.window, denial.missing) for _, denial in told}
    if len(told) == 1:
        release.deny(turn, visit, *told[0])
    elif len(reasons) == 1:
        [(rule, window, missing)] = reasons
        turn.say(rule, "refused", window=window, missing=missing)
    else:
        turn.say("nothing")


def decision_on(
    turn: Turn, person: Person, item: Item, over: Iterable[Right] | None = None, act: ActKind = "take"
) -> Decision:
    """For the visit that runs, as it stands. `over` and `act` as in `decide`."""
    visit = turn.state.visit
    assert visit is not None, "a decision needs a visit"
    if act == "take" and _is_out(turn, item):
        return Denial("item_out")
    if act == "take" and places.is_blocked(turn.ledger, item):
        return Denial("slot_taken")
    wall_ms, trusted = turn.now.wall_ms, turn.now.wall_time_trusted
    decision = decide(
        turn.rights,
        person,
        item,
        booking.factors_for(turn, visit, item),
        wall_ms,
        wall_time_trusted=trusted,
        over=over,
        act=act,
        held=held(turn.ledger, turn.now.wall_ms if turn.now.wall_time_trusted else None),
        bookings=booking.of_item(turn, item),
        verifier=lacking.verifier_for(turn.state, person.pseudonym, turn.now.wall_ms, visit.verifier),
        approvers=[turn.rights.people[one] for one in visit.approvers if one in turn.rights.people],
    )
    if turn.state.setup.monitors:
        booked = booking.of_item(turn, item) if act == "take" else ()
        return lenient(turn.rights, person, item, decision, wall_ms, booked, wall_time_trusted=trusted)
    return decision


def holds(turn: Turn, person: Pseudonym, item: Item) -> bool:
    """Whether the item is out, with this person."""
    out = out_of(turn.ledger, item.id)
    return out is not None and out.holder == person


def _is_out(turn: Turn, item: Item) -> bool:
    """Only what somebody took is out for sure; an absent reading alone never blocks a release."""
    out = out_of(turn.ledger, item.id)
    return out is not None and out.holder is not None


def _chosen(turn: Turn, person: Person, slot: int) -> Item | None:
    """What hangs in the slot, else what belongs there; that also if they have it, to hand it over, and may not take
    what hangs there in its place."""
    own = turn.rights.items.get(turn.rights.item_at.get(slot, ""))
    here = turn.rights.items.get(places.item_in(turn.ledger, turn.rights, slot) or "")
    if own is None or here is None:
        return own or here
    return own if holds(turn, person.pseudonym, own) and isinstance(decision_on(turn, person, here), Denial) else here


def _equal(turn: Turn, person: Person, item: Item) -> Item:
    """The one that the cabinet gives in place of this: itself, unless it is one of several that are equal."""
    offered = least_used(options_of(turn, person), _uses(turn), like=item)
    return offered[0] if offered else item


def _uses(turn: Turn) -> Uses:
    return {item: (use.count, use.since_ms) for item, use in turn.ledger.uses.items()}
