"""incident.*: complaints and incidents, recorded, listed and closed.

Their text may name people, so it is sealed: under the key of the person given with it, else of those whom the leaf is
about, else of the customer, else of the house. When that key is gone, so is the text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from cabinet.control.protocol import Code, ControlError, Params
from cabinet.control.session import Handler, Peer
from cabinet.core.leaves import Role, Subject
from cabinet.core.ledger import EPOCH_STEP, Incident, place_of
from cabinet.core.requests import IncidentClosed, IncidentReported
from cabinet.journal.errors import JournalDamaged
from cabinet.journal.store import Journal
from cabinet.roster.store import Roster
from cabinet.runner import Runner
from cabinet.service.desk import Desk
from cabinet.service.parameters import choice, flag, integer, line, optional_integer
from cabinet.service.views import View, iso
from cabinet.vault.box import SealError
from cabinet.vault.sealing import open_sealed
from hal.worker import Worker

KINDS: Final = ("complaint", "incident")
TEXT_MAX: Final = 500
_N_MAX: Final = 2**53
_PAGE: Final = 10
"""An answer is one line of at most 64 kB."""


class Incidents:
    """`journal_worker` and `roster_worker` are those of the books."""

    def __init__(
        self,
        runner: Runner,
        desk: Desk,
        journal: Journal,
        journal_worker: Worker,
        roster: Roster,
        roster_worker: Worker,
    ) -> None:
        self._runner = runner
        self._desk = desk
        self._journal = journal
        self._journal_worker = journal_worker
        self._roster = roster
        self._roster_worker = roster_worker

    def methods(self) -> Mapping[str, Handler]:
        return {"incident.record": self.record, "incident.list": self.page, "incident.close": self.close}

    async def record(self, params: Params, peer: Peer) -> View:
        """`item`, `customer` or `leaf` says what it is about, `person` whom it concerns."""
        kind, text = choice(params, "kind", KINDS), line(params, "text", TEXT_MAX)
        if sum(params.get(key) is not None for key in ("item", "customer", "leaf")) != 1:
            raise ControlError(Code.BAD_PARAMS, "one of item, customer and leaf is needed, and no more")
        item = line(params, "item", 32) if params.get("item") is not None else None
        about = optional_integer(params, "leaf", 0, _N_MAX)
        people: list[str] = []
        if about is not None:
            about = about if about >= EPOCH_STEP else self._runner.state.ledger.reference(about)
            item, people = await self._concerned(about)
        elif item is not None and item not in self._runner.rights.items:
            raise ControlError(Code.NOT_FOUND, f"there is no item {item}; see `cabinetctl item list`")
        role, whom = await self._subject(params, item, people)
        if flag(params, "dry_run"):
            return {"n": None}
        subject = Subject(role, whom, {"text": text})
        answer = await self._desk.ask(lambda request: IncidentReported(request, kind, item, about, subject, peer.user))
        return {"n": answer.n}

    async def close(self, params: Params, peer: Peer) -> View:
        n, text = integer(params, "n", 0, _N_MAX), line(params, "text", TEXT_MAX)
        incident = self._runner.state.ledger.incidents.get(n)
        if incident is None or incident.closed_n is not None:
            raise ControlError(Code.NOT_FOUND, f"incident {n} is not open; see `cabinetctl incident list`")
        if flag(params, "dry_run"):
            return {"n": None}
        subject = Subject(incident.role, incident.whom, {"text": text})
        if await self._roster_worker.run(self._roster.key_of, incident.whom) is None:
            subject = Subject("customer", self._roster.house, {"text": text})  # whom it concerned has been erased
        answer = await self._desk.ask(lambda request: IncidentClosed(request, n, subject, peer.user))
        return {"n": answer.n}

    async def page(self, params: Params, peer: Peer) -> View:
        """By their number; `item` and `customer` choose, `open` leaves out what is closed. `next`: the one to go on
        `after`. A text that cannot be read any more is null."""
        item, customer, after = (params.get(key) for key in ("item", "customer", "after"))
        start = integer(params, "after", 0, _N_MAX) if after is not None else -1
        found: list[View] = []
        for n, one in sorted(self._runner.state.ledger.incidents.items()):
            if n <= start:
                continue
            if len(found) == _PAGE:
                return {"incidents": found, "next": found[-1]["n"]}
            owner = await self._roster_worker.run(self._roster.customer_of, one.item) if one.item else None
            if one.role == "customer":
                owner = await self._roster_worker.run(self._roster.customer_named, one.whom) or owner
            if item not in (None, one.item) or customer not in (None, owner):
                continue
            if flag(params, "open") and one.closed_n is not None:
                continue
            found.append(await self._view(n, one, owner))
        return {"incidents": found, "next": None}

    async def _view(self, n: int, one: Incident, customer: str | None) -> View:
        person = await self._roster_worker.run(self._roster.called, one.whom) if one.role != "customer" else None
        return {
            "n": n,
            "kind": one.kind,
            "item": one.item,
            "leaf": one.about,
            "customer": customer,
            "person": person,
            "since": iso(one.since_ms),
            "text": await self._text(n),
            "closed": iso(one.closed_ms),
            "closed_n": one.closed_n,
            "closing": await self._text(one.closed_n) if one.closed_n is not None else None,
        }

    def _stored(self, epoch: int, n: int) -> bytes | None:
        """The bytes of a leaf, as far as they can be read."""
        try:
            if epoch == self._journal.epoch:
                stored = self._journal.leaves(n, 1)
            else:
                stored = self._journal.ask_epoch(epoch, lambda file: file.leaves(n, 1))
        except JournalDamaged:
            return None
        return next((data for found, data in stored if found == n), None)

    async def _leaf(self, n: int) -> dict[str, object] | None:
        data = await self._journal_worker.run(self._stored, *place_of(n))
        leaf: dict[str, object] | None = json.loads(data) if data is not None else None
        return leaf

    async def _text(self, n: int) -> str | None:
        leaf = await self._leaf(n)
        subs = leaf.get("subs") if leaf else None
        if leaf is None or not isinstance(subs, list) or not subs:
            return None
        key = await self._roster_worker.run(self._roster.key_of, subs[0]["p"])
        if key is None:
            return None
        try:
            private = open_sealed(
                subs[0], origin=self._journal.origin_of(place_of(n)[0]), salt=str(leaf["salt"]), key=key
            )
        except SealError:
            return None
        return str(private["text"]) if "text" in private else None

    async def _concerned(self, n: int) -> tuple[str | None, list[str]]:
        """Item and people of a leaf."""
        leaf = await self._leaf(n)
        if leaf is None:
            raise ControlError(Code.NOT_FOUND, f"there is no leaf {n} to be read; see `cabinetctl journal list`")
        subs, item = leaf.get("subs"), leaf.get("item")
        people = [str(sub["p"]) for sub in subs] if isinstance(subs, list) else []
        return (item if isinstance(item, str) else None), people

    async def _subject(self, params: Params, item: str | None, people: list[str]) -> tuple[Role, str]:
        run, roster = self._roster_worker.run, self._roster
        if params.get("person") is not None:
            name = line(params, "person", 32)
            person = await run(roster.pseudonym_of, name)
            if person is None:
                raise ControlError(Code.NOT_FOUND, f"there is no person {name}; see `cabinetctl person list`")
            return "concerned", person
        for one in people:
            if await run(roster.id_of, one) is not None:
                return "concerned", one
        customer = line(params, "customer", 32) if params.get("customer") is not None else None
        if customer is None and item is not None:
            customer = await run(roster.customer_of, item)
        whom = await run(roster.customer_pseudonym, customer) if customer is not None else None
        if whom is None and params.get("customer") is not None:
            raise ControlError(Code.NOT_FOUND, f"there is no customer {customer} in the roster")
        return "customer", whom or roster.house
