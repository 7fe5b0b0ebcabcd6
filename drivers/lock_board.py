"""Bolts and their switches on RS-485 lock boards, which time each pulse themselves."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Mapping, Sequence
from typing import TypeVar

from drivers.specs.lock_board import LockBoardSpec
from drivers.specs.lock_profile import LockProfile
from drivers.wire.lock_board import Changes, OwnVoice, Request, Switches, style_of
from hal.buses import BoardLine
from hal.capabilities import DeviceSuspect, Emit, InputBoard, InputRead, Lock, LockBoard
from hal.clock import Clock
from hal.errors import DeviceError, DeviceMisconfigured, DeviceRefused, DeviceTimeout, LinkLost, OutcomeUnknown
from hal.questions import Question, Refusal

T = TypeVar("T")

HOLD_S_MIN, HOLD_S_MAX = 0.1, 1.0
AGAIN_S = 0.03
"""A switch that has changed is read again after this."""
MISSES_LOST = 3
"""So many sweeps in a row without an answer mean that the board is lost."""
FRESH_S = 2.0
"""A reading that is not older tells how a switch stood before a pulse."""
LATE_S = 1.0
"""An answer to a release that did not come in time may still come: no other release meanwhile."""
STOP_S = 1.0
OWN_VOICE = Refusal("the adapter returns what it is sent; set echo = true on the link")


class BoardLock(Lock):
    """One lock of a board."""

    def __init__(self, board: LockBoardDriver, channel: int) -> None:
        self.device = board.device
        self._board = board
        self._channel = channel

    async def pulse(self, hold_s: float) -> None:
        """The board holds the coil as long as it was made to, whatever `hold_s`."""
        await self._board.pulse(self._channel, hold_s)

    async def energised(self) -> bool:
        raise DeviceRefused(self.device, "this board does not tell which coil is on")


class LockBoardDriver(LockBoard, InputBoard):
    """One coil at a time. A release is sent once; what became of it is judged by the answer and by the switch."""

    def __init__(self, spec: LockBoardSpec, profile: LockProfile, line: BoardLine, clock: Clock) -> None:
        self.device = spec.id
        self.proof_mono_s: float | None = None
        self._spec = spec
        self._profile = profile
        self._line = line
        self._clock = clock
        self._style = style_of(profile)
        self._locks = tuple(range(1, spec.locks + 1))
        self._inputs = self._locks + tuple(profile.locks_max + lock for lock in self._locks if profile.items)
        self._told: int | None = None
        """So many switches the board tells in each sweep."""
        self._closed: dict[int, bool] = {}
        """As read last."""
        self._reported: dict[int, bool] = {}
        self._read_s: dict[int, float] = {}
        self._one_at_a_time = asyncio.Lock()
        self._coil_until_s = -math.inf
        """By then the last pulse has ended."""
        self._answer_until_s = -math.inf
        """Until then an answer to an earlier release may come."""
        self._look_now = asyncio.Event()
        self._reversed: frozenset[int] = frozenset()
        """Inputs that a release has closed."""
        self._told_reversed: frozenset[int] = frozenset()
        self._changes = Changes(self._style, spec.unit)
        line.listen(self._heard)

    def lock(self, channel: int) -> Lock:
        self._check(channel)
        return BoardLock(self, channel)

    async def start(self) -> None:
        """Proves that the board answers, and that nothing else does in its place; every input will be told anew."""
        await self.all_off()
        self._told = None
        if self._style.counts:
            told = await self._sweep((1,))
            if len(told) < self._spec.locks:
                hint = f"it has {len(told)} locks and the configuration says {self._spec.locks}; correct the key locks"
                raise DeviceRefused(self.device, hint)
            self._told = len(told)
        self._closed.clear()
        self._read_s.clear()
        self._reported.clear()
        self._told_reversed = frozenset()
        self._keep(await self._sweep(self._locks))

    async def watch(self, emit: Emit) -> None:
        try:
            await self._poll(emit)
        finally:
            self.proof_mono_s = None

    async def stop(self) -> None:
        try:
            async with asyncio.timeout(STOP_S):
                await self.all_off()
        except DeviceError:
            raise
        except TimeoutError:
            raise DeviceTimeout(self.device, "no answer while stopping; its coils fall by themselves") from None

    async def all_off(self) -> None:
        """The board ends each pulse by itself: waits for the last one, and proves that the board is there."""
        await self._sleep_until(self._coil_until_s)
        await self._look(1)

    async def pulse(self, channel: int, hold_s: float) -> None:
        """As Lock.pulse; waits for the pulse before it, of whichever lock, to end."""
        self._check(channel)
        if not HOLD_S_MIN <= hold_s <= HOLD_S_MAX:
            raise DeviceMisconfigured(
                self.device, f"channel {channel}: hold_s {hold_s}: allowed are {HOLD_S_MIN} to {HOLD_S_MAX} s"
            )
        async with self._one_at_a_time:
            await self._sleep_until(max(self._coil_until_s, self._answer_until_s))
            was_closed = await self._before(channel)
            self._coil_until_s = math.inf
            sent = True
            try:
                done = await self._release(channel)
            except LinkLost:
                sent = False
                raise
            finally:
                self._coil_until_s = self._clock.mono_s() + (self._profile.pulse_s if sent else 0.0)
            await self._read_back(channel, was_closed=was_closed, done=done)

    async def _before(self, channel: int) -> bool:
        """How the switch stands, from a reading that also proves that the board is there."""
        if self._read_s.get(channel, -math.inf) < max(self._clock.mono_s() - FRESH_S, self._coil_until_s):
            self._keep(await self._look(channel))
        return self._closed[channel]

    async def _release(self, channel: int) -> bool:
        """Whether the board says that it is done. Raises LinkLost when it was not sent, and OutcomeUnknown."""
        request = self._style.release(self._spec.unit, channel)
        try:
            return await self._ask(request, 1, urgent=True, answer_s=self._profile.answer_s or None)
        except DeviceTimeout:
            self._answer_until_s = self._clock.mono_s() + LATE_S
            return False
        except (LinkLost, OutcomeUnknown) as error:
            raise type(error)(self.device, f"channel {channel}: {error.hint}") from error

    async def _read_back(self, channel: int, *, was_closed: bool, done: bool) -> None:
        """Returns when the release is certain; raises OutcomeUnknown."""
        ends_s = self._clock.mono_s() + (0.0 if self._profile.answer_s else self._profile.pulse_s)
        while True:
            try:
                self._keep(await self._look(channel))
            except DeviceError as error:
                hint = f"channel {channel}: released, then its switch could not be read: {error.hint}"
                raise OutcomeUnknown(self.device, hint) from error
            closed = self._closed[channel]
            if done or (was_closed and not closed):
                self._look_now.set()
                self._learn(channel, was_closed=was_closed, closed=closed)
                return
            if self._clock.mono_s() >= ends_s:
                hint = "the board did not confirm it and its switch did not move; check bolt, switch and supply"
                raise OutcomeUnknown(self.device, f"channel {channel}: released: {hint}")
            await asyncio.sleep(AGAIN_S)

    def _learn(self, channel: int, *, was_closed: bool, closed: bool) -> None:
        """Boards do not say how a switch is wired; a release shows it."""
        if closed != was_closed:
            self._reversed = self._reversed | {channel} if closed else self._reversed - {channel}

    def _tell_reversed(self, emit: Emit) -> None:
        if self._reversed == self._told_reversed:
            return
        self._told_reversed = self._reversed
        which = ", ".join(map(str, sorted(self._reversed)))
        hint = f"input {which} closed as its lock was released; if the lock opened, put it into inverted, or out of it"
        emit(DeviceSuspect(self.device, "switch.reversed", hint if which else None))

    async def _poll(self, emit: Emit) -> None:
        misses = 0
        while True:
            asked_s = self._clock.mono_s()
            self._look_now.clear()
            unsettled = [lock for lock in self._locks if not self._settled(lock)]
            try:
                self._report(await self._sweep(unsettled or self._locks), emit)
                self._tell_reversed(emit)
                misses = 0
            except DeviceTimeout:
                misses += 1
                if misses >= MISSES_LOST:
                    raise
            settled = all(self._settled(lock) for lock in self._locks)
            pause_s = self._spec.poll_ms / 1000 if settled else AGAIN_S
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, asked_s + pause_s - self._clock.mono_s())):
                    await self._look_now.wait()
            await self._sleep_until(asked_s + AGAIN_S)  # a board that babbles must not fill the line

    def _report(self, told: Switches, emit: Emit) -> None:
        """An input counts when two readings in a row agree on it."""
        before = dict(self._closed)
        self._keep(told)
        for channel in self._inputs:
            if channel in told and (closed := self._closed[channel]) == before.get(channel):
                if self._reported.get(channel) == closed:
                    continue
                self._reported[channel] = closed
                emit(InputRead(self.device, channel, closed))

    def _settled(self, lock: int) -> bool:
        channels = (lock, self._profile.locks_max + lock) if self._profile.items else (lock,)
        return all(
            channel in self._reported and self._reported[channel] == self._closed.get(channel) for channel in channels
        )

    def _keep(self, told: Switches) -> None:
        now_s, inverted = self._clock.mono_s(), self._spec.inverted
        for channel in self._inputs:
            if channel in told:
                self._closed[channel], self._read_s[channel] = told[channel] != (channel in inverted), now_s
        self.proof_mono_s = min(self._read_s.values(), default=None)

    async def _sweep(self, wanted: Sequence[int]) -> Switches:
        found: dict[int, bool] = {}
        for request in self._style.sweep(self._spec.unit, wanted, self._told):
            told: Switches = await self._ask(request, 2)
            found.update(told)
            if request.alike and not any(found.values()):
                await self._look(1)  # it may have been the question itself that came back
        return found

    async def _look(self, lock: int) -> Switches:
        """Somebody waits for it."""
        request = self._style.look(self._spec.unit, lock)

        def check(reply: bytes) -> Switches | Refusal | None:
            found = request.check(reply)
            return OWN_VOICE if isinstance(found, OwnVoice) else found

        question: Question[Mapping[int, bool]] = Question(
            self._spec.unit, request.frame, request.heads, check, 2, urgent=True
        )
        return await self._line.ask(question)

    async def _ask(self, request: Request[T], asks: int, *, urgent: bool = False, answer_s: float | None = None) -> T:
        question = Question(self._spec.unit, request.frame, request.heads, request.check, asks, urgent, answer_s)
        return await self._line.ask(question)

    def _heard(self, data: bytes) -> None:
        if self._changes.feed(data):
            self._look_now.set()

    async def _sleep_until(self, at_s: float) -> None:
        if (wait_s := at_s - self._clock.mono_s()) > 0:
            await asyncio.sleep(wait_s)

    def _check(self, channel: int) -> None:
        if channel not in self._locks:
            raise DeviceMisconfigured(
                self.device, f"channel {channel}: the board has the locks 1 to {self._spec.locks}"
            )
