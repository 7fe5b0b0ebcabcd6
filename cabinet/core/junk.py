"""Repeated refusals become one leaf per cause per minute, with a count: nobody fills the journal with a stolen card."""

from __future__ import annotations

from dataclasses import replace

from cabinet.core.leaves import Leaf, Subject
from cabinet.core.state import Junk, State
from cabinet.core.turn import Turn
from cabinet.policy.rights import Pseudonym

_WINDOW_S = 60.0
_CAUSES_MAX = 32


def refuse(turn: Turn, ev: str, person: Pseudonym | None = None, **fields: str) -> None:
    """Journals the first refusal of a cause at once; counts the same cause for a minute after it."""
    key = f"{ev} {person} {sorted(fields.items())}"
    junk = turn.state.junk.get(key)
    if junk is not None:
        turn.update(junk={**turn.state.junk, key: replace(junk, count=junk.count + 1)})
        return
    leaf = Leaf(ev, fields, (Subject("holder", person),) if person else ())
    turn.add(leaf)
    if len(turn.state.junk) < _CAUSES_MAX:
        turn.update(junk={**turn.state.junk, key: Junk(leaf, turn.now.mono_s + _WINDOW_S)})


def on_time(turn: Turn) -> None:
    for key, junk in tuple(turn.state.junk.items()):
        if junk.until_mono_s <= turn.now.mono_s and not turn.full:
            turn.update(junk={k: v for k, v in turn.state.junk.items() if k != key})
            if junk.count:
                turn.add(replace(junk.leaf, fields={**junk.leaf.fields, "count": junk.count}))


def next_due(state: State) -> float | None:
    return min((junk.until_mono_s for junk in state.junk.values()), default=None)
