"""Who stands there: a card, a finger, or a personal number with its PIN, and what a verifier says of them. Wrong tries
are counted before they are answered."""

from __future__ import annotations

from typing import Literal

from cabinet.core import code, door, enrol, fingers, junk, lockout, prompts, queue, second, unproven, visit
from cabinet.core.effects import CheckPin
from cabinet.core.events import (
    CardShown,
    DigitsEntered,
    DigitsTyped,
    Enrolled,
    FingerNotKnown,
    FingerShown,
    KeypadCancelled,
    PinChecked,
    Verified,
)
from cabinet.core.leaves import Field, Subject
from cabinet.core.state import Stage, State, Visit
from cabinet.core.turn import Turn
from cabinet.policy.decide import Verifier, person_denial
from cabinet.policy.rights import Factor, Person, Pseudonym, auth


def on_card(turn: Turn, event: CardShown) -> None:
    """A card begins a visit; the visitor's own card adds to the one that runs."""
    pseudonym = turn.rights.cards.get(event.card)
    person = turn.rights.people.get(pseudonym) if pseudonym else None
    if person is not None and unproven.is_unproven(turn, event):
        unproven.refuse(turn, event, person)
        return
    if turn.state.visit is not None and turn.state.visit.stage == "card":
        enrol.on_card(turn, turn.state.visit, event, pseudonym)
        return
    if person is None:
        junk.refuse(turn, "visit.refused", rule="unknown_card", reader=event.reader)
        turn.say("unknown_card", "refused")
        return
    _shown(turn, person, event.reader, unproven.factors_of(turn, event))


def on_finger(turn: Turn, event: FingerShown) -> None:
    """As a card does. Whoever enrols is not identified by what they put on too early."""
    running, person = turn.state.visit, fingers.owner(turn, event)
    if running is not None and running.stage in enrol.STAGES:
        return
    if person is not None:
        _shown(turn, person, event.reader, frozenset({"finger"}))
    elif fingers.is_foreign(turn, event):
        junk.refuse(turn, "visit.refused", rule="module_changed", reader=event.reader)
        turn.say("module_changed", "refused")
    else:
        _unknown_finger(turn, event.reader)


def on_finger_not_known(turn: Turn, event: FingerNotKnown) -> None:
    running = turn.state.visit
    if running is None or running.stage not in enrol.STAGES:
        _unknown_finger(turn, event.reader)


def _shown(turn: Turn, person: Person, reader: str, shown: frozenset[Factor]) -> None:
    """A card or a finger."""
    running = turn.state.visit
    if running is not None and second.is_wanted(running, person.pseudonym):
        second.on_shown(turn, running, person, shown, reader)
    elif running is None or running.person != person.pseudonym:
        if queue.has_to_wait(turn, person):
            queue.join(turn, person, reader, shown)
            return
        visit.end(turn, "replaced")
        queue.leave(turn, person)
        _by(turn, person, reader, shown)
    elif running.stage == "prompt":
        prompts.ask_again(turn, turn.stay())
    elif running.stage not in ("checking", "verifying", *enrol.STAGES):
        stage = "choose" if running.stage == "finger" else running.stage
        turn.stay(factors=running.factors | shown, verifier="asks", stage=stage)
        _identified(turn, person, reader)


def on_time(turn: Turn) -> None:
    """Who waits is served, in order."""
    waiting = queue.next_up(turn)
    person = turn.rights.people.get(waiting.person) if waiting else None
    if waiting is not None and person is not None:
        _by(turn, person, waiting.reader, waiting.factors, waited=True)


def next_due(state: State) -> float | None:
    return queue.next_due(state)


def on_typed(turn: Turn, event: DigitsTyped) -> None:
    if event.length:
        turn.say("digits", dots="•" * event.length)
    elif turn.state.visit is None:
        turn.say("idle")
    elif turn.state.visit.stage == "prompt":
        prompts.ask_again(turn, turn.state.visit)


