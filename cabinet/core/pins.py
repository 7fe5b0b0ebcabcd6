"""Whether somebody's PIN still counts."""

from __future__ import annotations

from cabinet.core.turn import Turn
from cabinet.policy import pin
from cabinet.policy.rights import Factor, Person


def due(turn: Turn, person: Person) -> pin.PinDue | None:
    """Why the person has to choose another one first."""
    now = turn.now
    return pin.due(person, now.wall_ms, turn.state.setup.pin_days, wall_time_trusted=now.wall_time_trusted)


def counting(turn: Turn, person: Person, factors: frozenset[Factor]) -> frozenset[Factor]:
    """Without a PIN that has to be changed first: nothing is released by it, whatever way leads there."""
    return factors - {"pin"} if due(turn, person) else factors
