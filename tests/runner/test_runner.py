"""The loop: nothing moves before its leaf is durable, nothing the world did is forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any

import pytest

from cabinet.core.effects import Answer, Effect, Pulse, Show
from cabinet.core.events import BoltPulsed, CardShown, DigitsTyped, Event, RosterFound, SlotRead, Started
from cabinet.core.leaves import Leaf
from cabinet.core.ledger import Ledger
from cabinet.core.requests import ReleaseAsked
from cabinet.core.state import Setup, SlotSetup, State
from cabinet.core.step import next_wake_s
from cabinet.inbox import Inbox
from cabinet.journal.errors import JournalOvertaken, JournalUnwritable, LeafRefused
from cabinet.journal.leaf import Entry
from cabinet.journal.store import Commit
from cabinet.runner import Runner
from hal.clock import Now
from hal.worker import InlineWorker
from tests.core.cabinet import ADA, ADA_CARD, right, rights


class ManualClock:
    def __init__(self) -> None:
        self.instant = Now(100.0, 1_767_614_400_000, "ntp")

    def mono_s(self) -> float:
        return self.instant.mono_s

    def now(self) -> Now:
        return self.instant

    def forward(self, seconds: float) -> None:
        wall_ms = self.instant.wall_ms + int(seconds * 1000)
        self.instant = replace(self.instant, mono_s=self.instant.mono_s + seconds, wall_ms=wall_ms)


class Disk:
    """A journal that keeps kinds and rows, and refuses while `full`."""

    def __init__(self) -> None:
        self.commits: list[list[str]] = []
        self.rows: dict[str, bytes] = {}
        self.full = False

    def append(self, entries: Sequence[Entry], rows: dict[str, bytes | None] | None = None) -> Commit:
        if self.full:
            raise JournalUnwritable("no space left")
        first = sum(map(len, self.commits))
        self.commits.append([entry.ev for entry in entries])
        for key, row in (rows or {}).items():
            self.rows.pop(key, None) if row is None else self.rows.update({key: row})
        return Commit(first, first + len(entries), tuple(entry.ev.encode() for entry in entries), b"")

    @property
    def kinds(self) -> list[str]:
        return [kind for commit in self.commits for kind in commit]


def seal(leaf: Leaf, now: Now) -> Entry:
    return Entry(ev=leaf.ev, ts=now.wall_ms, tq=now.quality, mono_ms=0, boot="0" * 8, salt="")


class Bench:
    def __init__(self, slots: int = 4) -> None:
        self.disk, self.clock, self.order = Disk(), ManualClock(), list[str]()
        self.effects: list[Effect] = []
        setup = Setup({n: SlotSetup("relays", 0.5) for n in range(1, slots + 1)})
        self.runner = Runner(
            State(setup, Ledger(), 0),
            rights(right(ADA, "K-0001")),
            store=self.disk,
            worker=InlineWorker(),
            seal=seal,
            clock=self.clock,
            dispatch=self.effects.append,
        )

    async def do(self, *events: Event) -> None:
        for event in events:
            self.runner.inbox.post(event)
        await self.runner.once()

    async def start(self) -> None:
        await self.do(Started(0), *(SlotRead(n, True) for n in self.runner.state.setup.slots))
        self.effects.clear()

    def pulses(self) -> list[Pulse]:
        return [effect for effect in self.effects if isinstance(effect, Pulse)]


def story(test: Callable[[Bench], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    async def play() -> None:
        bench = Bench()
        await bench.start()
        await test(bench)

    def run() -> None:
        asyncio.run(play())

    run.__name__ = test.__name__
    return run


@story
async def test_what_waits_together_is_one_transaction(bench: Bench) -> None:
    await bench.do(CardShown("reader", ADA_CARD), SlotRead(1, False), SlotRead(2, False))
    assert bench.disk.commits[1] == [
        "visit.identified",
        "item.granted",
        "item.removed",
        "visit.ended",
        "item.forced",
        "alarm.raised",
    ]


@story
async def test_the_pulse_follows_its_durable_grant(bench: Bench) -> None:
    bench.runner.on_commit.append(lambda commit: bench.order.append(f"durable {commit.size}"))
    committed = bench.disk.append

    def watched(entries: Sequence[Entry], rows: dict[str, bytes | None] | None = None) -> Commit:
        assert bench.pulses() == [], "an effect went out before its commit"
        return committed(entries, rows)

    bench.disk.append = watched  # type: ignore[method-assign]
    await bench.do(CardShown("reader", ADA_CARD))
    assert [pulse.slot for pulse in bench.pulses()] == [1]


@story
async def test_no_durable_grant_no_pulse(bench: Bench) -> None:
    bench.disk.full = True
    await bench.do(CardShown("reader", ADA_CARD))
    assert bench.pulses() == []
    assert bench.runner.state.ledger.grants == {}
    assert any(isinstance(e, Show) and "cannot record" in e.text for e in bench.effects)


@story
async def test_a_request_on_a_full_disk_is_answered_and_not_kept(bench: Bench) -> None:
    bench.disk.full = True
    await bench.do(ReleaseAsked(7, 1, "locksmith", "root"))
    await bench.do(ReleaseAsked(8, 1, "locksmith", "root"))
    answers = [effect for effect in bench.effects if isinstance(effect, Answer)]
    assert [(answer.request, answer.refusal is not None) for answer in answers] == [(7, True), (8, True)]
    bench.disk.full = False
    bench.clock.forward(2)
    await bench.runner.once()
    assert "item.granted" not in bench.disk.kinds


@story
async def test_what_the_world_did_is_journaled_once_the_disk_takes_it_again(bench: Bench) -> None:
    bench.disk.full = True
    await bench.do(SlotRead(3, False))
    await bench.do(SlotRead(4, False))
    bench.disk.full = False
    assert bench.disk.kinds.count("item.forced") == 0
    bench.clock.forward(1.5)
    await bench.runner.once()
    assert bench.disk.commits[-1] == [
        "alarm.raised",
        "alarm.cleared",
        *["item.forced", "alarm.raised"] * 2,
    ]
    assert bench.runner.state.journal_good


def test_a_start_on_a_full_disk_is_a_start_once_it_can_be_written() -> None:
    """Else nothing would ever be due in this run: no grant lapsed, no visit ended."""

    async def play(bench: Bench) -> None:
        bench.disk.full = True
        await bench.do(Started(0), RosterFound(3, "digest"))
        assert bench.disk.kinds == []
        bench.disk.full = False
        bench.clock.forward(2)
        await bench.runner.once()
        assert bench.disk.kinds == ["alarm.raised", "alarm.cleared", "cabinet.started", "roster.applied"]
        assert next_wake_s(bench.runner.state, bench.clock.now()) < 10

    asyncio.run(play(Bench()))


@story
async def test_a_full_disk_is_tried_once_a_second_not_in_a_circle(bench: Bench) -> None:
    bench.disk.full = True
    await bench.do(SlotRead(3, False))
    tries = []

    def full(entries: Sequence[Entry], rows: dict[str, bytes | None] | None = None) -> Commit:
        tries.append(1)
        raise JournalUnwritable("no space left")

    bench.disk.append = full  # type: ignore[method-assign]
    for _ in range(50):
        bench.clock.forward(0.1)
        await bench.runner.once()
    assert 4 <= len(tries) <= 5


@story
async def test_a_storm_on_a_full_disk_stays_bounded_and_keeps_the_last_word(bench: Bench) -> None:
    bench.disk.full = True
    for round_ in range(500):
        await bench.do(SlotRead(2, round_ % 2 == 0))
    bench.disk.full = False
    bench.clock.forward(2)
    await bench.runner.once()
    await bench.runner.settle()
    assert bench.runner.state.presence[2] is False
    assert "sensor.suspect" in bench.disk.kinds
    assert bench.disk.kinds.count("item.forced") + bench.disk.kinds.count("item.returned") < 100


@story
async def test_a_handler_that_fails_takes_nothing_with_it(bench: Bench) -> None:
    good = bench.runner.state
    await bench.do(SlotRead(77, True), SlotRead(1, False))
    assert bench.disk.kinds[-2:] == ["item.forced", "alarm.raised"]
    assert good.ledger.slots[1].seated


@story
async def test_a_leaf_the_journal_would_refuse_takes_nothing_with_it(bench: Bench) -> None:
    def picky(leaf: Leaf, now: Now) -> Entry:
        if leaf.fields.get("reason") == "no leaf can say this":
            raise LeafRefused("not in Unicode form NFC")
        return seal(leaf, now)

    bench.runner._seal = picky
    await bench.do(ReleaseAsked(7, 1, "no leaf can say this", "root"), SlotRead(2, False))
    assert bench.disk.kinds[-2:] == ["item.forced", "alarm.raised"]
    assert (bench.pulses(), bench.runner.state.ledger.grants) == ([], {})


@story
async def test_a_bolt_that_would_open_late_stays_locked_and_its_person_is_told(bench: Bench) -> None:
    """One commit takes two seconds, and whoever came meanwhile waits for it and for their own."""
    committed, slow_s = bench.disk.append, 2.0

    def slow(entries: Sequence[Entry], rows: dict[str, bytes | None] | None = None) -> Commit:
        bench.clock.forward(slow_s)
        return committed(entries, rows)

    bench.disk.append = slow  # type: ignore[method-assign]
    await bench.do(CardShown("reader", ADA_CARD))
    assert len(bench.pulses()) == 1, "within three seconds"
    await bench.do(BoltPulsed(1, bench.pulses()[0].grant, "done"), SlotRead(1, False))
    await bench.do(SlotRead(1, True))
    bench.effects.clear()
    slow_s = 3.1
    await bench.do(CardShown("reader", ADA_CARD))
    assert bench.pulses() == []
    assert not [one for one in bench.effects if isinstance(one, Show)], "nobody is told that it opens"
    slow_s = 0.0
    await bench.runner.once()
    assert any(isinstance(one, Show) and "takes too long" in one.text for one in bench.effects)
    assert (bench.disk.kinds[-1], bench.runner.state.ledger.grants) == ("item.not_taken", {})


@story
async def test_what_cannot_be_sealed_waits_until_it_can(bench: Bench) -> None:
    """The key of whom it concerns cannot be read just now: as with a disk that takes nothing."""

    def unread(leaf: Leaf, now: Now) -> Entry:
        if leaf.ev == "item.forced":
            raise JournalUnwritable("roster.db: disk I/O error")
        return seal(leaf, now)

    before = bench.disk.kinds
    bench.runner._seal = unread
    await bench.do(SlotRead(2, False), CardShown("reader", ADA_CARD), SlotRead(3, False))
    assert (bench.disk.kinds, bench.runner.state.journal_good) == (before, False)
    bench.runner._seal = seal
    bench.clock.forward(2)
    await bench.runner.once()
    await bench.runner.settle()
    assert bench.disk.kinds.count("item.forced") == 2
    assert bench.runner.state.journal_good


@story
async def test_a_failed_commit_that_turns_out_durable_ends_the_loop(bench: Bench) -> None:
    def overtaken(entries: Sequence[Entry], rows: dict[str, bytes | None] | None = None) -> Commit:
        raise JournalOvertaken("on the disk after all; restart the daemon")

    bench.disk.append = overtaken  # type: ignore[method-assign]
    bench.runner.inbox.post(SlotRead(2, False))
    with pytest.raises(JournalOvertaken):
        await asyncio.wait_for(bench.runner.run(), 5)


def test_the_inbox_drops_requests_before_facts() -> None:
    async def fill() -> tuple[list[bool], list[bool]]:
        inbox = Inbox(lambda: 0.0)
        asked = [inbox.post(CardShown("reader", b"")) for _ in range(300)]
        seen = [inbox.post(SlotRead(n, True)) for n in range(1, 256)]
        return asked, seen

    asked, seen = asyncio.run(fill())
    assert (asked.count(True), all(seen)) == (256, True)


def test_the_inbox_counts_the_edges_it_merges() -> None:
    async def fill() -> list[Event]:
        inbox = Inbox(lambda: 0.0)
        for n in range(164):
            inbox.post(SlotRead(5, n % 2 == 0))
        return inbox.drain()

    waiting = asyncio.run(fill())
    assert len(waiting) == 64
    assert waiting[-1] == SlotRead(5, False, folded=100)


def test_a_flood_of_keys_takes_no_place_of_a_card() -> None:
    async def fill() -> tuple[bool, list[Event]]:
        inbox = Inbox(lambda: 0.0)
        for n in range(10_000):
            inbox.post(DigitsTyped("keypad", n % 13))
        return inbox.post(CardShown("reader", b"")), inbox.drain()

    taken, waiting = asyncio.run(fill())
    assert (taken, len(waiting)) == (True, 65)
    assert waiting[-2:] == [DigitsTyped("keypad", 9_999 % 13), CardShown("reader", b"")]


def test_waiting_ends_in_time() -> None:
    async def wait() -> bool:
        return await Inbox(lambda: 0.0).wait(0.001)

    assert asyncio.run(wait()) is False


@pytest.mark.parametrize("count", [1, 40, 200])
def test_a_burst_of_any_size_fits_its_transactions(count: int) -> None:
    async def burst() -> list[int]:
        bench = Bench(slots=250)
        await bench.start()
        await bench.runner.settle()
        size = len(bench.disk.commits)
        for n in range(1, count + 1):
            bench.runner.inbox.post(SlotRead(n, False))
        await bench.runner.settle()
        return [len(commit) for commit in bench.disk.commits[size:]]

    sizes = asyncio.run(burst())
    assert sum(sizes) == 2 * count
    assert max(sizes) <= 64
