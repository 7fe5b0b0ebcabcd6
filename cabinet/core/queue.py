"""Who comes while somebody else is served: told to wait, and served next without badging again.

A visitor who does something keeps the cabinet; whoever has done nothing for a while makes way for who waits. Nobody
knows whether who waits is still there, so nothing is released to them before they have chosen it."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final

from cabinet.core import junk, visit
from cabinet.core.effects import Show, Sound
from cabinet.core.leaves import Subject
from cabinet.core.messages import text
from cabinet.core.state import State, Visit, Waiting
from cabinet.core.turn import Turn
from cabinet.policy.rights import Factor, Person

QUIET_S: Final = 8.0
"""So long a visitor may do nothing while others wait."""
WAIT_S: Final = 15.0
"""Who has waited longer has gone, or holds their card to the reader again."""
READ_S: Final = 1.5
"""What the last visitor was told can be read so long."""
WAITING_MAX: Final = 2


def has_to_wait(turn: Turn, person: Person) -> bool:
    """Not who is next while nobody is served, nor who is asked to complete a return."""
    if turn.state.return_ends:
        return False
    waiting = _waiting(turn)
    if turn.state.visit is None:
        return bool(waiting) and waiting[0].person != person.pseudonym
    return bool(waiting) or turn.now.mono_s < _makes_way_at(turn.state, turn.state.visit)


def join(turn: Turn, person: Person, reader: str, factors: frozenset[Factor]) -> None:
    """Told beside what the visitor reads. Who waits already waits on, in their place."""
    waiting = _waiting(turn)
    mine = Waiting(person.pseudonym, reader, turn.now.mono_s + WAIT_S, factors)
    if any(one.person == person.pseudonym for one in waiting):
        waiting = tuple(mine if one.person == person.pseudonym else one for one in waiting)
    elif len(waiting) < WAITING_MAX:
        turn.journal("visit.queued", [Subject("holder", person.pseudonym)], reader=reader, ahead=len(waiting))
        waiting = (*waiting, mine)
    else:
        junk.refuse(turn, "visit.refused", person.pseudonym, rule="queue_full", reader=reader)
        _beside(turn, "queue_full", person)
        return
    turn.update(queue=waiting)
    _beside(turn, "wait", person)


def leave(turn: Turn, person: Person) -> None:
    """They are served now."""
    if turn.state.queue:
        turn.update(queue=tuple(one for one in _waiting(turn) if one.person != person.pseudonym))


def next_up(turn: Turn) -> Waiting | None:
    """Whose turn it is by now; the visit before it has ended."""
    due = next_due(turn.state)
    if due is None or due > turn.now.mono_s:
        return None
    waiting = _waiting(turn)
    running = turn.state.visit
    quiet = running is None or turn.now.mono_s >= _makes_way_at(turn.state, running)
    turn.update(queue=waiting[1:] if quiet else waiting)
    if not waiting or not quiet:
        return None
    visit.end(turn, "replaced")
    return waiting[0]


def next_due(state: State) -> float | None:
    if not state.queue:
        return None
    if state.visit is None:
        return (state.free_mono_s or 0.0) + READ_S
    return min(_makes_way_at(state, state.visit), *(one.until_mono_s for one in state.queue))


def _makes_way_at(state: State, running: Visit) -> float:
    """Not while the visitor waits for an answer."""
    if running.stage in ("checking", "verifying"):
        return math.inf
    return running.idle_mono_s - state.setup.idle_s + QUIET_S


def _waiting(turn: Turn) -> tuple[Waiting, ...]:
    return tuple(one for one in turn.state.queue if one.until_mono_s > turn.now.mono_s)


def _beside(turn: Turn, key: str, person: Person) -> None:
    told, shown = text(key, person.language), turn.state.shown if turn.state.visit else None
    turn.act(replace(shown, text=f"{shown.text}\n{told}") if shown else Show(told))
    turn.act(Sound("refused"))
