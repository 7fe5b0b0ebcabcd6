"""roster.*: looking at and changing who may take what. A change is planned, journaled, and only then written."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from cabinet.control.protocol import Code, ControlError, Params
from cabinet.control.session import Handler, Peer
from cabinet.core.effects import Answer
from cabinet.core.events import RosterChanged, RosterFound, RosterPlanned
from cabinet.policy.rights import Pseudonym, Rights
from cabinet.roster.changes import Change, RosterRefused, parse_change
from cabinet.roster.draft import Plan
from cabinet.roster.store import Roster
from cabinet.runner import Runner
from cabinet.service.desk import Desk
from cabinet.service.explain import Explainer
from cabinet.service.parameters import flag, integer
from cabinet.service.uploads import Uploads, whole
from cabinet.service.views import View
from cabinet.service.whereabouts import Whereabouts
from hal.clock import Clock
from hal.worker import Worker

log = logging.getLogger(__name__)

_PAGE_MAX = 200
_LEAVES_MAX = 16


class RosterService:
    """One change at a time. Blocking work runs in `worker`, the same for every call on the database."""

    def __init__(
        self,
        roster: Roster,
        runner: Runner,
        desk: Desk,
        worker: Worker,
        snapshot: Callable[[], Rights],
        clock: Clock,
    ) -> None:
        self._roster = roster
        self._runner = runner
        self._desk = desk
        self._worker = worker
        self._snapshot = snapshot
        self._one_change = asyncio.Lock()
        self._plans: dict[int, Plan] = {}
        """Journaled or about to be, by request, until they are written."""
        self._uploads = Uploads()
        self._explainer = Explainer(roster, runner, worker, clock)
        self._whereabouts = Whereabouts(roster, runner, worker)

    def methods(self) -> Mapping[str, Handler]:
        return {
            "roster.change": self.change,
            "roster.import": self.import_whole,
            "roster.import.begin": self.begin,
            "roster.import.part": self.part,
            "roster.import.commit": self.commit_import,
            "roster.people": self._page(self._roster.people),
            "roster.items": self._page(self._roster.items),
            "roster.rights": self._page(self._roster.rights),
            "roster.explain": self._explainer.explain,
            "roster.outs": self._whereabouts.outs,
            "roster.credentials": self._page(self._roster.credentials),
        }

    def key_of(self, person: Pseudonym) -> bytes | None:
        """The person's key for sealing: of the roster, or of the change that is being journaled."""
        for plan in self._plans.values():
            if person in plan.new_keys:
                return plan.new_keys[person]
        return self._roster.key_of(person)

    def name_of(self, person: Pseudonym) -> str | None:
        return self._roster.name_of(person)

    async def change(self, params: Params, peer: Peer) -> View:
        try:
            change = parse_change(params.get("change"))
        except RosterRefused as error:
            raise _refused(error) from None
        return await self._apply(change, peer, dry_run=flag(params, "dry_run"))

    async def import_whole(self, params: Params, peer: Peer) -> View:
        """All files in one request: for a caller without the socket, where no line is too short for them."""
        return await self._apply(whole(params), peer, dry_run=flag(params, "dry_run"))

    async def begin(self, params: Params, peer: Peer) -> View:
        return {"upload": self._uploads.begin()}

    async def part(self, params: Params, peer: Peer) -> View:
        self._uploads.add(params)
        return {}

    async def commit_import(self, params: Params, peer: Peer) -> View:
        change = self._uploads.finish(params)
        return await self._apply(change, peer, dry_run=flag(params, "dry_run"))

    async def commit(self, request: int) -> None:
        """Effect of the journaled plan: writes it and puts the new rights in force."""
        plan = self._plans.pop(request)
        try:
            await self._worker.run(self._roster.commit, plan)
        except (OSError, RosterRefused) as error:
            log.error("roster: not written: %s; the roster before it stays in force", error)
            self._runner.inbox.post(RosterFound(self._roster.version, self._roster.digest))
            self._desk.answer(Answer(request, f"journaled, but roster.db could not be written: {error}"))
            return
        self._runner.rights = await self._worker.run(self._snapshot)
        self._runner.inbox.post(RosterChanged())
        self._desk.answer(Answer(request))

    async def _apply(self, change: Change, peer: Peer, *, dry_run: bool) -> View:
        async with self._one_change:
            try:
                plan = await self._worker.run(self._roster.plan, change)
            except RosterRefused as error:
                raise _refused(error) from None
            if not dry_run and plan.leaves:
                await self._journal(plan, peer)
            return {"version": plan.version, "summary": list(plan.summary)}

    async def _journal(self, plan: Plan, peer: Peer) -> None:
        """After a time-out the plan stays: its leaves may still be committed, and then it must be written."""
        if len(plan.leaves) > _LEAVES_MAX:
            raise ControlError(Code.REFUSED, f"more than {_LEAVES_MAX} entries at once; use a group, or import files")

        def event_of(request: int) -> RosterPlanned:
            self._plans[request] = plan
            return RosterPlanned(request, plan.version, plan.leaves, peer.user)

        try:
            await self._desk.ask(event_of)
        except ControlError as error:
            if error.code != Code.TIMEOUT:
                self._plans = {request: kept for request, kept in self._plans.items() if kept is not plan}
            raise

    def _page(self, listing: Callable[[str | None, int], View]) -> Handler:
        async def page(params: Params, peer: Peer) -> View:
            after = params.get("after")
            limit = integer({"limit": _PAGE_MAX} | params, "limit", 1, _PAGE_MAX)
            return await self._worker.run(listing, after if isinstance(after, str) else None, limit)

        return page


def _refused(error: RosterRefused) -> ControlError:
    first, more = error.problems[0], len(error.problems) - 1
    message = f"{first} (and {more} more)" if more else first
    return ControlError(Code.REFUSED, message, data={"problems": error.problems[:200]})
