"""The one loop: events in, step, one transaction, and only then the effects.

Nothing leaves this process and no coil moves before the leaves that say why are on the disk."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from cabinet.core.clock import judged
from cabinet.core.effects import Effect, Light, Pulse, Show, Sound
from cabinet.core.events import FACTS, REQUESTS, BoltPulsed, Event, JournalFailed, JournalRecovered, TimePassed
from cabinet.core.leaves import Leaf
from cabinet.core.ledger_rows import changed_rows
from cabinet.core.state import State
from cabinet.core.step import next_wake_s, step
from cabinet.inbox import Inbox
from cabinet.journal.errors import JournalOvertaken, JournalUnwritable
from cabinet.journal.leaf import Entry
from cabinet.journal.store import Commit
from cabinet.policy.rights import Rights
from hal.clock import Clock, Now
from hal.worker import Worker

log = logging.getLogger(__name__)

_LEAVES_ENOUGH = 32
_BYTES_ENOUGH = 16_384
_RETRY_S = 1.0
LATEST_S: Final = 3.0
"""So long after somebody has asked a bolt may still open for them."""
_WAIT_MAX_S = 3600.0


class Store(Protocol):
    """What the loop needs of the journal."""

    def append(self, entries: Sequence[Entry], rows: dict[str, bytes | None] | None = None) -> Commit: ...


Seal = Callable[[Leaf, Now], Entry]
"""Makes the entry that the store will take. May raise: then the event that asked for this leaf is left out."""


@dataclass(slots=True)
class _Batch:
    """Events stepped together, waiting for one commit."""

    events: list[Event] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    weight: int = 0
    since_s: float = 0.0
    """When the first of them came."""
    unsealed: JournalUnwritable | None = None
    """Why a leaf cannot even be sealed: its person's key cannot be read."""


