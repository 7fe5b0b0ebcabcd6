"""What the uplink may ask of the cabinet, and what it cannot make it do."""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cabinet.control.protocol import ControlError
from cabinet.control.session import Peer, Subscription
from cabinet.core.effects import Effect, Pulse
from cabinet.core.events import CardShown, Event, SlotRead, Started
from cabinet.core.leaves import Leaf
from cabinet.core.ledger_rows import from_rows
from cabinet.core.state import Setup, SlotSetup, State
from cabinet.journal.checkpoint import Checkpoint
from cabinet.journal.leaf import Entry
from cabinet.journal.outbox import Outbox
from cabinet.runner import Runner
from cabinet.service.upstream import Upstream
from cabinet.service.watchers import Watchers
from hal.clock import Now
from hal.worker import InlineWorker
from tests.core.cabinet import ADA, ADA_CARD, right, rights
from tests.journal.making import ORIGIN, SIGNER, entry, opened
from tests.journal.test_outbox import COLLECTOR, cosigned
from tests.runner.test_runner import ManualClock

PEER = Peer(0, 0, "uplink")


def seal(leaf: Leaf, now: Now) -> Entry:
    fields: Any = leaf.fields
    return Entry(leaf.ev, now.wall_ms, "ntp", int(now.mono_s * 1000), "1f0c9a2e", "AAAAAAAAAAAAAAAAAAAAAA==", fields)


class Bench:
    """A cabinet of two slots with a real journal; effects are kept in a list, `kinds` at the end."""

    def __init__(self, folder: Path) -> None:
        self.journal, self.clock = opened(folder), ManualClock()
        self.effects: list[Effect] = []
        setup = Setup({n: SlotSetup("relays", 0.5) for n in (1, 2)})
        state = State(setup, from_rows(self.journal.state()), self.journal.size)
        self.watchers = Watchers()
        self.runner = Runner(
            state,
            rights(right(ADA, "K-0001")),
            store=self.journal,
            worker=InlineWorker(),
            seal=seal,
            clock=self.clock,
            dispatch=self.effects.append,
        )
        outbox = Outbox(self.journal, [COLLECTOR.verifier])
        self.upstream = Upstream(self.runner, self.journal, outbox, InlineWorker(), self.watchers, "1f0c9a2e")
        self.runner.on_commit += [self.watchers.committed, self.upstream.committed]

    async def do(self, *events: Event) -> None:
        for event in events:
            self.runner.inbox.post(event)
        await self.runner.settle()

    async def call(self, method: str, **params: object) -> Any:
        return await self.upstream.methods()[method](params, PEER)

    async def ack(self, note: bytes) -> Any:
        answer = await self.call("upstream.ack", note=note.decode())
        await self.runner.settle()
        return answer

    def close(self) -> None:
        self.kinds = [json.loads(data)["ev"] for _, data in self.journal.leaves(0, 100) if data]
        self.journal.close()


Story = Callable[[Bench], Coroutine[Any, Any, None]]


def play(folder: Path, story: Story) -> Bench:
    async def run() -> Bench:
        bench = Bench(folder)
        await bench.do(Started(bench.journal.size), SlotRead(1, True), SlotRead(2, True))
        await story(bench)
        bench.close()
        return bench

    return asyncio.run(run())