def on_entered(turn: Turn, event: DigitsEntered) -> None:
    """Nobody here: a personal number. Otherwise what the visit waits for; digits during a PIN check are dropped."""
    running = turn.state.visit
    if running is None or running.stage == "second" or (running.stage == "finger" and running.second):
        _number(turn, event)
    elif running.stage == "pin":
        _pin(turn, running, event)
    elif running.stage in ("choose", "finger"):
        visit.choose(turn, running, event.secret.reveal())
    elif running.stage == "prompt":
        visit.answered(turn, running, event.secret.reveal())
    elif running.stage in enrol.STAGES:
        enrol.on_entered(turn, running, event)


def on_cancelled(turn: Turn, _: KeypadCancelled) -> None:
    running = turn.state.visit
    if running is None:
        return
    if running.stage == "prompt":
        visit.answered(turn, running, None)
    elif running.stage in enrol.STAGES:
        enrol.on_cancelled(turn, running)
    else:
        visit.end(turn, "person")
        turn.say("goodbye")


def on_pin_checked(turn: Turn, event: PinChecked) -> None:
    """A wrong PIN counts even when its visit has ended; a right one then changes nothing."""
    running = turn.state.visit
    here = running is not None and (running.number, running.seq, running.stage) == (
        event.visit,
        event.seq,
        "checking",
    )
    if event.correct is False:
        _count(turn, event)
    if running is None or not here:
        return
    if event.correct is None:
        turn.stay(stage="pin")
        turn.say("not_recorded", "refused")
    elif not event.correct:
        _wrong(turn, running, event)
    elif running.second is not None:
        second.on_proof(turn, running.second, "pin", event.keypad)
    elif event.person is None or (person := turn.rights.people.get(event.person)) is None:
        visit.end(turn, "erased")
    else:
        turn.stay(factors=running.factors | {"pin"}, stage="choose")
        typed = not running.factors.isdisjoint({"number", "code"})
        _identified(turn, person, event.keypad, event.keypad if typed else None)


def on_verified(turn: Turn, event: Verified) -> None:
    """As with PINs: a no counts even when its visit has ended. No answer counts for nothing, and another way may do."""
    running = turn.state.visit
    asked = (event.visit, event.seq, "verifying")
    if event.answer == "no":
        _count_unverified(turn, event)
    if running is None or (running.number, running.seq, running.stage) != asked:
        return
    said: Verifier = "refused" if event.answer == "no" else "silent"
    person = turn.rights.people.get(event.person)
    if running.second is not None and event.answer == "yes":
        second.on_proof(turn, running.second, "verified", event.device)
    elif running.second is not None:
        second.on_unverified(turn, running.second, said, event.device)
    elif person is None:
        visit.end(turn, "erased")
    elif event.answer == "yes":
        turn.stay(factors=running.factors | {"verified"}, stage="choose")
        _identified(turn, person, event.device)
    else:
        turn.stay(stage="choose", verifier=said)
        _go_on(turn, person)


def on_enrolled(turn: Turn, event: Enrolled) -> None:
    """With a new PIN the visit goes on where the old one was typed."""
    if not enrol.on_enrolled(turn, event):
        return
    person = visit.visitor(turn)
    if person is None:
        visit.end(turn, "erased")
    else:
        _go_on(turn, person)


def _number(turn: Turn, event: DigitsEntered) -> None:
    """Begins a visit, or the second person of one, that is nobody's until the PIN is right; an unknown number looks the
    same."""
    rows = (lockout.keypad_key(event.keypad), lockout.codes_key(event.keypad))
    wait_s = max(lockout.remaining_s(turn.ledger, row, turn.now.wall_ms) for row in rows)
    if wait_s:
        _locked_out(turn, event.keypad, None, wait_s)
        return
    if turn.state.visit is None and code.is_meant(turn, event):
        if (found := code.match(turn, event)) is not None:
            _by_code(turn, event.keypad, *found)
        return
    pseudonym = turn.rights.numbers.get(event.secret.reveal())
    if turn.state.visit is not None:
        second.on_number(turn, pseudonym)
        return
    person = turn.rights.people.get(pseudonym) if pseudonym else None
    _begin(turn, pseudonym, person, event.keypad, frozenset({"number"}), "pin")
    turn.say("enter_pin")


