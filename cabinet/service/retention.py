"""journal.prune, and the same once a day by itself: leaves that have outlived their period lose their content, and
checkpoints that nobody needs any more go.

In small portions, each behind whatever the journal is doing, with a pause after it: whoever badges meanwhile waits for
one of them at most."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, ParamSpec, TypeVar

from cabinet.control.protocol import Code, ControlError, Params
from cabinet.control.session import Handler, Peer
from cabinet.core.epoch_set import set_leaves
from cabinet.core.pruning import PARTS_AT_ONCE, foldable_from, referred_to
from cabinet.core.requests import Expired, LogWiped, PruningAsked, StateSetAsked
from cabinet.journal.epoch import EpochFile
from cabinet.journal.errors import JournalUnwritable
from cabinet.journal.store import Journal
from cabinet.journal.thinning import WINDOW, spare
from cabinet.policy.retention import Periods
from cabinet.runner import Runner
from cabinet.service.desk import Desk
from cabinet.service.expiry import START, Expiry, Place
from cabinet.service.leavers import Leavers
from cabinet.service.parameters import flag, line
from cabinet.service.views import View
from hal.clock import Clock
from hal.worker import Worker

log = logging.getLogger(__name__)

P = ParamSpec("P")
R = TypeVar("R")

FIRST_S: Final = 600.0
"""After a start, so that nobody waits for it then."""
DAILY_S: Final = 86_400.0
AGAIN_S: Final = 60.0
"""Until the log is emptied that somebody was reading."""
PAUSE_S: Final = 0.2
CALL_PORTIONS: Final = 20
"""Of one call; whoever asks calls again while there is more."""
SCHEDULE: Final = "schedule"
REASON_MAX: Final = 200
_SET_TRIES: Final = 5

Why = Literal["clock-not-trusted", "journal-not-good", "busy"]


@dataclass(slots=True)
class Walk:
    """How far one run has come, and what it has met."""

    place: Place | None = START
    pruned: int = 0
    referred: int = 0
    """Expired, and something open refers to them."""
    unsent: int = 0
    """Expired, and upstream does not hold them."""
    rules: Counter[str] = field(default_factory=Counter)
    why: Why | None = None
    """It ended early."""

    def view(self) -> View:
        return {
            "pruned": self.pruned,
            "referred": self.referred,
            "unsent": self.unsent,
            "rules": dict(sorted(self.rules.items())),
            "why": self.why,
            "more": self.place is not None and self.why is None,
        }


class Retention:
    """`worker` is the journal's own: one caller at a time."""

    def __init__(
        self,
        runner: Runner,
        desk: Desk,
        journal: Journal,
        worker: Worker,
        clock: Clock,
        periods: Periods,
        leavers: Leavers,
    ) -> None:
        self._runner = runner
        self._desk = desk
        self._journal = journal
        self._worker = worker
        self._clock = clock
        self._expiry = Expiry(journal, periods)
        self._leavers = leavers
        self._thinned = 0
        """Up to this size there is nothing more to thin."""
        self._asked: dict[str, Walk] = {}
        """What operators have begun."""
        self._running = asyncio.Lock()
        self.unsent = 0
        """So many leaves have outlived their period and stay, as upstream does not hold them; when it last looked."""

    def methods(self) -> Mapping[str, Handler]:
        return {"journal.prune": self.prune}

    async def keep(self) -> None:
        """Until cancelled."""
        await asyncio.sleep(FIRST_S)
        while True:
            began_s = self._clock.mono_s()
            try:
                await self._run()
                await self._leavers.erase(SCHEDULE)
            except (ControlError, JournalUnwritable) as error:
                log.warning("pruning goes on tomorrow: %s", error)
            except Exception:
                # What is wrong here must not end all that is to come.
                log.exception("pruning failed, and is tried again tomorrow")
            await _until_done(self._unwiped, AGAIN_S)
            await asyncio.sleep(max(PAUSE_S, began_s + DAILY_S - self._clock.mono_s()))

    async def prune(self, params: Params, peer: Peer) -> View:
        """A part of what is due; `more`: call again. With `dry_run` nothing is changed."""
        reason = line(params, "reason", REASON_MAX) if params.get("reason") is not None else None
        dry, again = flag(params, "dry_run"), flag(params, "again")
        walk = self._asked.get(peer.user) if again else None
        walk = self._asked[peer.user] = walk or Walk()
        if self._running.locked():
            raise ControlError(Code.BUSY, "it is pruning already; try again in a minute")
        async with self._running:
            for _ in range(CALL_PORTIONS):
                if not await self._step(walk, peer.user, reason, dry=dry):
                    break
                await asyncio.sleep(0 if dry else PAUSE_S / 4)
        if walk.place is None and not dry:
            self.unsent = walk.unsent
            await self._unwiped()
        return walk.view()

    async def _run(self) -> None:
        async with self._running:
            await _until_done(self._thin, PAUSE_S)
            walk = Walk()
            await _until_done(lambda: self._step(walk, SCHEDULE, None), PAUSE_S)
        if walk.place is None:
            self.unsent = walk.unsent

    async def _step(self, walk: Walk, by: str, reason: str | None, *, dry: bool = False) -> bool:
        """One portion; whether there is more."""
        now = self._runner.now()
        if not now.wall_time_trusted or not self._runner.state.journal_good:
            walk.why = "clock-not-trusted" if self._runner.state.journal_good else "journal-not-good"
            return False
        if walk.place is None:
            return False
        portion = await self._ask(self._expiry.portion, walk.place, now.wall_ms)
        ledger = self._runner.state.ledger
        referred = referred_to(ledger, now.wall_ms)
        going = tuple(one for one in portion.expired if ledger.reference(one.n) not in referred)
        if going and not dry and not await self._prune(going, by, reason):
            walk.why = "busy"
            return False
        walk.place = portion.next
        walk.unsent += portion.unsent
        walk.referred += len(portion.expired) - len(going)
        walk.pruned += len(going)
        walk.rules.update(one.rule for one in going)
        return walk.place is not None

    async def _prune(self, going: tuple[Expired, ...], by: str, reason: str | None) -> bool:
        if going[-1].n >= foldable_from(self._runner.state.ledger) and not await self._write_set():
            return False
        await self._desk.ask(lambda request: PruningAsked(request, going, by, reason))
        await self._ask(self._journal.wipe)
        return True

    async def _write_set(self) -> bool:
        """A complete one, all parts side by side; begun anew where a leaf came between them."""
        for _ in range(_SET_TRIES):
            part, parts = 1, len(set_leaves(self._runner.state.ledger))
            while part <= parts:
                number = part
                try:
                    await self._desk.ask(lambda request, number=number: StateSetAsked(request, number))  # type: ignore[misc]
                except ControlError as error:
                    if error.code is not Code.REFUSED:
                        raise
                    break
                part += PARTS_AT_ONCE
            else:
                return True
        return False

    async def _unwiped(self) -> bool:
        """Whether something may be left of what was pruned, as somebody reads the log. If not, that is journaled."""
        if not self._runner.state.ledger.unwiped:
            return False
        try:
            if not await self._ask(self._journal.wipe):
                return True
            await self._desk.ask(LogWiped)
        except ControlError:
            return True
        return False

    async def _thin(self) -> bool:
        """One portion; whether there is more."""
        gone, upto = await self._ask(self._spare)
        if gone:
            await self._ask(self._journal.thin, gone)
        more = upto > self._thinned
        self._thinned = upto
        return more

    def _spare(self) -> tuple[list[int], int]:
        """Checkpoints that may go, and up to which one that stays it has been looked. Blocks."""

        def ask(file: EpochFile) -> tuple[list[int], int]:
            last = min(file.acknowledged(), self._thinned + WINDOW)
            notes = file.kept_notes(self._thinned, last)
            if len(notes) < 2:
                return [], self._thinned
            leaves = {one.n: (one, length) for one, length in file.columns(notes[0].size, notes[-1].size)}
            gone = spare(notes, leaves)
            stay = [one.size for one in notes[:-1] if one.size not in set(gone)]
            return gone, stay[-1] if last < file.acknowledged() else notes[-1].size

        return self._journal.ask(ask)

    async def _ask(self, question: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Of the journal, behind whatever commit is running."""
        try:
            return await self._worker.run(question, *args, **kwargs)
        except JournalUnwritable as error:
            raise ControlError(Code.JOURNAL, error.hint) from None


async def _until_done(more: Callable[[], Awaitable[bool]], pause_s: float) -> None:
    while True:
        if not await more():
            return
        await asyncio.sleep(pause_s)
