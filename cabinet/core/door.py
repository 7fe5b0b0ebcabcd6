"""The cabinet's door: opened, closed, left open."""

from __future__ import annotations

from cabinet.core.effects import Sound
from cabinet.core.events import DoorRead
from cabinet.core.state import State
from cabinet.core.turn import Turn


def on_door_read(turn: Turn, event: DoorRead) -> None:
    """A reading that agrees with the journal writes nothing; the time it stands open counts from the reading."""
    turn.update(door=event.closed)
    if event.closed is None:
        turn.update(door_open_since=None)
        return
    if turn.ledger.door.get("door") != ("closed" if event.closed else "open"):
        running = turn.state.visit
        turn.journal("door.closed" if event.closed else "door.opened", visit=running.number if running else None)
    if event.closed:
        turn.update(door_open_since=None)
        turn.clear_alarm("door.left_open")
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