def _by_code(turn: Turn, keypad: str, person: Person, given: Literal["booking", "offer"], n: int) -> None:
    """It is them: what they have booked is offered at once, or they may enrol themselves and nothing else."""
    _begin(turn, person.pseudonym, person, keypad, frozenset({"code"}), "card" if given == "offer" else "choose")
    if given == "offer":
        turn.stay(offer=n)
    else:
        turn.stay(chosen=turn.ledger.bookings[n].item, booking=n)
    _identified(turn, person, keypad, keypad)


def _pin(turn: Turn, running: Visit, event: DigitsEntered) -> None:
    tested = running.tested
    if lockout.disabled(turn.ledger, tested):
        _locked_out(turn, event.keypad, tested, None)
        return
    wait_s = lockout.remaining_s(turn.ledger, tested, turn.now.wall_ms)
    if wait_s:
        _locked_out(turn, event.keypad, tested, wait_s)
        return
    checking = turn.stay(stage="checking", seq=running.seq + 1)
    turn.act(CheckPin(checking.number, checking.seq, event.keypad, tested, running.by_number, event.secret))
    turn.say("checking")


def _by(turn: Turn, person: Person, reader: str, shown: frozenset[Factor], *, waited: bool = False) -> None:
    _begin(turn, person.pseudonym, person, reader, shown, "choose", waited=waited)
    _identified(turn, person, reader)


def _begin(
    turn: Turn,
    pseudonym: Pseudonym | None,
    person: Person | None,
    device: str,
    factors: frozenset[Factor],
    stage: Stage,
    *,
    waited: bool = False,
) -> None:
    language = person.language if person and not factors.isdisjoint({"card", "finger"}) else turn.state.setup.language
    number = turn.state.visits + 1
    idle_mono_s = turn.now.mono_s + turn.state.setup.idle_s
    turn.update(visits=number, visit=Visit(number, pseudonym, factors, device, stage, idle_mono_s, language, waited))


def _identified(turn: Turn, person: Person, device: str, keypad: str | None = None) -> None:
    """Journals who it is and goes on: to what was chosen before the PIN, else to the offer."""
    running = turn.stay(language=person.language)
    subs = turn.holding(person.pseudonym)
    shown = auth(running.factors)
    wall_ms, trusted = turn.now.wall_ms, turn.now.wall_time_trusted
    if refusal := person_denial(turn.rights, person, wall_ms, wall_time_trusted=trusted):
        turn.journal("visit.refused", subs, visit=running.number, rule=refusal.rule, auth=shown)
        turn.say(refusal.rule, "refused")
        turn.update(visit=None)
        return
    turn.journal("visit.identified", subs, visit=running.number, auth=shown, reader=device, keypad=keypad)
    if "strong-card" in running.factors:
        unproven.forget(turn, device)
    if not running.factors.isdisjoint({"finger", "pin", "verified"}):
        turn.clear_alarm("visit.locked_out", device=device)
    if running.offer is not None:
        enrol.begin(turn)
    elif not enrol.must_choose(turn, running, person):
        _go_on(turn, person)


def _go_on(turn: Turn, person: Person) -> None:
    """To what was chosen before, else to the offer; the door opens for who brings something back."""
    closed = door.for_visitor(turn, person)
    running = turn.state.visit
    item = turn.rights.items.get(running.chosen or "") if running else None
    if running is not None and item is not None:
        visit.request(turn, person, item, running.act)
    else:
        visit.offer(turn, person)
    if closed is not None:
        turn.say("door_denied", "refused", reason=closed)


