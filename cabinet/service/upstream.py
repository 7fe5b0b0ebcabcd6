"""upstream.*: all that the uplink may ask and hand in. It is trusted with nothing: acknowledgements are judged here,
on the raw bytes, and a forged one moves nothing."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Mapping
from functools import cache
from importlib.metadata import version
from typing import ParamSpec, TypeVar

from cabinet.control.protocol import Code, ControlError, Notification, Params
from cabinet.control.session import Handler, Peer, Subscription
from cabinet.core.events import InputRejected, LeavesMissed, UpstreamContradicts, UpstreamLink
from cabinet.journal import b64
from cabinet.journal.errors import JournalDamaged, JournalUnwritable
from cabinet.journal.outbox import Batch, Outbox
from cabinet.journal.store import Commit, Journal
from cabinet.runner import Runner
from cabinet.service.parameters import flag, integer, word
from cabinet.service.views import View, slot_view, state_view
from cabinet.service.watchers import Watchers
from hal.worker import Worker

P = ParamSpec("P")
R = TypeVar("R")

_NOTE_MAX = 4096


class Upstream:
    """Also keeps how far upstream has confirmed, and since when something is not."""

    def __init__(
        self,
        runner: Runner,
        journal: Journal,
        outbox: Outbox,
        worker: Worker,
        watchers: Watchers,
        boot: str,
    ) -> None:
        """`worker` is the journal's own: one caller at a time."""
        self._runner = runner
        self._journal = journal
        self._outbox = outbox
        self._worker = worker
        self._watchers = watchers
        self._boot = boot
        self._waiting_since_ms = self._oldest_waiting_ms()
        self._missed: tuple[int, int] | None = None
        """From which leaf on upstream was sent hashes for what it had asked for again, and how far that has come."""

    @property
    def acknowledged(self) -> int:
        return self._outbox.acknowledged

    def methods(self) -> Mapping[str, Handler]:
        return {
            "upstream.head": self.head,
            "upstream.batch": self.batch,
            "upstream.tail": self.tail,
            "upstream.ack": self.ack,
            "upstream.reject": self.reject,
            "upstream.link": self.link,
            "upstream.planes": self.planes,
            "upstream.watch": self.watch,
        }

    def committed(self, commit: Commit) -> None:
        """From the runner, after each commit."""
        if self._waiting_since_ms is None:
            self._waiting_since_ms = _time_of(commit.leaves[0])

    def state(self) -> View:
        """The state plane, and what `status` says."""
        return state_view(self._runner.state, self.acknowledged, self._waiting_since_ms)

    async def head(self, params: Params, peer: Peer) -> View:
        state = self._runner.state
        return {
            "origin": self._journal.origin,
            "vkey": self._journal.verifier.vkey,
            "size": state.size,
            "acked": self.acknowledged,
            "oldest": await self._ask(self._outbox.oldest),
            "tails": [
                {"origin": tail.origin, "first": tail.first, "size": tail.size}
                for tail in await self._ask(self._outbox.tails)
            ],
            "boot": self._boot,
            "dev": self._journal.origin.split("/")[1],
            "version": _version(),
            "slots": sorted(state.setup.slots),
        }

    async def batch(self, params: Params, peer: Peer) -> View:
        first = integer(params, "from", 0, self._runner.state.size)
        batch = await self._ask(self._outbox.batch, first)
        if batch is None:
            return {"first": first, "leaves": []}
        self._tell_missed(batch)
        return batch_view(batch)

    def _tell_missed(self, batch: Batch) -> None:
        """Once, however many batches it takes to send it all again."""
        end = batch.first + len(batch.leaves)
        if self._missed is not None and self._missed[0] <= batch.first <= self._missed[1]:
            self._missed = (self._missed[0], max(self._missed[1], end))
            return
        gone = next((n for n, (_, data) in enumerate(batch.leaves, batch.first) if data is None), None)
        if gone is not None:
            self._missed = (batch.first, end)
            self._runner.inbox.post(LeavesMissed(gone))

    async def tail(self, params: Params, peer: Peer) -> View:
        """A batch of an earlier epoch, which nobody has confirmed."""
        wanted = params.get("origin")
        tail = next((one for one in await self._ask(self._outbox.tails) if one.origin == wanted), None)
        if tail is None:
            raise ControlError(Code.NOT_FOUND, "origin: nothing is left to send of that")
        first = integer(params, "from", tail.first, tail.size)
        try:
            batch = await self._ask(self._outbox.tail_batch, tail, first)
        except JournalDamaged as error:
            raise ControlError(Code.JOURNAL, error.hint) from None
        view = {"first": first, "leaves": []} if batch is None else batch_view(batch)
        return view | {"origin": tail.origin, "orphan": first >= tail.common}

    async def ack(self, params: Params, peer: Peer) -> View:
        note = params.get("note")
        if not isinstance(note, str) or len(note) > _NOTE_MAX:
            raise ControlError(Code.BAD_PARAMS, f"note: text of at most {_NOTE_MAX} characters is needed")
        ruling = await self._ask(self._outbox.acknowledge, note.encode(errors="replace"))
        if ruling.cause is None:
            self._waiting_since_ms = await self._ask(self._oldest_waiting_ms)
            self._runner.look()
        elif ruling.cause in ("fork", "rollback") and ruling.checkpoint is not None:
            claimed = ruling.checkpoint
            self._runner.inbox.post(UpstreamContradicts(ruling.cause, claimed.size, b64.encode(claimed.root)))
        elif ruling.cause != "stale":
            self._runner.inbox.post(InputRejected(f"ack-{ruling.cause}"))
        return {"counted": ruling.cause is None, "acked": self.acknowledged, "cause": ruling.cause}

    async def _ask(self, question: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Of the journal, behind whatever commit is running."""
        try:
            return await self._worker.run(question, *args, **kwargs)
        except JournalUnwritable as error:
            raise ControlError(Code.JOURNAL, error.hint) from None

    async def reject(self, params: Params, peer: Peer) -> View:
        self._runner.inbox.post(InputRejected(word(params, "cause", 32)))
        return {}

    async def link(self, params: Params, peer: Peer) -> View:
        self._runner.inbox.post(UpstreamLink(flag(params, "up")))
        return {}

    async def planes(self, params: Params, peer: Peer) -> View:
        return {"state": self.state(), "slots": {str(n): self._slot(n) for n in self._runner.state.setup.slots}}

    async def watch(self, params: Params, peer: Peer) -> Subscription:
        """What changes, until the uplink goes; then upstream counts as out of reach."""
        return Subscription({"size": self._runner.state.size}, self._notify())

    async def _notify(self) -> AsyncIterator[Notification]:
        planes, acked, shown = dict(self._all_planes()), self.acknowledged, self._shown()
        with self._watchers.follow() as following:
            try:
                while not following.behind:  # too slow: it connects again and catches up from the journal
                    turn = self._runner.next_turn()
                    for n, leaf in following.take():
                        yield Notification("live", {"n": n, "leaf": json.loads(leaf)})
                        yield Notification("grown", {"size": n + 1})
                    if acked != self.acknowledged:
                        acked = self.acknowledged
                        yield Notification("acked", {"acked": acked})
                    if _differ(shown, now := self._shown()):
                        shown = now
                        for name, payload in self._all_planes():
                            if planes[name] != payload:
                                planes[name] = payload
                                yield Notification("plane", {"plane": name, "payload": payload})
                    await turn.wait()
            finally:
                self._runner.inbox.post(UpstreamLink(False))

    def _shown(self) -> tuple[object, ...]:
        """All that planes are made of: most turns, a key pressed, change nothing of it."""
        state = self._runner.state
        return (
            *(state.ledger, state.presence, state.told_ms, state.grant_ends, state.pulsed, state.lost),
            *(state.door, state.journal_good, state.size, self._runner.rights),
            *(self.acknowledged, self._waiting_since_ms),
        )

    def _all_planes(self) -> list[tuple[str, View]]:
        slots = [(f"slot/{n}", self._slot(n)) for n in self._runner.state.setup.slots]
        return [("state", self.state()), *slots]

    def _slot(self, number: int) -> View:
        """Nothing in it grows by itself: `proof_at` is when the sensor last said something new."""
        state = self._runner.state
        return slot_view(state, self._runner.rights, number, state.told_ms.get(number))

    def _oldest_waiting_ms(self) -> int | None:
        """When the oldest leaf upstream does not hold yet was written. Blocks."""
        if self._outbox.acknowledged >= self._journal.size:
            return None
        (_, leaf), *_rest = self._journal.leaves(self._outbox.acknowledged, 1)
        return _time_of(leaf) if leaf is not None else None


def _differ(one: tuple[object, ...], other: tuple[object, ...]) -> bool:
    """Parts of a state are replaced, never changed."""
    return any(a is not b for a, b in zip(one, other, strict=True))


def batch_view(batch: Batch) -> View:
    leaves = [
        {"hash": b64encode(hashed).decode()} if data is None else b64encode(data).decode()
        for hashed, data in batch.leaves
    ]
    last = next((data for _, data in reversed(batch.leaves) if data is not None), None)
    return {
        "first": batch.first,
        "leaves": leaves,
        "checkpoint": batch.checkpoint.decode(),
        "ts": _time_of(last) if last is not None else 0,
    }


@cache
def _version() -> str:
    """Found by reading files: once is enough."""
    return version("keycabinet")


def _time_of(leaf: bytes) -> int:
    ts: int = json.loads(leaf)["ts"]
    return ts
