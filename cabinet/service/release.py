"""slot.release: a technician opens one slot, with a reason."""

from __future__ import annotations

from cabinet.control.protocol import Params
from cabinet.control.session import Peer
from cabinet.core.requests import ReleaseAsked
from cabinet.service.desk import Desk
from cabinet.service.parameters import REASON_MAX, flag, integer, line
from cabinet.service.views import View


class Release:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def slot(self, params: Params, peer: Peer) -> View:
        """Answers once the release is journaled; whether the item was taken stands in the journal."""
        slot = integer(params, "slot", 1, 255)
        reason = line(params, "reason", REASON_MAX)
        dry_run = flag(params, "dry_run")
        answer = await self._desk.ask(lambda request: ReleaseAsked(request, slot, reason, peer.user, dry_run))
        return {"slot": slot, "item": answer.item}
