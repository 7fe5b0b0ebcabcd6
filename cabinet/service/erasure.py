"""person.erase, customer.erase: somebody is forgotten for good. The journal says it, the roster does it, the journal
says that it is done."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from cabinet.backup.swap import ASIDE
from cabinet.control.protocol import Code, ControlError, Params
from cabinet.control.session import Handler, Peer
from cabinet.core.effects import Erase
from cabinet.core.events import Erased, RosterChanged
from cabinet.core.requests import ErasureAsked
from cabinet.policy.rights import Pseudonym, Rights
from cabinet.roster.store import Roster
from cabinet.runner import Runner
from cabinet.service.desk import Desk
from cabinet.service.parameters import REASON_MAX, flag, line
from cabinet.service.views import View, iso
from hal.worker import Worker

log = logging.getLogger(__name__)

_WRITTEN_S = 90.0
"""A large roster is written anew."""


class Erasure:
    """`one_change` is held by whoever changes the roster; `worker` is that of the roster."""

    def __init__(
        self,
        roster: Roster,
        runner: Runner,
        desk: Desk,
        worker: Worker,
        snapshot: Callable[[], Rights],
        one_change: asyncio.Lock,
        state_dir: Path,
    ) -> None:
        self._roster = roster
        self._runner = runner
        self._desk = desk
        self._worker = worker
        self._snapshot = snapshot
        self._one_change = one_change
        self._state_dir = state_dir

    def methods(self) -> Mapping[str, Handler]:
        return {"person.erase": self.person, "customer.erase": self.customer}

    async def person(self, params: Params, peer: Peer) -> View:
        """Also of somebody who has something: whoever erases is told what."""
        return await self._asked("person", self._roster.pseudonym_of, params, peer)

    async def customer(self, params: Params, peer: Peer) -> View:
        return await self._asked("customer", self._roster.customer_pseudonym, params, peer)

    async def erase(self, effect: Erase) -> None:
        """Effect of the journaled intent, as often as it takes."""
        refusal = None
        try:
            async with self._one_change:
                await self._worker.run(self._roster.erase, [effect.person])
                self._runner.rights = await self._worker.run(self._snapshot)
        except OSError as error:
            log.error("erasure: not finished: %s; it is tried again", error)
            refusal = f"journaled, and tried again until it is done; for now: {error}"
        else:
            self._runner.inbox.post(RosterChanged())
        roster = self._roster
        self._runner.inbox.post(Erased(effect.person, effect.request, roster.version, roster.digest, refusal))

    async def _asked(self, kind: str, find: Callable[[str], Pseudonym | None], params: Params, peer: Peer) -> View:
        id_, reason, dry_run = line(params, kind, 32), line(params, "reason", REASON_MAX), flag(params, "dry_run")
        person = await self._worker.run(find, id_)
        if person is None:
            raise ControlError(Code.NOT_FOUND, f"there is no {kind} {id_}; see `cabinetctl {kind} list`")
        name = await self._worker.run(self._roster.name_of, person)
        if _names(reason, id_, name or ""):
            message = f"reason: it names the {kind}, and stays in the journal for good; say it without id and name"
            raise ControlError(Code.BAD_PARAMS, message)
        left = self._left(person) | {"aside": await self._worker.run(self._aside)}
        if dry_run:
            return left
        answer = await self._desk.ask(lambda request: ErasureAsked(request, person, peer.user, reason), _WRITTEN_S)
        return left | {"n": answer.n}

    def _aside(self) -> list[str]:
        """Folders of a restore with an older roster, which no erasure reaches."""
        return sorted(path.parent.name for path in self._state_dir.glob(f"{ASIDE}*/roster.db"))

    def _left(self, person: Pseudonym) -> View:
        """What the journal goes on to say of them, under a label that nobody can read any more."""
        ledger = self._runner.state.ledger
        holding = [
            {"slot": slot, "item": out.item, "since": iso(out.since_ms), "due": iso(out.due_ms)}
            for slot, out in sorted(ledger.outs.items())
            if out.holder == person
        ]
        released = [{"slot": slot, "item": one.item} for slot, one in ledger.grants.items() if one.person == person]
        return {
            "pseudonym": person,
            "holding": holding,
            "released": released,
            "bookings": sum(one.holder == person for one in ledger.bookings.values()),
            "incidents": sum(one.whom == person and one.closed_n is None for one in ledger.incidents.values()),
        }


def _names(text: str, id_: str, name: str) -> bool:
    """Whether it says who they are: as a whole, or by a part of their name."""
    words = [re.escape(word) for word in (id_, name, *name.split()) if len(word) > 1]
    return any(re.search(rf"(?<!\w){word}(?!\w)" if word.isascii() else word, text, re.IGNORECASE) for word in words)
