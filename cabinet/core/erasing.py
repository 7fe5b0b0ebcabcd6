"""Forgetting somebody for good: the journal says so, then the roster is written without them, then it is done.

Between the two leaves they are unknown to the cabinet already (see Turn), whatever still stands in the roster. A cut
in between is made good at the next start: the first leaf is there, and the second is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from cabinet.core import fingers, second, visit
from cabinet.core.effects import Answer, Erase
from cabinet.core.events import Erased
from cabinet.core.leaves import Subject
from cabinet.core.requests import ErasureAsked
from cabinet.core.state import State
from cabinet.core.turn import Turn
from cabinet.policy.rights import Pseudonym

AGAIN_S: Final = 60.0
"""What the disk has refused is tried again after so long."""


def on_asked(turn: Turn, event: ErasureAsked) -> None:
    """Whoever asks twice is told when it is done."""
    person = event.person
    if person not in turn.ledger.erasures:
        _leave(turn, person)
        fingers.on_erasure(turn, person)
        turn.journal("person.erased", [_label(person)], stage="intent", reason=event.reason, operator=event.operator)
    turn.act(Erase(person, event.request))


def on_erased(turn: Turn, event: Erased) -> None:
    n = None
    if event.refusal is not None:
        turn.update(erase_mono_s=turn.now.mono_s + AGAIN_S)
    elif (intent := turn.ledger.erasures.get(event.person)) is not None:
        n = turn.journal(
            "person.erased",
            [_label(event.person)],
            stage="done",
            intent=intent,
            method="key destroyed",
            roster=event.version,
            digest=event.digest,
        )
    if event.request is not None:
        turn.act(Answer(event.request, event.refusal, n=n))


def resume(turn: Turn) -> None:
    """What an earlier life, or a disk that refused, has left unfinished."""
    turn.update(erase_mono_s=None)
    for person in turn.ledger.erasures:
        turn.act(Erase(person))


def on_time(turn: Turn) -> None:
    if (due := turn.state.erase_mono_s) is not None and due <= turn.now.mono_s:
        resume(turn)


def next_due(state: State) -> float | None:
    return state.erase_mono_s


def _leave(turn: Turn, person: Pseudonym) -> None:
    """They are not served any more, nor does their word count in somebody else's visit. An open slot stays open until
    it is emptied or locks again."""
    turn.update(queue=tuple(one for one in turn.state.queue if one.person != person))
    running = turn.state.visit
    if running is None:
        return
    if running.person == person:
        visit.end(turn, "erased")
        turn.say("idle")
        return
    if person in running.approvers:
        approvers = tuple(one for one in running.approvers if one != person)
        turn.update(visit=replace(running, approvers=approvers))
    if running.second is not None and running.second.person == person:
        second.again(turn)


def _label(person: Pseudonym) -> Subject:
    return Subject("concerned", person, bare=True)
