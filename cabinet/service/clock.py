"""clock.show and clock.confirm: how far the cabinet believes its wall time, and somebody who vouches for it."""

from __future__ import annotations

from datetime import UTC, datetime

from cabinet.control.protocol import Params
from cabinet.control.session import Handler, Peer
from cabinet.core.clock import doubt
from cabinet.core.requests import ClockConfirmed
from cabinet.runner import Runner
from cabinet.service.desk import Desk
from cabinet.service.parameters import REASON_MAX, flag, line
from cabinet.service.views import View
from hal.clock import Clock


class ClockService:
    def __init__(self, runner: Runner, desk: Desk, clock: Clock) -> None:
        self._runner = runner
        self._desk = desk
        self._clock = clock

    def methods(self) -> dict[str, Handler]:
        return {"clock.show": self.show, "clock.confirm": self.confirm}

    async def show(self, params: Params, peer: Peer) -> View:
        """`local` is the cabinet's wall time in its zone; `why` is null or why nobody vouches for it."""
        state, zone, shown = self._runner.state, self._runner.rights.zone, self._clock.now()
        believed = self._runner.now()
        return {
            "local": datetime.fromtimestamp(shown.wall_ms // 1000, tz=UTC).astimezone(zone).isoformat(),
            "zone": str(zone),
            "source": shown.quality,
            "trusted": believed.wall_time_trusted,
            "why": None if believed.wall_time_trusted else doubt(state, shown),
        }

    async def confirm(self, params: Params, peer: Peer) -> View:
        """Answers once the confirmation is journaled; `n` is its leaf."""
        reason, dry_run = line(params, "reason", REASON_MAX), flag(params, "dry_run")
        answer = await self._desk.ask(lambda request: ClockConfirmed(request, reason, peer.user, dry_run))
        return {"n": answer.n}
