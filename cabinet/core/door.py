"""The cabinet's door: released, opened, closed, forced, left open.

Where it has a lock, it is released with every slot that opens, and for who identifies and has something to bring back,
or a right for the door. What opens it otherwise is force."""

from __future__ import annotations

from typing import Final

from cabinet.core.effects import Pulse, Sound
from cabinet.core.events import BoltPulsed, DoorRead
from cabinet.core.leaves import Subject
from cabinet.core.messages import text
from cabinet.core.state import State
from cabinet.core.turn import Turn
from cabinet.policy.decide import Denial, Grant
from cabinet.policy.door import decide_door
from cabinet.policy.rights import Person, Pseudonym

DOOR: Final = 0
"""Its place among the bolts: no slot has this number."""


def release(turn: Turn, person: Pseudonym | None, right: str | None = None) -> None:
    """For the slot that is opened, or who identified; a door that is seen open needs none."""
    lock, running = turn.state.setup.door_lock, turn.state.visit
    if lock is None or turn.state.door is False:
        return
    subs = turn.holding(person) if person else []
    n = turn.journal("door.released", subs, visit=running.number if running else None, right=right)
    turn.update(door_ends=turn.now.mono_s + turn.state.setup.take_s)
    turn.act(Pulse(DOOR, n, lock.hold_s))


def for_visitor(turn: Turn, person: Person) -> str | None:
    """Somebody identified. Without any right for the door in the roster who has something out gets it opened, else who
    has such a right. Why it stays closed for who would need it; None: it does not."""
    running, setup = turn.state.visit, turn.state.setup
    if setup.door_lock is None or running is None:
        return None
    brings = any(out.holder == person.pseudonym for out in turn.ledger.outs.values())
    if not turn.rights.door_rules or setup.monitors:
        if brings:
            release(turn, person.pseudonym)
        return None
    wall_ms, trusted = turn.now.wall_ms, turn.now.wall_time_trusted
    decision = decide_door(turn.rights, person, running.factors, wall_ms, running.verifier, wall_time_trusted=trusted)
    match decision:
        case Grant(right):
            release(turn, person.pseudonym, right.id)
        case Denial(rule, window, right_id, missing) if brings:
            subs = [Subject("holder", person.pseudonym)]
            turn.journal("door.denied", subs, visit=running.number, rule=rule, window=window, right=right_id)
            return text(rule, turn.language, window=window, missing=missing, item="", slot="")
    return None


def on_bolt_pulsed(turn: Turn, event: BoltPulsed) -> None:
    """From then on there is as long as for a slot to open it."""
    if event.outcome in ("not_done", "too_late"):
        turn.update(door_ends=None)
        turn.say("door_failed" if event.outcome == "not_done" else "too_slow", "refused")
    elif turn.state.door_ends is not None:
        turn.update(door_ends=turn.now.mono_s + turn.state.setup.take_s)


def on_door_read(turn: Turn, event: DoorRead) -> None:
    """A reading that agrees with the journal writes nothing; the time it stands open counts from the reading."""
    before = turn.state.door
    turn.update(door=event.closed)
    if event.closed is None:
        turn.update(door_open_since=None)
        return
    if turn.ledger.door.get("door") != ("closed" if event.closed else "open"):
        running = turn.state.visit
        turn.journal("door.closed" if event.closed else "door.opened", visit=running.number if running else None)
        if not event.closed and before:
            _judge(turn)
    if event.closed:
        turn.update(door_open_since=None)
        turn.clear_alarm("door.left_open")
        turn.clear_alarm("door.forced")
    elif turn.state.door_open_since is None:
        turn.update(door_open_since=turn.now.mono_s)


def on_time(turn: Turn) -> None:
    due = next_due(turn.state)
    if due is not None and due <= turn.now.mono_s:
        turn.journal("door.left_open", open_s=int(turn.state.setup.door_open_s))
        turn.raise_alarm("door.left_open")
        turn.act(Sound("alarm"))


def next_due(state: State) -> float | None:
    """When a door that stands open becomes an alarm; None while closed or already told."""
    if state.door_open_since is None or "door.left_open" in state.ledger.alarms:
        return None
    return state.door_open_since + state.setup.door_open_s


def _judge(turn: Turn) -> None:
    """It was seen closed in this boot and is open now: by a release, or by force."""
    ends = turn.state.door_ends
    if turn.state.setup.door_lock is None or (ends is not None and turn.now.mono_s <= ends):
        return
    turn.journal("door.forced")
    turn.raise_alarm("door.forced")
    turn.act(Sound("alarm"))
