"""Which fingers can be told just now: only those of the module that belongs behind its reader."""

from __future__ import annotations

from cabinet.core import lockout
from cabinet.core.events import ModuleFound
from cabinet.core.state import State
from cabinet.policy.rights import Rights


def readable(rights: Rights, state: State, wall_ms: int) -> Rights:
    """The rights with what the readers can tell."""
    if not rights.fingers:
        return rights
    told = {
        found.module: found.templates
        for reader, found in state.modules.items()
        if reader not in state.lost and is_bound(state, found)
    }
    prefix = lockout.finger_key("")
    locked = frozenset(
        key.removeprefix(prefix)
        for key in state.ledger.failures
        if key.startswith(prefix)
        and (lockout.disabled(state.ledger, key) or lockout.remaining_s(state.ledger, key, wall_ms))
    )
    return rights.reading(told, locked)


def is_bound(state: State, found: ModuleFound) -> bool:
    """It is the module that belongs there."""
    mark = state.ledger.modules.get(found.reader)
    return mark is not None and mark.mark == found.module
