"""roster.outs: what is out, and with whom, for those who may know names; and what hangs elsewhere than at home."""

from __future__ import annotations

from cabinet.control.protocol import Params
from cabinet.control.session import Peer
from cabinet.roster.store import Roster
from cabinet.runner import Runner
from cabinet.service.views import View, iso
from hal.worker import Worker


class Whereabouts:
    def __init__(self, roster: Roster, runner: Runner, worker: Worker) -> None:
        self._roster = roster
        self._runner = runner
        self._worker = worker

    async def outs(self, params: Params, peer: Peer) -> View:
        """By slot. `holder` null: nobody took it with a grant; of who was erased it is the pseudonym."""
        ledger, items = self._runner.state.ledger, self._runner.rights.items
        outs = ledger.outs
        return {
            "outs": [
                {
                    "slot": slot,
                    "item": out.item,
                    "holder": await self._worker.run(self._roster.called, out.holder) if out.holder else None,
                    "since": iso(out.since_ms),
                    "due": iso(out.due_ms),
                    "overdue": out.overdue,
                }
                for slot, out in sorted(outs.items())
            ],
            "elsewhere": [
                {"item": hung.item, "slot": slot, "fob": hung.kind}
                for slot, hung in sorted(ledger.hangs.items())
                if hung.item is not None and hung.item in items and items[hung.item].slot != slot
            ],
        }
