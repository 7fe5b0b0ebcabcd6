"""What is in the modules behind the finger readers, against the roster: nobody's templates are deleted, somebody's that
are gone are told, and a module that does not belong there identifies nobody until somebody has said that it does."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from cabinet.core.effects import Answer, DeleteFingers
from cabinet.core.events import FingersDeleted, FingerShown, ModuleFound
from cabinet.core.finger_state import is_bound
from cabinet.core.ledger import Ledger, alarm_id
from cabinet.core.requests import ModuleAccepted
from cabinet.core.state import State
from cabinet.core.turn import Turn
from cabinet.policy.rights import Person, Pseudonym, Rights

CHANGED: Final = "finger.module_changed"
LOST: Final = "finger.template_lost"
KEPT: Final = "finger.not_deleted"
AGAIN_S: Final = 60.0
"""What a module would not delete is tried again after so long."""


def owner(turn: Turn, event: FingerShown) -> Person | None:
    """Whose finger it is; nobody's where the module is not the one that belongs there."""
    found = turn.state.modules.get(event.reader)
    if found is None or found.module != event.module or not is_bound(turn.state, found):
        return None
    pseudonym = turn.rights.fingers.get(event.module, {}).get(event.template)
    return turn.rights.people.get(pseudonym) if pseudonym else None


def is_foreign(turn: Turn, event: FingerShown) -> bool:
    """It matched in a module that does not belong there."""
    found = turn.state.modules.get(event.reader)
    return found is not None and found.module == event.module and not is_bound(turn.state, found)


def on_module(turn: Turn, event: ModuleFound) -> None:
    """The first module at a reader belongs there, unless the roster knows fingers of one that is at no reader."""
    turn.update(
        modules={**turn.state.modules, event.reader: event},
        delete_mono_s={r: due for r, due in turn.state.delete_mono_s.items() if r != event.reader},
    )
    if event.reader not in turn.ledger.modules and not (homeless(turn.rights, turn.ledger) - {event.module}):
        turn.journal("device.bound", device=event.reader, module=event.module)
    tidy(turn, event.reader)
    turn.read_fingers()


def on_accepted(turn: Turn, event: ModuleAccepted) -> None:
    found = turn.state.modules.get(event.reader)
    refusal = None
    if event.reader not in turn.state.setup.finger_readers:
        readers = ", ".join(turn.state.setup.finger_readers) or "none"
        refusal = f"{event.reader} is no finger reader; there are: {readers}"
    elif found is None or event.reader in turn.state.lost:
        refusal = f"{event.reader} does not answer; look at `cabinetctl devices`"
    elif is_bound(turn.state, found):
        refusal = f"{event.reader} has the module that belongs there"
    if refusal is not None or found is None or event.dry_run:
        turn.act(Answer(event.request, refusal))
        return
    n = turn.journal("device.bound", device=event.reader, module=found.module, operator=event.operator)
    tidy(turn, event.reader)
    turn.act(Answer(event.request, n=n))


def on_deleted(turn: Turn, event: FingersDeleted) -> None:
    left = turn.state.deleting.get(event.reader, frozenset()) - event.templates
    turn.update(deleting={**turn.state.deleting, event.reader: left})
    found = turn.state.modules.get(event.reader)
    if not event.done:
        due_s = turn.now.mono_s + AGAIN_S
        turn.update(delete_mono_s={**turn.state.delete_mono_s, event.reader: due_s})
    elif found is not None and found.module == event.module:
        found = replace(found, templates=found.templates - event.templates)
        turn.update(modules={**turn.state.modules, event.reader: found})
    tidy(turn, event.reader)


def on_erasure(turn: Turn, person: Pseudonym) -> None:
    """Of who is about to be forgotten: what no reader can delete just now is told, and deleted once one can."""
    mine = turn.rights.fingers_by_person.get(person, ())
    for reader, mark in turn.ledger.modules.items():
        count = sum(module == mark.mark for module, _ in mine)
        if count and (reader in turn.state.lost or reader not in turn.state.modules):
            turn.count_alarm(KEPT, reader, count)


def tidy_all(turn: Turn) -> None:
    """After a change of the roster."""
    for reader in turn.state.modules:
        tidy(turn, reader)


def tidy(turn: Turn, reader: str) -> None:
    found = turn.state.modules.get(reader)
    if found is None:
        return
    if not is_bound(turn.state, found):
        turn.raise_alarm(CHANGED, device=reader)
        return
    turn.clear_alarm(CHANGED, device=reader)
    people = turn.rights.people
    known = {number: one for number, one in turn.rights.fingers.get(found.module, {}).items() if one in people}
    storing = turn.state.storing.get(reader)
    kept = known.keys() | ({storing.template} if storing else set())
    nobodys = found.templates - kept
    turn.count_alarm(LOST, reader, len({one for number, one in known.items() if number not in found.templates}))
    waits = reader in turn.state.lost or reader in turn.state.delete_mono_s
    told = alarm_id(KEPT, None, reader) in turn.ledger.alarms  # and stays so while it is tried again
    turn.count_alarm(KEPT, reader, len(nobodys) if waits or told else 0)
    fresh = nobodys - turn.state.deleting.get(reader, frozenset())
    if fresh and not waits:
        deleting = turn.state.deleting.get(reader, frozenset()) | fresh
        turn.update(deleting={**turn.state.deleting, reader: deleting})
        turn.act(DeleteFingers(reader, found.module, fresh))


def on_time(turn: Turn) -> None:
    for reader, due_s in tuple(turn.state.delete_mono_s.items()):
        if due_s <= turn.now.mono_s:
            turn.update(delete_mono_s={r: s for r, s in turn.state.delete_mono_s.items() if r != reader})
            tidy(turn, reader)


def next_due(state: State) -> float | None:
    return min(state.delete_mono_s.values(), default=None)


def homeless(rights: Rights, ledger: Ledger) -> set[str]:
    """Modules of which the roster knows fingers, and that belong behind no reader."""
    return set(rights.fingers) - {mark.mark for mark in ledger.modules.values()}
