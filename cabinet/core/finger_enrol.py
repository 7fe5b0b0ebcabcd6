"""A finger is enrolled at the cabinet: whoever it is agrees first, the reader takes it twice, the roster keeps whose it
is.

Whoever goes in between leaves nothing: what a module has stored and the roster does not know is deleted
(fingers.py)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from cabinet.core import fingers, visit
from cabinet.core.effects import Answer, Enrol, EnrolFinger, StoredFinger
from cabinet.core.events import Enrolled, FingerStep, FingerTaken
from cabinet.core.finger_state import is_bound
from cabinet.core.leaves import Subject
from cabinet.core.requests import FingerAsked
from cabinet.core.state import AskedBy, Storing, Taking, Visit
from cabinet.core.turn import Turn
from cabinet.policy.decide import person_denial

WITHIN_S: Final = 20.0
"""So long the reader waits for a finger."""
TRIES_MAX: Final = 3
_YES, _NO = "1", "2"


def on_asked(turn: Turn, event: FingerAsked) -> None:
    """A custodian stands there with the person, who is asked on the display."""
    refusal = _refusal(turn, event)
    if refusal is not None or event.dry_run:
        turn.act(Answer(event.request, refusal))
        return
    person, reader = turn.rights.people[event.person], event.reader or available(turn) or ""
    number = turn.state.visits + 1
    idle_mono_s = turn.now.mono_s + turn.state.setup.idle_s
    running = Visit(number, person.pseudonym, frozenset(), reader, "agree", idle_mono_s, person.language)
    turn.update(visits=number, visit=replace(running, asked_by=AskedBy(event.request, event.operator)))
    begin(turn, reader)


def available(turn: Turn) -> str | None:
    """A reader that can take one more finger."""
    return next((one for one in turn.state.setup.finger_readers if _hindrance(turn, one) is None), None)


def begin(turn: Turn, reader: str) -> None:
    """With their consent first, if it is not there."""
    running = turn.stay(stage="agree", taking=Taking(reader, 0), new_pin=None)
    person = turn.rights.people.get(running.person or "")
    if person is None:
        visit.end(turn, "erased")
    elif person.fingers_agreed:
        _take(turn, running)
    else:
        turn.say("finger_agree", named=person.pseudonym)


def on_answer(turn: Turn, running: Visit, digits: str) -> None:
    if digits == _YES:
        storing = turn.stay(stage="storing", seq=running.seq + 1)
        turn.act(_enrol(storing))
        turn.say("checking")
    elif digits == _NO:
        without(turn, running)
    else:
        turn.stay()
        turn.say("finger_agree", named=running.person)


def without(turn: Turn, running: Visit) -> None:
    """They would rather not. What they have given themselves by a code before stays."""
    given = running.offer is not None and running.offer not in turn.ledger.offers
    turn.say("enrolled" if given else "goodbye", "accepted" if given else None)
    visit.end(turn, "enrolled" if given else "person")


def on_step(turn: Turn, event: FingerStep) -> None:
    running = turn.state.visit
    if running is None or (running.number, running.seq, running.stage) != (event.visit, event.seq, "taking"):
        return
    turn.stay()
    turn.say(f"finger_{event.step}", "refused" if event.step == "unclear" else None)


def on_taken(turn: Turn, event: FingerTaken) -> None:
    """What nobody waits for any more is nobody's, and deleted."""
    storing, found = turn.state.storing.get(event.reader), turn.state.modules.get(event.reader)
    if event.refusal is None and found is not None:
        found = replace(found, templates=found.templates | {event.template})
        turn.update(modules={**turn.state.modules, event.reader: found})
    running, asked = turn.state.visit, (event.visit, event.seq, "taking")
    before = running.taking if running else None
    if running is None or (running.number, running.seq, running.stage) != asked or before is None:
        if storing is not None and (storing.visit, storing.seq) == (event.visit, event.seq):
            _release(turn, event.reader)
        return
    if event.refusal is None and found is not None:
        running = turn.stay(stage="storing", seq=running.seq + 1)
        _hold(turn, event.reader, Storing(running.number, running.seq, event.template))
        lost = _lost(turn, running, event.reader)
        turn.act(_enrol(running, StoredFinger(found.module, event.template, lost)))
        turn.say("checking")
        return
    _release(turn, event.reader)
    if event.refusal == "known":
        subs = [Subject("holder", running.person)] if running.person else []
        turn.journal("visit.refused", subs, visit=running.number, rule="finger_known", reader=event.reader)
    taking = replace(before, tries=before.tries + 1)
    if event.refusal == "differs" and taking.tries < TRIES_MAX:
        running = turn.stay(taking=taking)
        _take(turn, running, "finger_differs")
    else:
        turn.say(f"finger_{event.refusal or 'failed'}", "refused")
        visit.end(turn, f"finger_{event.refusal or 'failed'}")


