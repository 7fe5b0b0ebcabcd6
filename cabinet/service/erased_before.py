"""upstream.erased: who was erased here, in an earlier epoch whose end this cabinet has lost, with a backup perhaps.

The uplink hands in receipts. What counts is a leaf of this cabinet's own, under its own signature and that of a
delivery key: nobody can have somebody erased who was not."""

from __future__ import annotations

from collections.abc import Mapping

from cabinet.control.protocol import Code, ControlError, Params
from cabinet.control.session import Handler, Peer
from cabinet.core.events import InputRejected
from cabinet.core.requests import ErasureAsked
from cabinet.journal.leaf import glance
from cabinet.journal.outbox import Outbox
from cabinet.policy.rights import Pseudonym
from cabinet.roster.store import Roster
from cabinet.runner import Runner
from cabinet.service.views import View
from hal.worker import Worker

_RECEIPT_MAX = 16_384
_REASON = "erased before, in an epoch whose end was lost"
OPERATOR = "upstream"


class ErasedBefore:
    """`journal_worker` and `roster_worker` are those of the two databases."""

    def __init__(
        self, outbox: Outbox, journal_worker: Worker, roster: Roster, roster_worker: Worker, runner: Runner
    ) -> None:
        self._outbox = outbox
        self._journal_worker = journal_worker
        self._roster = roster
        self._roster_worker = roster_worker
        self._runner = runner

    def methods(self) -> Mapping[str, Handler]:
        return {"upstream.erased": self.erased}

    async def erased(self, params: Params, peer: Peer) -> View:
        """How many people are being erased by it: none, most of the time, since they are gone already."""
        receipt = params.get("receipt")
        if not isinstance(receipt, str) or len(receipt) > _RECEIPT_MAX:
            raise ControlError(Code.BAD_PARAMS, f"receipt: text of at most {_RECEIPT_MAX} characters is needed")
        leaf = await self._journal_worker.run(self._outbox.proven, receipt.encode(errors="replace"))
        people = None if leaf is None else _erased(leaf)
        if people is None:
            self._runner.inbox.post(InputRejected("erased-unproven"))
            return {"erased": 0}
        erased = 0
        for person in people:
            # Whom the roster cannot name is gone, or not a person.
            if await self._roster_worker.run(self._roster.name_of, person) is not None:
                # Nobody waits: the journal says when it is done, and a cut is made good by it.
                self._runner.inbox.post(ErasureAsked(0, person, OPERATOR, _REASON))
                erased += 1
        return {"erased": erased}


def _erased(leaf: bytes) -> list[Pseudonym] | None:
    said = glance(leaf)
    if said.get("ev") != "person.erased":
        return None
    return [sub["p"] for sub in said.get("subs", [])]
