"""status, slots, devices, watch, wait: looking at a running cabinet."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import TypeAlias

from cabinet.control.protocol import Code, ControlError, Notification, Params
from cabinet.control.session import Handler, Peer, Subscription
from cabinet.core.fingers import CHANGED, KEPT, LOST
from cabinet.core.state import State
from cabinet.runner import Runner
from cabinet.service.parameters import choice, integer, number, optional_integer
from cabinet.service.views import View, slot_view
from cabinet.service.watchers import Watchers

_TIMEOUT_MAX_S = 3600.0
_CATCH_UP = 100

ReadLeaves: TypeAlias = Callable[[int, int], Awaitable[Sequence[tuple[int, bytes | None]]]]
"""(first, limit) -> index and bytes (None: pruned)."""


class See:
    """Reads the runner's state between two rounds, so every answer is one instant."""

    def __init__(
        self,
        runner: Runner,
        watchers: Watchers,
        *,
        devices: Callable[[], Sequence[View]],
        proof_ms: Callable[[int], int | None],
        ready: Callable[[], bool],
        read_leaves: ReadLeaves,
        summary: Callable[[], View],
        unsent: Callable[[], int],
        leavers: Callable[[], int],
    ) -> None:
        """`summary`: the state plane; `unsent`: leaves that have outlived their period, and upstream does not hold;
        `leavers`: people who are due for erasure."""
        self._runner = runner
        self._watchers = watchers
        self._devices = devices
        self._proof_ms = proof_ms
        self._ready = ready
        self._read_leaves = read_leaves
        self._summary = summary
        self._unsent = unsent
        self._leavers = leavers

    def methods(self) -> Mapping[str, Handler]:
        return {
            "status": self.status,
            "slots": self.slots,
            "devices": self.devices,
            "watch": self.watch,
            "wait": self.wait,
        }

    async def status(self, params: Params, peer: Peer) -> View:
        state = self._runner.state
        about: View = {"journal_size": state.size, "devices_lost": sorted(state.lost), "ready": self._ready()}
        if self._unsent():
            about["not_pruned"] = self._unsent()
        if leavers := self._leavers():
            about["due_for_erasure"] = leavers
        if fingers := _fingers(state):
            about["fingers"] = fingers
        mark = state.ledger.epoch.get("epoch")
        about |= {"journal_epoch": mark.number if mark else 1, "journal": _journal(state)}
        if state.setup.monitors:
            about["would_refuse"] = dict(sorted(state.ledger.monitored.items()))
        return self._summary() | about

    async def slots(self, params: Params, peer: Peer) -> View:
        state, rights = self._runner.state, self._runner.rights
        numbers = sorted(state.setup.slots)
        return {"slots": [{"slot": n} | slot_view(state, rights, n, self._proof_ms(n)) for n in numbers]}

    async def devices(self, params: Params, peer: Peer) -> View:
        return {"devices": list(self._devices())}

    async def watch(self, params: Params, peer: Peer) -> Subscription:
        """Leaves from index `from` on (default: only new ones), for as long as the client listens."""
        size = self._runner.state.size
        first = optional_integer(params, "from", 0, 2**53)
        return Subscription({"size": size}, self._notify(size if first is None else first))

    async def _notify(self, first: int) -> AsyncIterator[Notification]:
        with self._watchers.follow() as following:
            n = first
            while n < self._runner.state.size:
                stored = await self._read_leaves(n, _CATCH_UP)
                for old, leaf in stored:
                    if leaf is not None:
                        yield _leaf(old, leaf)
                n += len(stored)
            while not following.behind:
                turn = self._runner.next_turn()
                for fresh, leaf in following.take():
                    if fresh >= n:
                        yield _leaf(fresh, leaf)
                await turn.wait()

    async def wait(self, params: Params, peer: Peer) -> View:
        """Returns once the condition holds. Raises ControlError(TIMEOUT)."""
        holds = self._condition(params)
        timeout_s = number(params, "timeout_s", 0, _TIMEOUT_MAX_S)
        try:
            async with asyncio.timeout(timeout_s):
                while not holds():
                    await self._runner.next_turn().wait()
        except TimeoutError:
            raise ControlError(Code.TIMEOUT, f"not within {timeout_s:g} s; see `cabinetctl status`") from None
        return {}

    def _condition(self, params: Params) -> Callable[[], bool]:
        match choice(params, "for", ("ready", "synced", "slot")):
            case "ready":
                return self._ready
            case "synced":
                return lambda: self._summary()["unsynced_events"] == 0
        slot = integer(params, "slot", 1, 255)
        presence = choice(params, "presence", ("present", "absent", "unknown"))
        if slot not in self._runner.state.setup.slots:
            raise ControlError(Code.NOT_FOUND, f"slot {slot} is not in the configuration; see `cabinetctl slots`")
        return lambda: slot_view(self._runner.state, self._runner.rights, slot, None)["presence"] == presence


def _leaf(n: int, leaf: bytes) -> Notification:
    return Notification("leaf", {"n": n, "leaf": json.loads(leaf)})


def _fingers(state: State) -> str:
    """What is to be done about the finger readers; empty: nothing."""
    told = {
        CHANGED: "{device}: another module, see `cabinetctl module accept`",
        LOST: "{device}: {count} people have to enrol a finger again",
        KEPT: "{device}: {count} fingers of nobody are not deleted yet",
    }
    alarms = [one for one in state.ledger.alarms.values() if one.code in told]
    return "; ".join(told[one.code].format(device=one.device, count=one.count) for one in alarms)


def _journal(state: State) -> str:
    """What is to be done about it, if anything is."""
    contradicted = state.ledger.contradicted
    if contradicted is not None and contradicted.waits:
        return "upstream holds another journal: find out why, then: cabinetctl journal new-epoch --reason TEXT"
    if contradicted is not None:
        return "upstream holds another journal: a new file is about to be opened"
    return "good" if state.journal_good else "cannot be written: nothing is released; see the log of cabinetd"