def on_enrolled(turn: Turn, event: Enrolled) -> None:
    """The consent, or the finger, is in the roster, or is not."""
    for reader, storing in turn.state.storing.items():
        if event.what == "finger" and (storing.visit, storing.seq) == (event.visit, event.seq):
            _release(turn, reader)
    running = turn.state.visit
    if running is None or (running.number, running.seq, running.stage) != (event.visit, event.seq, "storing"):
        return
    if event.refusal is not None:
        turn.say("not_recorded", "refused")
        visit.end(turn, "refused")
    elif event.what == "consent":
        _take(turn, running)
    else:
        if running.asked_by is not None:
            turn.act(Answer(running.asked_by.request))
            turn.update(visit=replace(running, asked_by=None))
        turn.say("finger_enrolled", "accepted")
        visit.end(turn, "enrolled")


def _take(turn: Turn, running: Visit, said: str = "finger_put") -> None:
    assert running.taking is not None, "a reader was chosen"
    reader = running.taking.reader
    template = _free(turn, reader)
    if template is None or _hindrance(turn, reader) is not None:
        turn.say("finger_failed", "refused")
        visit.end(turn, "finger_failed")
        return
    taking = replace(running.taking, template=template)
    running = turn.stay(stage="taking", seq=running.seq + 1, taking=taking)
    _hold(turn, reader, Storing(running.number, running.seq, template))
    turn.act(EnrolFinger(running.number, running.seq, reader, template, WITHIN_S))
    turn.say(said)


def _enrol(running: Visit, finger: StoredFinger | None = None) -> Enrol:
    operator = running.asked_by.operator if running.asked_by else None
    return Enrol(running.number, running.seq, running.person or "", running.offer, finger=finger, operator=operator)


def _refusal(turn: Turn, event: FingerAsked) -> str | None:
    now, readers = turn.now, turn.state.setup.finger_readers
    person = turn.rights.people.get(event.person)
    if person is None:
        return "the roster has changed meanwhile; try again"
    if not readers:
        return "there is no finger reader in this cabinet"
    if event.reader is not None and event.reader not in readers:
        return f"{event.reader} is no finger reader; there are: {', '.join(readers)}"
    if denial := person_denial(turn.rights, person, now.wall_ms, wall_time_trusted=now.wall_time_trusted):
        return f"they may not even begin a visit ({denial.rule}); see `cabinetctl person show`"
    if not person.fingers_agreed and not now.wall_time_trusted:
        return "the cabinet's clock is not trusted, so their consent would bear no date; see `cabinetctl status`"
    if turn.state.visit is not None:
        return "somebody is at the cabinet; try again when it is free"
    hindrances = [_hindrance(turn, one) for one in readers if event.reader in (None, one)]
    return None if None in hindrances else hindrances[0]


def _hindrance(turn: Turn, reader: str) -> str | None:
    """Why it can take no finger now."""
    found = turn.state.modules.get(reader)
    if found is None or reader in turn.state.lost:
        return f"{reader} does not answer; look at `cabinetctl devices`"
    if not is_bound(turn.state, found):
        return f"another module is behind {reader}; see `cabinetctl module accept`"
    if reader in turn.state.storing:
        return f"{reader} takes a finger already; try again in a moment"
    if _free(turn, reader) is None:
        return f"{reader} is full: it holds {found.capacity} fingers"
    return None


def _free(turn: Turn, reader: str) -> int | None:
    found = turn.state.modules.get(reader)
    if found is None:
        return None
    used = found.templates | turn.rights.fingers.get(found.module, {}).keys()
    return next((number for number in range(found.capacity) if number not in used), None)


def _lost(turn: Turn, running: Visit, reader: str) -> tuple[int, ...]:
    """Numbers of theirs that the module has no more."""
    found = turn.state.modules[reader]
    known = turn.rights.fingers.get(found.module, {})
    return tuple(n for n, person in known.items() if person == running.person and n not in found.templates)


def _hold(turn: Turn, reader: str, storing: Storing) -> None:
    turn.update(storing={**turn.state.storing, reader: storing})


def _release(turn: Turn, reader: str) -> None:
    """The number is the roster's now, or nobody's."""
    turn.update(storing={r: one for r, one in turn.state.storing.items() if r != reader})
    fingers.tidy(turn, reader)