class Runner:
    """Owns the state. `rights` may be replaced between two steps; `on_commit` hears of each durable batch, `on_effect`
    of each effect on its way out."""

    def __init__(
        self,
        state: State,
        rights: Rights,
        *,
        store: Store,
        worker: Worker,
        seal: Seal,
        clock: Clock,
        dispatch: Callable[[Effect], None],
    ) -> None:
        self.state = state
        self.rights = rights
        self.inbox = Inbox(clock.mono_s)
        self._held = Inbox(clock.mono_s)  # facts that wait for the journal to be good again
        self.rounds = 0
        """Times around the loop; the watchdog wants it to grow."""
        self.on_commit: list[Callable[[Commit], None]] = []
        self.on_effect: list[Callable[[Effect], None]] = []
        self._turned = asyncio.Event()
        self._store = store
        self._worker = worker
        self._seal = seal
        self._clock = clock
        self._dispatch = dispatch
        self._retry_at_s = 0.0

    async def run(self) -> None:
        """Until cancelled. Raises JournalOvertaken: only a fresh start knows what the disk holds."""
        while True:
            await self.inbox.wait(self._wait_s())
            await self.once()

    async def once(self) -> None:
        """Takes all that waits (as far as one transaction carries), commits, dispatches."""
        self.rounds += 1
        batch, state = self._step_waiting()
        if batch.unsealed is not None:
            self._failed(batch, batch.unsealed)
        elif batch.entries:
            await self._commit(batch, state)
        else:
            self.state = state
            self._send(batch.effects)
        self.look()

    def now(self) -> Now:
        """This instant as the cabinet believes it."""
        return judged(self.state, self._clock.now())

    def next_turn(self) -> asyncio.Event:
        """Is set at the end of the round that comes next (or runs now): whatever it changes can then be read. Take it
        before looking, wait for it after."""
        return self._turned

    def look(self) -> None:
        """Tells those who wait for a turn that something beside the state has changed."""
        self._turned.set()
        self._turned = asyncio.Event()

    async def settle(self) -> None:
        """Goes on until nothing waits: for the orderly start and end."""
        while await self.inbox.wait(0):
            await self.once()

    def _wait_s(self) -> float:
        if not self.state.journal_good:
            return max(0.0, self._retry_at_s - self._clock.mono_s())
        return min(next_wake_s(self.state, self._clock.now()), _WAIT_MAX_S)

    def _step_waiting(self) -> tuple[_Batch, State]:
        batch, state = _Batch(since_s=self.inbox.since_s), self.state
        now = self._clock.now()
        if state.journal_good and next_wake_s(state, now) <= 0:
            state = self._step(batch, state, TimePassed())
        elif not state.journal_good and self._retry_at_s <= now.mono_s:
            self.inbox.put_back(self._held.drain())
            state = self._step(batch, state, JournalRecovered())
        while len(batch.entries) < _LEAVES_ENOUGH and batch.weight < _BYTES_ENOUGH:
            event = self.inbox.pop()
            if event is None:
                break
            if isinstance(event, FACTS) and not state.journal_good:
                self._held.post(event)
            else:
                state = self._step(batch, state, event)
            if batch.unsealed is not None:
                break
        return batch, state

    def _step(self, batch: _Batch, state: State, event: Event) -> State:
        now = self._clock.now()
        try:
            after, leaves, effects = step(state, event, now, self.rights)
            believed = judged(state, now)
            entries = [self._seal(leaf, believed) for leaf in leaves]
        except JournalUnwritable as error:
            batch.events.append(event)
            batch.unsealed = error
            return state
        except Exception:
            # A handler that fails must not take the cabinet down, nor leave half a step behind.
            log.exception("an event of type %s was not handled", type(event).__name__)
            return state
        batch.events.append(event)
        batch.entries.extend(entries)
        batch.effects.extend(effects)
        batch.weight += sum(_weight(entry) for entry in entries)
        return after

    async def _commit(self, batch: _Batch, state: State) -> None:
        rows = changed_rows(self.state.ledger, state.ledger)
        if self.state.ledger.contradicted:
            self._failed(batch, JournalUnwritable("upstream holds another tree under this origin"))
            return
        try:
            commit = await self._worker.run(self._store.append, batch.entries, rows)
        except JournalOvertaken:
            raise
        except JournalUnwritable as error:
            self._failed(batch, error)
            return
        self.state = state
        late = self._clock.mono_s() - batch.since_s > LATEST_S
        self._send(self._in_time(batch.effects) if late else batch.effects)
        for listener in self.on_commit:
            listener(commit)

    def _in_time(self, effects: Sequence[Effect]) -> Sequence[Effect]:
        """Without pulses: a bolt that opens when nobody waits for it any more opens for the next one. Nor is anybody
        told that it opens."""
        pulses = [effect for effect in effects if isinstance(effect, Pulse)]
        for pulse in pulses:
            log.warning("slot %d: not opened, for the journal took longer than %g s", pulse.slot, LATEST_S)
            hint = "the journal's disk takes too long; check its health"
            self.inbox.post(BoltPulsed(pulse.slot, pulse.grant, "too_late", hint))
        return [one for one in effects if not isinstance(one, Pulse | Show | Light | Sound)] if pulses else effects

    def _failed(self, batch: _Batch, error: JournalUnwritable) -> None:
        """The step never happened: facts wait for the next good commit, requests are answered "not recorded"."""
        if self.state.journal_good:
            log.error("journal: %s; nothing is released until it can be written", error)
        self._retry_at_s = self._clock.mono_s() + _RETRY_S
        for event in batch.events:
            if isinstance(event, FACTS):
                self._held.post(event)
        dropped = tuple(event for event in batch.events if isinstance(event, REQUESTS))
        failed = _Batch()
        self.state = self._step(failed, self.state, JournalFailed(dropped))
        self._send(failed.effects)

    def _send(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            for listener in self.on_effect:
                listener(effect)
            self._dispatch(effect)


def _weight(entry: Entry) -> int:
    """About the bytes of the leaf: envelope, fields, and what is sealed."""
    sealed = sum(len(sub.get("e", "")) + 80 for sub in entry.subs)
    return 250 + sum(len(str(key)) + len(str(value)) + 6 for key, value in entry.fields.items()) + sealed