def test_the_head_says_where_both_sides_are(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        head = await bench.call("upstream.head")
        assert (head["origin"], head["size"], head["acked"], head["oldest"]) == (ORIGIN, 3, 0, 0)
        assert (head["dev"], head["slots"], head["vkey"]) == ("lobby-01", [1, 2], SIGNER.vkey)

    play(tmp_path, story)


def test_a_batch_holds_the_stored_bytes_and_the_head_gives_none(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        batch = await bench.call("upstream.batch", **{"from": 0})
        assert [b64decode(leaf) for leaf in batch["leaves"]] == [data for _, data in bench.journal.leaves(0, 9)]
        assert batch["checkpoint"].encode() == bench.journal.checkpoint()
        assert await bench.call("upstream.batch", **{"from": 3}) == {"first": 3, "leaves": []}
        with pytest.raises(ControlError):
            await bench.call("upstream.batch", **{"from": 4})

    play(tmp_path, story)


def test_an_acknowledgement_is_seen_in_the_planes(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        before = (await bench.call("upstream.planes"))["state"]
        assert (before["unsynced_events"], before["unsynced_since"] is None) == (3, False)
        assert (await bench.ack(cosigned(bench.journal.checkpoint(), COLLECTOR)))["counted"] is True
        after = (await bench.call("upstream.planes"))["state"]
        assert (after["unsynced_events"], after["unsynced_since"]) == (0, None)

    play(tmp_path, story)


def test_what_is_rejected_is_journaled_once_a_minute_with_its_cause(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        for _ in range(10):
            await bench.ack(b"junk")
            await bench.call("upstream.reject", cause="retained-command")
        await bench.runner.settle()

    kinds = play(tmp_path, story).kinds
    assert kinds.count("input.rejected") == 2


@pytest.mark.parametrize(("size", "kind"), [(2, "upstream.fork"), (50, "upstream.rollback")])
def test_a_second_life_ends_the_origin(tmp_path: Path, size: int, kind: str) -> None:
    other = cosigned(Checkpoint(ORIGIN, size, b"\5" * 32).signed(SIGNER), COLLECTOR)

    async def story(bench: Bench) -> None:
        await bench.ack(other)
        await bench.do(CardShown("reader", ADA_CARD))
        await bench.ack(other)

    bench = play(tmp_path, story)
    assert bench.kinds[-2:] == [kind, "alarm.raised"]
    assert not [effect for effect in bench.effects if isinstance(effect, Pulse)]
    again = play(tmp_path, lambda bench: bench.do(CardShown("reader", ADA_CARD)))
    assert again.kinds == bench.kinds, "the origin stays ended after a restart"
    assert not [effect for effect in again.effects if isinstance(effect, Pulse)]


def test_the_link_is_told_once_each_way(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        for up in (False, True, True, False, False):
            await bench.call("upstream.link", up=up)
        await bench.runner.settle()

    assert play(tmp_path, story).kinds[3:] == ["sync.restored", "sync.lost"]


def test_whoever_watches_hears_of_leaves_planes_and_acknowledgements(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        watch = await bench.call("upstream.watch")
        assert isinstance(watch, Subscription)
        heard: list[Any] = []

        async def listen() -> None:
            async for notification in watch.notifications:
                heard.append(notification)

        listening = asyncio.create_task(listen())
        await asyncio.sleep(0)
        await bench.do(SlotRead(2, False))
        await bench.ack(cosigned(bench.journal.checkpoint(), COLLECTOR))
        for _ in range(10):
            await asyncio.sleep(0)
        listening.cancel()
        told = [(note.method, note.params.get("plane") or note.params.get("n")) for note in heard]
        assert told[:4] == [("live", 3), ("grown", None), ("live", 4), ("grown", None)]
        assert ("acked", None) in told
        assert ("plane", "slot/2") in told
        assert ("plane", "slot/1") not in told
        assert ("plane", "state") in told

    play(tmp_path, story)


def test_planes_hold_every_key_and_nothing_that_grows_by_itself(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        first = await bench.call("upstream.planes")
        assert first["slots"]["1"].keys() == {"presence", "item", "fob", "since", "proof_at", "overdue", "bolt"}
        assert first["state"].keys() == {
            "door", "mode", "tamper", "power", "clock", "items_out", "overdue", "alarms",
            "unsynced_events", "unsynced_since",
        }  # fmt: skip
        bench.clock.forward(30)
        await bench.runner.settle()
        assert await bench.call("upstream.planes") == first

    play(tmp_path, story)


def test_that_upstream_gets_hashes_for_what_it_lost_is_journaled_once(tmp_path: Path) -> None:
    async def story(bench: Bench) -> None:
        bench.journal.append([entry(n) for n in range(60)])
        bench.journal.append([entry(n) for n in range(60)])
        bench.runner.state = replace(bench.runner.state, size=bench.journal.size)
        await bench.ack(cosigned(bench.journal.checkpoint(), COLLECTOR))
        bench.journal.append([entry(0, ev="payload.destroyed", person=None, ranges=[[40, 50], [80, 85]])])
        size = bench.journal.size
        bench.runner.state = replace(bench.runner.state, size=size)
        for _ in range(2):
            at, sent = 0, []
            while at < size:
                sent += (await bench.call("upstream.batch", **{"from": at}))["leaves"]
                at = len(sent)
            gone = [n for n, leaf in enumerate(sent) if isinstance(leaf, dict)]
            assert gone == [*range(40, 50), *range(80, 85)]
            await bench.do()
            assert bench.journal.size == size + 1
        ((_, told),) = bench.journal.leaves(size, 1)
        assert told is not None
        assert (json.loads(told)["ev"], json.loads(told)["first"]) == ("sync.gap", 40)

    play(tmp_path, story)