def _count(turn: Turn, event: PinChecked) -> None:
    """One leaf carries both counts: the person's, and the keypad's where a number was tried."""
    keypad_key = lockout.keypad_key(event.keypad)
    fields: dict[str, Field] = {"visit": event.visit, "rule": "wrong_pin", "keypad": event.keypad}
    subs = []
    if event.person is not None and event.person in turn.rights.people:
        mine = lockout.one_more(turn.ledger, event.person, turn.now.wall_ms)
        fields |= {"failed": mine.count, "locked_until": mine.until_ms}
        subs.append(Subject("holder", event.person))
    if event.by_number:
        shared = lockout.one_more(turn.ledger, keypad_key, turn.now.wall_ms)
        fields |= {"keypad_failed": shared.count, "keypad_until": shared.until_ms}
    turn.journal("visit.refused", subs, **fields)
    tries = (turn.ledger.failures.get(key) for key in (event.person or "", keypad_key))
    if max((failures.count for failures in tries if failures), default=0) >= lockout.SILENT_ALARM_AT:
        turn.raise_alarm("visit.locked_out", device=event.keypad)


def _unknown_finger(turn: Turn, reader: str) -> None:
    """It counts against whoever's finger was asked for, and then another way may do; else it is nobody's try, and keeps
    nobody out: readers do not know a dry finger either."""
    running = turn.state.visit
    if running is None or running.stage != "finger" or running.tested is None:
        junk.refuse(turn, "visit.refused", rule="unknown_finger", reader=reader)
        turn.say("unknown_finger", "refused")
        return
    key = lockout.finger_key(running.tested)
    tries = lockout.one_more(turn.ledger, key, turn.now.wall_ms)
    turn.journal(
        "visit.refused",
        [Subject("holder", running.tested)],
        visit=running.number,
        rule="unknown_finger",
        reader=reader,
        finger_failed=tries.count,
        finger_until=tries.until_ms,
    )
    if tries.count >= lockout.SILENT_ALARM_AT:
        turn.raise_alarm("visit.locked_out", device=reader)
    if not lockout.remaining_s(turn.ledger, key, turn.now.wall_ms):
        turn.stay()
        turn.say("unknown_finger_again", "refused")
        return
    turn.read_fingers()
    person = visit.visitor(turn)
    if running.second is not None:
        second.on_unverified(turn, running.second, running.second.verifier, reader)
    elif person is None:
        visit.end(turn, "erased")
    else:
        turn.stay(stage="choose")
        _go_on(turn, person)


def _count_unverified(turn: Turn, event: Verified) -> None:
    tries = lockout.one_more(turn.ledger, lockout.verifier_key(event.person), turn.now.wall_ms)
    turn.journal(
        "visit.refused",
        [Subject("holder", event.person)],
        visit=event.visit,
        rule="not_verified",
        reader=event.device,
        verifier_failed=tries.count,
        verifier_until=tries.until_ms,
    )
    if tries.count >= lockout.SILENT_ALARM_AT:
        turn.raise_alarm("visit.locked_out", device=event.device)


def _wrong(turn: Turn, running: Visit, event: PinChecked) -> None:
    """Another try, unless the curve says wait: then the keypad is free for others."""
    waits = [lockout.remaining_s(turn.ledger, event.person, turn.now.wall_ms)]
    if event.by_number:
        waits.append(lockout.remaining_s(turn.ledger, lockout.keypad_key(event.keypad), turn.now.wall_ms))
    if max(waits):
        _give_up(turn)
        turn.say("locked_out", "refused", wait_s=max(waits))
    else:
        turn.stay(stage="pin")
        turn.say("wrong_pin", "refused")


def _locked_out(turn: Turn, keypad: str, person: Pseudonym | None, wait_s: int | None) -> None:
    """Refused without a look at what was typed. `wait_s` None: blocked for good."""
    junk.refuse(turn, "visit.locked_out", person, keypad=keypad)
    _give_up(turn)
    if wait_s is None:
        turn.say("disabled", "refused")
    else:
        turn.say("locked_out", "refused", wait_s=wait_s)


def _give_up(turn: Turn) -> None:
    """The keypad is free for others; a visit ends only by its own visitor's tries."""
    running = turn.state.visit
    if running is not None and (running.stage == "second" or running.second is not None):
        second.again(turn)
    else:
        visit.end(turn, "locked_out")
