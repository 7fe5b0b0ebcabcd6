"""journal.new_epoch: a technician has the journal go on in its next epoch, where it waits for that."""

from __future__ import annotations

import asyncio
from typing import Final

from cabinet.control.protocol import Code, ControlError, Params
from cabinet.control.session import Peer
from cabinet.epochs import NotDue, Order
from cabinet.runner import Runner
from cabinet.service.parameters import REASON_MAX, line
from cabinet.service.views import View


class NewEpoch:
    """`order`: what was ordered, for whoever opens the journal when this run has ended."""

    def __init__(self, runner: Runner, over: asyncio.Event) -> None:
        self.order: Order | None = None
        self._runner = runner
        self._over = over

    async def open(self, params: Params, peer: Peer) -> View:
        """Answers, and ends the run: nothing can be added to an epoch that upstream contradicts, so the order stands in
        the first leaf of the next one."""
        reason = line(params, "reason", REASON_MAX)
        if self._runner.state.ledger.contradicted is None:
            raise ControlError(Code.REFUSED, NotDue.HINT)
        self.order = Order(peer.user, reason)
        asyncio.get_running_loop().call_later(_ANSWER_S, self._over.set)
        return {}


_ANSWER_S: Final = 0.2
"""So long the answer may take to be on its way."""
