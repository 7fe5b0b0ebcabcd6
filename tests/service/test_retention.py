"""Pruning as the cabinet does it by itself and as it is asked for, on a real journal."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import pytest

from cabinet.control.session import Peer
from cabinet.core.effects import Answer, Effect
from cabinet.core.events import DoorRead, Started
from cabinet.core.leaves import Leaf, Subject
from cabinet.core.ledger import Out
from cabinet.core.ledger_rows import from_rows
from cabinet.core.pruning import foldable_from
from cabinet.core.requests import IncidentReported
from cabinet.core.state import Setup, SlotSetup, State
from cabinet.journal.errors import JournalUnwritable
from cabinet.journal.leaf import Entry
from cabinet.journal.outbox import Outbox
from cabinet.journal.reader import JournalReader
from cabinet.journal.verify import verify
from cabinet.policy.retention import DAY_MS, Periods
from cabinet.runner import Runner
from cabinet.service.desk import Desk
from cabinet.service.leavers import Leavers
from cabinet.service.retention import Retention
from hal.clock import Now
from hal.worker import InlineWorker
from tests.core.cabinet import ADA, LIN, people, right, rights
from tests.journal.making import HOLDER, SIGNER, entry, opened
from tests.journal.test_outbox import COLLECTOR, cosigned
from tests.runner.test_runner import ManualClock

TECHNICIAN = Peer(1000, 1, "eve")
PERIODS = Periods(30, {"door.*": 10})
SALT = "AAAAAAAAAAAAAAAAAAAAAA=="


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    for pause in ("FIRST_S", "PAUSE_S"):
        monkeypatch.setattr(f"cabinet.service.retention.{pause}", 0.0)


class Bench:
    """A cabinet of two slots, whose time is set by hand."""

    def __init__(self, folder: Path, periods: Periods = PERIODS) -> None:
        self.folder = folder
        self.journal, self.clock = opened(folder), ManualClock()
        self.answers: list[Answer] = []
        state = State(Setup({1: SlotSetup("relays", 0.5)}), from_rows(self.journal.state()), self.journal.size)
        self.runner = Runner(
            state,
            rights(right(ADA, "K-0001")),
            store=self.journal,
            worker=InlineWorker(),
            seal=_seal,
            clock=self.clock,
            dispatch=self._dispatch,
        )
        self.desk = Desk(self.runner.inbox)
        roster: Any = None
        self.leavers = Leavers(self.runner, self.desk, roster, InlineWorker(), 10, erases=True)
        self.retention = Retention(
            self.runner, self.desk, self.journal, InlineWorker(), self.clock, periods, self.leavers
        )

    def _dispatch(self, effect: Effect) -> None:
        if isinstance(effect, Answer):
            self.desk.answer(effect)

    def later(self, days: float) -> None:
        instant = self.clock.instant
        self.clock.instant = replace(instant, wall_ms=instant.wall_ms + int(days * DAY_MS))

    def vouch(self, quality: Literal["ntp", "none"]) -> None:
        self.clock.instant = replace(self.clock.instant, quality=quality)

    def put(self, leaves: int, per_transaction: int) -> None:
        """Old ones, as doors make them, past the loop."""
        for first in range(0, leaves, per_transaction):
            self.journal.append([entry(first + n, ev="door.opened") for n in range(per_transaction)])
        self.runner.state = replace(self.runner.state, size=self.journal.size)

    async def do(self, *events: Any) -> None:
        for event in events:
            self.runner.inbox.post(event)
        await self.runner.settle()

    async def prune(self, **params: object) -> dict[str, Any]:
        loop = asyncio.create_task(self.runner.run())
        try:
            return await self.retention.prune(params, TECHNICIAN)
        finally:
            loop.cancel()

    def ack(self) -> None:
        assert (
            Outbox(self.journal, [COLLECTOR.verifier]).acknowledge(cosigned(self.journal.checkpoint(), COLLECTOR)).cause
            is None
        )

    def kinds(self) -> list[str | None]:
        """None: pruned."""
        return [None if data is None else json.loads(data)["ev"] for _, data in self.journal.leaves(0, 1000)]

    def leaf(self, n: int) -> Any:
        ((_, data),) = self.journal.leaves(n, 1)
        return json.loads(data or b"null")


def _seal(leaf: Leaf, now: Now) -> Entry:
    fields: Any = leaf.fields
    subs = tuple({"r": sub.role, "p": HOLDER} for sub in leaf.subs)
    return Entry(leaf.ev, now.wall_ms, now.quality, int(now.mono_s * 1000), "1f0c9a2e", SALT, fields, subs)


def run(folder: Path, story: Callable[[Bench], Coroutine[Any, Any, None]], periods: Periods = PERIODS) -> None:
    bench = Bench(folder, periods)
    try:
        asyncio.run(story(bench))
    finally:
        bench.journal.close()
    with JournalReader(folder) as reader:
        assert verify(reader, SIGNER.vkey).result == "verified"


async def _doors(bench: Bench, times: int) -> None:
    for number in range(times):
        await bench.do(DoorRead(number % 2 == 0))


def test_what_is_old_and_held_upstream_goes(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.do(Started(0))
        await _doors(bench, 5)
        old = bench.journal.size
        bench.later(10.5)
        await bench.do(DoorRead(False))
        bench.ack()
        assert await bench.prune(dry_run=True) == {
            "pruned": 5,
            "referred": 0,
            "unsent": 0,
            "rules": {"door.* 10": 5},
            "why": None,
            "more": False,
        }
        assert None not in bench.kinds()
        found = await bench.prune(reason="an audit")
        assert (found["pruned"], found["rules"], found["more"]) == (5, {"door.* 10": 5}, False)
        kinds = bench.kinds()
        assert kinds[0] == "cabinet.started"
        assert [n for n, kind in enumerate(kinds) if kind is None] == list(range(1, old))
        assert kinds[old:] == ["clock.adjusted", "door.opened", "epoch.state", "payload.destroyed", "payload.destroyed"]
        told = bench.leaf(old + 3)
        assert (told["stage"], told["ranges"], told["by"]) == ("pruned", [[1, old]], "eve")
        assert (told["reason"], told["kinds"]) == ("an audit", {"door.opened": 2, "door.closed": 3})
        assert bench.leaf(old + 4)["stage"] == "wiped"
        assert foldable_from(bench.runner.state.ledger) == old + 2
        assert (await bench.prune())["pruned"] == 0
        assert bench.journal.size == old + 5

    run(tmp_path, story)


def test_what_upstream_does_not_hold_stays_and_is_counted(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.do(Started(0))
        await _doors(bench, 3)
        bench.later(11)
        assert (await bench.prune())["unsent"] == 3
        assert bench.retention.unsent == 3
        assert None not in bench.kinds()

    run(tmp_path, story)


def test_a_clock_that_nobody_vouches_for_lets_nothing_go(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.do(Started(0))
        await _doors(bench, 3)
        bench.ack()
        bench.later(400)
        bench.vouch("none")
        assert (await bench.prune())["why"] == "clock-not-trusted"
        assert None not in bench.kinds()

    run(tmp_path, story)


def test_a_leaf_with_a_time_that_nobody_vouched_for_is_as_young_as_the_next_one_with_a_better(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.vouch("none")
        bench.later(-3000)
        await bench.do(Started(0))
        await _doors(bench, 3)
        bench.later(3000)
        bench.vouch("ntp")
        bench.ack()
        assert (await bench.prune())["pruned"] == 0
        await bench.do(DoorRead(False))
        bench.ack()
        assert (await bench.prune())["pruned"] == 0
        bench.later(10.5)
        assert (await bench.prune())["pruned"] == 4

    run(tmp_path, story)


def test_what_is_about_somebody_goes_after_their_period_unless_it_is_open(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        await bench.do(Started(0))
        subject = Subject("concerned", ADA, {"text": "it jams"})
        await bench.do(IncidentReported(1, "incident", "K-0001", None, subject, "eve"))
        bench.journal.append([entry(1, ev="item.removed")])
        bench.runner.state = replace(bench.runner.state, size=bench.journal.size)
        bench.ack()
        bench.later(31)
        found = await bench.prune()
        assert found["referred"] == 1
        assert "incident.recorded" in bench.kinds()
        assert "item.removed" not in bench.kinds()

    run(tmp_path, story, Periods(30, {}))


def test_a_hundred_at_a_time_and_all_of_them_in_the_end(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.put(2040, 60)
        await bench.do(Started(bench.journal.size))
        bench.ack()
        bench.later(4000)
        found = await bench.prune()
        assert (found["pruned"], found["more"]) == (2000, True)
        found = await bench.prune(again=True)
        assert (found["pruned"], found["more"]) == (2040, False)
        assert set(bench.kinds()[:2040]) == {None}
        told = [leaf for n in range(2040, bench.journal.size) if (leaf := bench.leaf(n))["ev"] == "payload.destroyed"]
        assert [leaf["count"] for leaf in told] == [100] * 20 + [40] + [2040]

    run(tmp_path, story)


def test_by_itself_checkpoints_are_thinned_and_pruning_is_begun(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.put(700, 5)
        await bench.do(Started(700))
        bench.ack()
        bench.later(11)
        loop, keeping = asyncio.create_task(bench.runner.run()), asyncio.create_task(bench.retention.keep())
        while not bench.runner.state.ledger.unwiped:
            await bench.runner.next_turn().wait()
        while bench.runner.state.ledger.unwiped:
            await bench.runner.next_turn().wait()
        for task in (loop, keeping):
            task.cancel()
        assert bench.kinds()[:700] == [None] * 700
        kept = bench.journal.ask(lambda file: file.kept_notes(0, 700))
        assert all(50 <= after.size - before.size <= 100 for before, after in pairwise(kept[:-1]))
        assert bench.leaf(bench.journal.size - 1)["count"] == 700

    run(tmp_path, story)


def test_a_disk_that_takes_nothing_ends_the_run_and_the_next_one_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(bench: Bench) -> None:
        await bench.do(Started(0))
        await _doors(bench, 3)
        bench.ack()
        bench.later(11)
        append = bench.journal.append

        def full(*_: object) -> None:
            raise JournalUnwritable("the disk is full")

        monkeypatch.setattr(bench.journal, "append", full)
        with pytest.raises(Exception, match="cannot be written"):
            await bench.prune()
        assert None not in bench.kinds()
        monkeypatch.setattr(bench.journal, "append", append)
        await asyncio.sleep(0)
        bench.clock.forward(5)
        await bench.runner.once()
        assert (await bench.prune())["pruned"] == 3

    run(tmp_path, story)


def test_who_left_long_ago_is_due_unless_they_have_something(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        until_ms = bench.clock.instant.wall_ms
        who = people(**{ADA: {"active_until_ms": until_ms}, LIN: {"active_until_ms": until_ms - DAY_MS}})
        bench.runner.rights = rights(right(ADA, "K-0001"), who=who)
        bench.later(9.5)
        assert bench.leavers.due() == [LIN]
        bench.later(1)
        assert bench.leavers.due() == [LIN, ADA]
        outs = {1: Out("K-0001", LIN, until_ms)}
        bench.runner.state = replace(bench.runner.state, ledger=replace(bench.runner.state.ledger, outs=outs))
        assert bench.leavers.due() == [ADA]
        bench.vouch("none")
        assert bench.leavers.due() == []
        bench.vouch("ntp")
        erasing = asyncio.create_task(bench.leavers.erase("schedule"))
        while not bench.runner.state.ledger.erasures:
            await bench.runner.once()
            await asyncio.sleep(0)
        erasing.cancel()
        told = bench.leaf(bench.journal.size - 1)
        assert (told["ev"], told["stage"], told["operator"]) == ("person.erased", "intent", "schedule")
        assert told["reason"] == "access ended more than 10 days ago"

    run(tmp_path, story)
