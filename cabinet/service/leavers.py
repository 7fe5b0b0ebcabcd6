"""person.expired: whose access ended so long ago that they are due for erasure; and, where the configuration says so,
their erasure without being asked. Who still has something is not due."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from cabinet.control.protocol import ControlError, Params
from cabinet.control.session import Handler, Peer
from cabinet.core.ledger import held
from cabinet.core.requests import ErasureAsked
from cabinet.policy.retention import left_long_ago
from cabinet.policy.rights import Pseudonym
from cabinet.roster.store import Roster
from cabinet.runner import Runner
from cabinet.service.desk import Desk
from cabinet.service.views import View
from hal.worker import Worker

log = logging.getLogger(__name__)

_ERASED_S = 90.0
_AT_ONCE = 20
"""In one night: each writes the roster's file anew."""


class Leavers:
    """`days` None: nobody is due. `worker` is that of the roster."""

    def __init__(
        self, runner: Runner, desk: Desk, roster: Roster, worker: Worker, days: int | None, *, erases: bool
    ) -> None:
        self._runner = runner
        self._desk = desk
        self._roster = roster
        self._worker = worker
        self._days = days
        self._erases = erases

    def methods(self) -> Mapping[str, Handler]:
        return {"person.expired": self.expired}

    def due(self) -> list[Pseudonym]:
        """By a clock that somebody vouches for; otherwise nobody is."""
        now = self._runner.now()
        if self._days is None or not now.wall_time_trusted:
            return []
        having = {one.holder for one in held(self._runner.state.ledger, None)}
        return [one for one in left_long_ago(self._runner.rights, now.wall_ms, self._days) if one not in having]

    async def expired(self, params: Params, peer: Peer) -> View:
        found = [await self._worker.run(self._roster.id_of, one) for one in self.due()]
        return {"people": sorted(one for one in found if one is not None), "days": self._days}

    async def erase(self, by: str) -> None:
        """Some of them, if they are to be erased unasked."""
        if not self._erases:
            return
        reason = f"access ended more than {self._days} days ago"
        for person in self.due()[:_AT_ONCE]:
            try:
                await self._desk.ask(lambda request, one=person: ErasureAsked(request, one, by, reason), _ERASED_S)  # type: ignore[misc]
            except ControlError as error:
                log.warning("somebody is erased later: %s", error)
                return
