"""finger.enrol, module.accept: a finger is enrolled at the cabinet; another module behind a reader is the right one."""

from __future__ import annotations

from collections.abc import Mapping

from cabinet.control.protocol import Code, ControlError, Params
from cabinet.control.session import Handler, Peer
from cabinet.core.finger_state import is_bound
from cabinet.core.fingers import homeless
from cabinet.core.requests import FingerAsked, ModuleAccepted
from cabinet.core.state import State
from cabinet.policy.rights import Rights
from cabinet.roster.changes import ModuleForget
from cabinet.roster.store import Roster
from cabinet.runner import Runner
from cabinet.service.desk import Desk
from cabinet.service.parameters import flag, line
from cabinet.service.roster import RosterService
from cabinet.service.views import View
from hal.worker import Worker

ENROLLED_S = 180.0
"""Somebody reads, thinks, and puts a finger on more than once."""


class Fingers:
    def __init__(self, roster: Roster, changes: RosterService, runner: Runner, desk: Desk, worker: Worker) -> None:
        self._roster = roster
        self._changes = changes
        self._runner = runner
        self._desk = desk
        self._worker = worker

    def methods(self) -> Mapping[str, Handler]:
        return {"finger.enrol": self.enrol, "module.accept": self.accept}

    async def enrol(self, params: Params, peer: Peer) -> View:
        """Answers when the finger is in the roster, or is not."""
        person_id, dry_run = line(params, "person", 32), flag(params, "dry_run")
        reader = line(params, "reader", 32) if params.get("reader") is not None else None
        person = await self._worker.run(self._roster.pseudonym_of, person_id)
        if person is None:
            raise ControlError(Code.NOT_FOUND, f"there is no person {person_id}; see `cabinetctl person list`")
        await self._desk.ask(lambda request: FingerAsked(request, person, reader, peer.user, dry_run), ENROLLED_S)
        return {"person": person_id}

    async def accept(self, params: Params, peer: Peer) -> View:
        """Fingers of the module that was there before are revoked: it is not there any more."""
        reader, dry_run = line(params, "reader", 32), flag(params, "dry_run")
        await self._desk.ask(lambda request: ModuleAccepted(request, reader, peer.user, dry_run=True))
        state, rights = self._runner.state, self._runner.rights
        mark = state.ledger.modules.get(reader)
        gone = {mark.mark} if mark is not None else homeless(rights, state.ledger)
        gone -= {state.modules[reader].module}
        people = {person for module in gone for person in rights.fingers.get(module, {}).values()}
        if not dry_run:
            for module in sorted(gone):
                await self._changes.apply(ModuleForget(kind="module.forget", module=module), peer, dry_run=False)
            await self._desk.ask(lambda request: ModuleAccepted(request, reader, peer.user))
        return {"reader": reader, "people": len(people)}


def reader_view(state: State, rights: Rights, reader: str) -> View | None:
    """What its module holds, and what is to be done about it; None: it is no finger reader, or has said nothing."""
    found = state.modules.get(reader)
    if found is None:
        return None
    alarms = {one.code: one.count for one in state.ledger.alarms.values() if one.device == reader}
    view: View = {"stored": len(found.templates), "capacity": found.capacity, "known": is_bound(state, found)}
    return view | {
        "enrol_again": alarms.get("finger.template_lost") or 0,
        "not_deleted": alarms.get("finger.not_deleted") or 0,
    }


def reader_hint(view: View, reader: str) -> str:
    if not view["known"]:
        return f"another module is behind it: identifies nobody until `cabinetctl module accept {reader}`"
    told = [f"{view['stored']} of {view['capacity']} fingers"]
    if view["enrol_again"]:
        told.append(f"its fingers of {view['enrol_again']} people are gone: they enrol again")
    if view["not_deleted"]:
        told.append(f"{view['not_deleted']} of nobody are not deleted yet")
    return "; ".join(told)
