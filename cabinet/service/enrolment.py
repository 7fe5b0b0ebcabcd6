"""credential.offer: somebody enrols themselves at the cabinet, with a code."""

from __future__ import annotations

from collections.abc import Mapping

from cabinet.control.protocol import Code, ControlError, Params
from cabinet.control.session import Handler, Peer
from cabinet.core.enrol import OFFER_MS
from cabinet.core.requests import EnrolmentOffered
from cabinet.roster.store import Roster
from cabinet.service.codes import Codes
from cabinet.service.desk import Desk
from cabinet.service.parameters import flag, line
from cabinet.service.views import View
from hal.worker import Worker

_HOUR_MS = 3_600_000


class Enrolment:
    def __init__(self, roster: Roster, desk: Desk, worker: Worker, codes: Codes) -> None:
        self._roster = roster
        self._desk = desk
        self._worker = worker
        self._codes = codes

    def methods(self) -> Mapping[str, Handler]:
        return {"credential.offer": self.offer}

    async def offer(self, params: Params, peer: Peer) -> View:
        """`code` is in no other answer."""
        person_id, dry_run = line(params, "person", 32), flag(params, "dry_run")
        person = await self._worker.run(self._roster.pseudonym_of, person_id)
        if person is None:
            raise ControlError(Code.NOT_FOUND, f"there is no person {person_id}; see `cabinetctl person list`")
        code, digest = self._codes.draw()
        await self._desk.ask(lambda request: EnrolmentOffered(request, person, digest, peer.user, dry_run))
        return {"person": person_id, "hours": OFFER_MS // _HOUR_MS} | ({} if dry_run else {"code": code})
