"""roster.*: looking at and changing who may take what. A change is planned, journaled, and only then written."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Literal, TypeVar, cast

from pydantic import SecretStr

from cabinet.control.protocol import Code, ControlError, Params
from cabinet.control.session import Handler, Peer
from cabinet.core.effects import Answer, Enrol
from cabinet.core.events import RosterChanged, RosterFound
from cabinet.core.leaves import Field, Leaf
from cabinet.core.requests import RosterPlanned
from cabinet.journal.errors import JournalUnwritable
from cabinet.policy.rights import FINGERPRINT, Pseudonym, Rights
from cabinet.roster.changes import (
    Apply,
    CardEnrol,
    Change,
    ConsentPut,
    FingerEnrol,
    PinSet,
    Rollback,
    RosterRefused,
    parse_change,
)
from cabinet.roster.draft import LINES_MAX, Author, Plan
from cabinet.roster.store import Roster, RosterDiskError
from cabinet.runner import Runner
from cabinet.service.desk import Desk
from cabinet.service.explain import Explainer
from cabinet.service.lines import Lines
from cabinet.service.parameters import REASON_MAX, flag, integer, line, optional_integer
from cabinet.service.uploads import Uploads, whole
from cabinet.service.views import View, iso
from cabinet.service.whereabouts import Whereabouts
from hal.clock import Clock
from hal.worker import Worker

T = TypeVar("T")

log = logging.getLogger(__name__)

_PAGE_MAX = 200
_LEAVES_MAX = 16
_PEOPLE_MAX = 24
_PIECE = 4_000
"""Characters of a file in one line."""
_WRITTEN_S = 90.0
"""Ten thousand people take a while on a small board."""
_AGAIN_S = 1.0


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
        self.one_change = asyncio.Lock()
        self._plans: dict[int, Plan] = {}
        """Journaled or about to be, by request, until they are written."""
        self._uploads = Uploads()
        self._lines = Lines()
        self._clock = clock
        self._explainer = Explainer(roster, runner, worker)
        self._whereabouts = Whereabouts(roster, runner, worker)

    def methods(self) -> Mapping[str, Handler]:
        return {
            "roster.change": self.change,
            "roster.import": self.import_whole,
            "roster.import.begin": self.begin,
            "roster.import.part": self.part,
            "roster.import.commit": self.commit_import,
            "roster.apply": self.apply_whole,
            "roster.apply.commit": self.commit_apply,
            "roster.lines": self.lines,
            "roster.versions": self.versions,
            "roster.export": self.export,
            "roster.rollback": self.roll_back,
            "roster.people": self._page(self._roster.people),
            "roster.items": self._page(self._roster.items),
            "roster.customers": self._page(self._roster.customers),
            "roster.rights": self._page(self._roster.rights),
            "roster.explain": self._explainer.explain,
            "roster.outs": self._whereabouts.outs,
            "roster.credentials": self._page(self._roster.credentials),
        }

    def key_of(self, person: Pseudonym) -> bytes | None:
        """The person's key for sealing: of the roster, or of the change that is being journaled. Raises
        JournalUnwritable: a leaf that cannot be sealed is one that cannot be stored."""
        for plan in self._plans.values():
            if person in plan.new_keys:
                return plan.new_keys[person]
        try:
            return self._roster.key_of(person)
        except RosterDiskError as error:
            raise JournalUnwritable(str(error)) from error

    def name_of(self, person: Pseudonym) -> str | None:
        """None where it cannot be read, too: it is only shown."""
        try:
            return self._roster.name_of(person)
        except RosterDiskError:
            return None

    async def change(self, params: Params, peer: Peer) -> View:
        try:
            change = parse_change(params.get("change"))
        except RosterRefused as error:
            raise _refused(error) from None
        return await self.apply(change, peer, dry_run=flag(params, "dry_run"))

    async def import_whole(self, params: Params, peer: Peer) -> View:
        """All files in one request: for a caller without the socket, where no line is too short for them."""
        return await self.apply(whole(params), peer, dry_run=flag(params, "dry_run"))

    async def begin(self, params: Params, peer: Peer) -> View:
        return {"upload": self._uploads.begin()}

    async def part(self, params: Params, peer: Peer) -> View:
        self._uploads.add(params)
        return {}

    async def commit_import(self, params: Params, peer: Peer) -> View:
        change = self._uploads.finish(params)
        return await self.apply(change, peer, dry_run=flag(params, "dry_run"))

    async def apply_whole(self, params: Params, peer: Peer) -> View:
        """As import_whole, and the roster is equal to the files then."""
        return await self._apply_lines(Apply(whole(params).files), params, peer, at_once=True)

    async def commit_apply(self, params: Params, peer: Peer) -> View:
        change = Apply(self._uploads.finish(params).files)
        return await self._apply_lines(change, params, peer)

    async def lines(self, params: Params, peer: Peer) -> View:
        """Of the last apply or rollback, tried or done: every difference, page by page."""
        return self._lines.page(integer({"after": 0} | params, "after", 0, LINES_MAX))

    async def export(self, params: Params, peer: Peer) -> View:
        """The files: all of them `at_once`, or piece by piece as roster.lines tells them, each [name, text] in JSON."""
        files = await self._worker.run(self._roster.export)
        if flag(params, "at_once"):
            return {"files": files}
        pieces = [[name, text[at : at + _PIECE]] for name, text in files.items() for at in range(0, len(text), _PIECE)]
        self._lines = Lines([json.dumps(piece, ensure_ascii=False) for piece in pieces])
        return self._lines.page(0)

    async def versions(self, params: Params, peer: Peer) -> View:
        """Newest first; as many as a line carries."""
        found = await self._worker.run(self._roster.versions)
        shown = [{**one, "at": iso(cast("int", one["at_ms"]))} for one in found]
        return {"versions": [{key: one[key] for key in one if key != "at_ms"} for one in shown]}

    async def roll_back(self, params: Params, peer: Peer) -> View:
        version = integer(params, "version", 0, 2**53)
        reason = line(params, "reason", REASON_MAX) if params.get("reason") is not None else None
        return await self._apply_lines(Rollback(version, reason), params, peer, at_once=flag(params, "at_once"))

    async def commit(self, request: int) -> None:
        """Effect of the journaled plan: writes it and puts the new rights in force."""
        plan = self._plans.pop(request)
        try:
            await self._worker.run(self._roster.commit, plan)
        except (OSError, RosterRefused) as error:
            if isinstance(error, RosterRefused) or not await self._until_read(partial(self._roster.stands, plan)):
                log.error("roster: not written: %s; the roster before it stays in force", error)
                self._runner.inbox.post(RosterFound(self._roster.version, self._roster.digest))
                self._desk.answer(Answer(request, f"journaled, but roster.db could not be written: {error}"))
                return
        self._runner.rights = await self._until_read(self._snapshot)
        self._runner.inbox.post(RosterChanged())
        self._desk.answer(Answer(request))

    async def _until_read(self, question: Callable[[], T]) -> T:
        """As soon as roster.db answers: until then nobody knows what is in force. The watchdog ends a wait that takes
        too long, and a start finds out."""
        while True:
            try:
                return await self._worker.run(question)
            except RosterDiskError as error:
                log.warning("%s; it is asked again", error)
                await asyncio.sleep(_AGAIN_S)

    async def enrol(self, wanted: Enrol) -> str | None:
        """Effect of a person's own choice: a change like any other. Gives why not, None when it is in force."""
        try:
            async with self.one_change:
                return await self._enrol(wanted)
        except RosterRefused:
            return "card_taken" if wanted.card is not None else "pin_length"
        except (ControlError, OSError) as error:
            log.error("enrolment: not stored: %s", error)
            return "not_recorded"

    async def _enrol(self, wanted: Enrol) -> str | None:
        person = await self._worker.run(self._roster.id_of, wanted.person)
        if person is None:
            return "erased"
        change: Change
        if wanted.card is not None:
            strength: Literal["weak", "strong"] = "strong" if wanted.strong else "weak"
            change = CardEnrol(kind="card.enrol", person=person, card=wanted.card.reveal(), strength=strength)
        elif wanted.finger is not None:
            stored = wanted.finger
            change = FingerEnrol(
                kind="finger.enrol",
                person=person,
                module=stored.module,
                template=stored.template,
                replaces=list(stored.replaces),
            )
        elif wanted.pin is None:
            change = ConsentPut(kind="person.consent", person=person, purpose=FINGERPRINT, day=self._today())
        else:
            record = await self._worker.run(self._roster.pin_record, wanted.person)
            if record is not None and await self._worker.run(self._roster.pins.check, record, wanted.pin):
                return "pin_same"
            change = PinSet(kind="pin.set", person=person, pin=SecretStr(wanted.pin.reveal()))
        author = Author("at the cabinet", self._clock.now().wall_ms)
        plan = await self._worker.run(self._roster.plan, change, author)
        by: dict[str, Field] = {} if wanted.offer is None else {"offer": wanted.offer}
        leaves = tuple(replace(leaf, fields={**leaf.fields, **by}) for leaf in plan.leaves)
        if leaves:
            await self._journal(replace(plan, leaves=leaves), wanted.operator)
        return None

    def _today(self) -> str:
        """By the clock of the cabinet, where it hangs."""
        return datetime.fromtimestamp(self._runner.now().wall_ms / 1000, self._runner.rights.zone).date().isoformat()

    async def _apply_lines(self, change: Change, params: Params, peer: Peer, *, at_once: bool = False) -> View:
        """With the first lines of what differs, or, for a caller without the socket, with all `at_once`. `expected`
        is the version that the caller has seen it would be."""
        expected = optional_integer(params, "expected", 0, 2**53)
        plan, answer = await self._planned(change, peer, dry_run=flag(params, "dry_run"), expected=expected)
        self._lines = Lines(plan.lines)
        shown = {"lines": list(plan.lines), "next": None} if at_once else self._lines.page(0)
        return answer | shown | {"differences": len(plan.lines) + plan.left_out}

    async def apply(self, change: Change, peer: Peer, *, dry_run: bool) -> View:
        return (await self._planned(change, peer, dry_run=dry_run))[1]

    async def _planned(
        self, change: Change, peer: Peer, *, dry_run: bool, expected: int | None = None
    ) -> tuple[Plan, View]:
        async with self.one_change:
            author = Author(peer.user, self._clock.now().wall_ms)
            try:
                plan = await self._worker.run(self._roster.plan, change, author)
            except RosterRefused as error:
                raise _refused(error) from None
            if expected not in (None, plan.version):
                raise ControlError(Code.REFUSED, "the roster has changed meanwhile; look at the differences again")
            if not dry_run and plan.leaves:
                await self._journal(plan, peer.user)
            return plan, {"version": plan.version, "summary": list(plan.summary)}

    async def _journal(self, plan: Plan, operator: str | None) -> None:
        """Part by part, so that somebody at the reader comes between them. After a time-out of the last one the plan
        stays: its leaves may still be committed, and then it must be written."""
        parts = list(_parts(plan.leaves))

        def event_of(request: int, n: int) -> RosterPlanned:
            more = n + 1 < len(parts)
            self._plans[request] = plan
            return RosterPlanned(request, plan.version, parts[n], operator, goes_on=n > 0, more=more)

        for n in range(len(parts)):
            try:
                await self._desk.ask(partial(event_of, n=n), _WRITTEN_S)
            except ControlError as error:
                if error.code != Code.TIMEOUT or n + 1 < len(parts):
                    self._forget(plan)
                if len(parts) > 1:  # Some of it may be journaled: what is in force has to be said again.
                    self._runner.inbox.post(RosterFound(self._roster.version, self._roster.digest))
                raise
            if n + 1 < len(parts):
                self._forget(plan)

    def _forget(self, plan: Plan) -> None:
        self._plans = {request: kept for request, kept in self._plans.items() if kept is not plan}

    def _page(self, listing: Callable[[str | None, int], View]) -> Handler:
        async def page(params: Params, peer: Peer) -> View:
            after = params.get("after")
            limit = integer({"limit": _PAGE_MAX} | params, "limit", 1, _PAGE_MAX)
            return await self._worker.run(listing, after if isinstance(after, str) else None, limit)

        return page


def _parts(leaves: Sequence[Leaf]) -> Iterator[tuple[Leaf, ...]]:
    """As many as one step yields; those that name many people are large."""
    part: list[Leaf] = []
    people = 0
    for leaf in leaves:
        if part and (len(part) == _LEAVES_MAX or people + len(leaf.subs) > _PEOPLE_MAX):
            yield tuple(part)
            part, people = [], 0
        part.append(leaf)
        people += len(leaf.subs)
    yield tuple(part)


def _refused(error: RosterRefused) -> ControlError:
    first, more = error.problems[0], len(error.problems) - 1
    message = f"{first} (and {more} more)" if more else first
    return ControlError(Code.REFUSED, message, data={"problems": error.problems[:200]})
