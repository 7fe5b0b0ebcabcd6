"""Questions and answers on a half-duplex line whose replies carry no transaction number.

Only timing and content tie an answer to its question, hence: one question in flight, silence after every
failure, and an answer must fit its question. Knows no protocol: `Question` does."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from hal.buses import ByteLink, hung_up
from hal.errors import DeviceError, DeviceRefused, DeviceTimeout, LinkLost, OutcomeUnknown
from hal.questions import Hearing, Question, Refusal

log = logging.getLogger(__name__)
T = TypeVar("T")

WAITING_MAX = 64
"""Questions of one level that may wait; a line that far behind will not catch up."""
SUSPECT_S = 1.0
"""How long after its time-out an answer may still come."""
OWED_MAX = 8


@dataclass(slots=True)
class UnitCounters:
    """What became of the questions to one unit; asked = answered + late + bad + the one in flight."""

    asked: int = 0
    answered: int = 0
    """Also by a refusal."""
    late: int = 0
    """Nothing came in time."""
    bad: int = 0
    """Bytes came, but no answer to the question."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Of a line, in seconds."""

    char_s: float
    """One character on the wire."""
    gap_s: float
    """The silence that ends a frame."""
    timeout_s: float
    """How long a unit may take before it answers."""
    latency_s: float
    """What the slowest unit usually takes."""

    @property
    def quiet_s(self) -> float:
        """Silence after which nothing of an earlier answer is expected any more."""
        return self.latency_s + self.gap_s


class Transactions:
    """The master of one line, over a link it opens and closes."""

    def __init__(self, link: ByteLink, timing: Timing, *, echo: bool = False) -> None:
        """With `echo` the adapter returns what it sends: one exact copy is dropped before the answer."""
        self._link = link
        self._timing = timing
        self._echo = echo
        self._urgent: deque[_Waiting] = deque()
        self._polls: deque[_Waiting] = deque()
        self._in_flight: _Waiting | None = None
        self._work = asyncio.Event()
        self._gone: str | None = "the line is not open"
        self._task: asyncio.Task[None] | None = None
        self._silent_from = 0.0
        self._units: dict[int, _Unit] = {}
        self._listeners: list[Callable[[bytes], None]] = []

    def listen(self, heard: Callable[[bytes], None]) -> None:
        """From now on `heard` is given all that is read, also while nobody is asked."""
        self._listeners.append(heard)

    @property
    def counters(self) -> dict[int, UnitCounters]:
        """By unit, since this was made."""
        return {number: unit.counters for number, unit in self._units.items()}

    async def open(self) -> None:
        """Raises as the link does."""
        await self._link.open()
        self._gone = None
        self._silent_from = asyncio.get_running_loop().time()
        self._task = asyncio.create_task(self._serve(), name=f"line {self._link.name}")

    async def close(self) -> None:
        """Whoever waits gets LinkLost."""
        self._fail_all("the line was closed")
        if self._task is not None:
            self._task.cancel()
            self._task = None
        await self._link.close()

    async def hung_up(self) -> None:
        """Raises LinkLost when the link knows that it is gone; never returns."""
        await hung_up(self._link)

    async def ask(self, question: Question[T]) -> T:
        """The answer. Cancelling withdraws a waiting question; one in flight goes on, its answer is dropped.

        Raises DeviceTimeout, DeviceRefused, LinkLost; OutcomeUnknown when the link went after an act was sent."""
        if self._gone is not None:
            raise LinkLost(self._link.name, self._gone)
        level = self._level(question)
        if len(level) >= WAITING_MAX:
            raise DeviceTimeout(self._link.name, f"{WAITING_MAX} questions wait: too many for this line")
        waiting = _Waiting(question, asyncio.get_running_loop().create_future())
        level.append(waiting)
        self._work.set()
        try:
            answer: T = await waiting.answer
        except asyncio.CancelledError:
            with contextlib.suppress(ValueError):
                level.remove(waiting)
            raise
        return answer

    async def _serve(self) -> None:
        try:
            while True:
                await self._wait_for_work()
                await self._silence()
                if waiting := self._next():
                    await self._answer(waiting)
        except DeviceError as error:
            self._fail_all(error.hint)
        except Exception:
            # Whatever it is: opening the line again gives a known state.
            log.exception("%s: unexpected error on the line", self._link.name)
            self._fail_all("unexpected error on the line, see the log")

    async def _wait_for_work(self) -> None:
        """If somebody listens, hears what comes meanwhile; whoever speaks then is waited for."""
        loop = asyncio.get_running_loop()
        while self._listeners and not self._work.is_set():
            both = [loop.create_task(self._read()), loop.create_task(self._work.wait())]
            try:
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in both:
                    task.cancel()
                outcomes = await asyncio.gather(*both, return_exceptions=True)
            if isinstance(outcomes[0], Exception):
                raise outcomes[0]
        await self._work.wait()

    async def _read(self) -> bytes:
        data = await self._link.read()
        self._silent_from = max(self._silent_from, asyncio.get_running_loop().time() + self._timing.gap_s)
        for heard in self._listeners:
            heard(data)
        return data

    def _next(self) -> _Waiting | None:
        """None: whoever asked has withdrawn. With nothing left the line waits for work, not for its silence."""
        level = self._urgent or self._polls
        waiting = level.popleft() if level else None
        if not self._urgent and not self._polls:
            self._work.clear()
        return waiting

    async def _silence(self) -> None:
        """Waits until the line may be spoken on. Bytes nobody asked for begin the silence anew, but not for
        ever: a babbling unit must not stop the others."""
        loop = asyncio.get_running_loop()
        give_up = max(self._silent_from, loop.time()) + self._timing.quiet_s
        while True:
            if (wait_s := self._silent_from - loop.time()) > 0:
                await asyncio.sleep(wait_s)
            if not self._link.discard_input() or loop.time() >= give_up:
                return
            self._silent_from = loop.time() + self._timing.gap_s

    async def _answer(self, waiting: _Waiting) -> None:
        """Asks once; settles the question or puts it back for its second try."""
        question = waiting.question
        unit = self._units.setdefault(question.unit, _Unit())
        hearing = Hearing(question, echo=self._echo, owed=unit.still_owed(asyncio.get_running_loop().time()))
        self._in_flight = waiting
        waiting.asked += 1
        await self._exchange(waiting, hearing)
        self._in_flight = None
        unit.count(hearing)
        if hearing.answer is not None:
            unit.failing = False
            waiting.settle(self._link.name, hearing.answer)
            return
        now_s = asyncio.get_running_loop().time()
        self._silent_from = now_s + self._timing.quiet_s
        # A unit that fails anyway gets one try: the others wait meanwhile.
        again = waiting.asked < question.asks and not unit.failing and not waiting.answer.done()
        if again:
            # Behind those who wait: they have waited for this one's time-out already.
            self._level(question).append(waiting)
            self._work.set()
        else:
            unit.failing = True
            hint = f"unit {question.unit}: {hearing.complaint}"
            waiting.settle(self._link.name, DeviceTimeout(self._link.name, hint))
        # What was heard was probably the answer, spoilt; only noise and a slow answer leave one to come.
        unit.owes(question, until_s=now_s + (self._timing.timeout_s if hearing.anything else SUSPECT_S))

    async def _exchange(self, waiting: _Waiting, hearing: Hearing[Any]) -> None:
        """Sends, then listens until the answer is certain or cannot come any more."""
        question = waiting.question
        loop = asyncio.get_running_loop()
        characters = len(question.frame) + question.size
        answer_s = self._timing.timeout_s if question.answer_s is None else question.answer_s
        deadline = loop.time() + characters * self._timing.char_s + answer_s
        try:
            async with asyncio.timeout_at(deadline) as limit:
                await self._link.write(question.frame)
                waiting.sent = True
                if not question.heads:
                    hearing.answer = question.check(b"")
                    self._silent_from = loop.time() + len(question.frame) * self._timing.char_s + self._timing.quiet_s
                    return
                while not hearing.take(await self._read()):
                    if hearing.enough:
                        limit.reschedule(min(deadline, loop.time() + self._timing.quiet_s))
        except TimeoutError:
            hearing.end()
        self._silent_from = loop.time() + self._timing.gap_s

    def _level(self, question: Question[Any]) -> deque[_Waiting]:
        return self._urgent if question.urgent else self._polls

    def _fail_all(self, hint: str) -> None:
        if self._gone is None:
            self._gone = hint
        waiting = [*self._urgent, *self._polls]
        if self._in_flight is not None:
            waiting.append(self._in_flight)
        self._urgent.clear()
        self._polls.clear()
        self._in_flight = None
        for one in waiting:
            one.settle(self._link.name, one.lost(self._link.name, hint))


@dataclass(slots=True, eq=False)
class _Waiting:
    """A question somebody waits for."""

    question: Question[Any]
    answer: asyncio.Future[Any]
    asked: int = 0
    sent: bool = False
    """Its whole frame went out at least once; a unit does not act on a part of one."""

    def lost(self, line: str, hint: str) -> DeviceError:
        """What becomes of it when the link goes."""
        if self.sent and self.question.asks == 1:
            return OutcomeUnknown(line, f"unit {self.question.unit}: link lost before the answer came: {hint}")
        return LinkLost(line, hint)

    def settle(self, line: str, outcome: object) -> None:
        if self.answer.done():
            return
        if isinstance(outcome, Refusal):
            outcome = DeviceRefused(line, f"unit {self.question.unit}: {outcome.reason}", outcome.code)
        if isinstance(outcome, DeviceError):
            self.answer.set_exception(outcome)
        else:
            self.answer.set_result(outcome)


@dataclass(slots=True, eq=False)
class _Unit:
    """What is known of one unit."""

    counters: UnitCounters = field(default_factory=UnitCounters)
    failing: bool = False
    """Its last question got no answer."""
    _owed: dict[bytes, Question[Any]] = field(default_factory=dict)
    _suspect_until_s: float = 0.0

    def owes(self, question: Question[Any], *, until_s: float) -> None:
        self._owed[question.frame] = question
        self._suspect_until_s = max(self._suspect_until_s, until_s)
        while len(self._owed) > OWED_MAX:
            del self._owed[next(iter(self._owed))]

    def still_owed(self, now_s: float) -> dict[bytes, Question[Any]]:
        if now_s >= self._suspect_until_s:
            self._owed.clear()
        return self._owed

    def count(self, hearing: Hearing[Any]) -> None:
        self.counters.asked += 1
        if hearing.answer is not None:
            self.counters.answered += 1
        elif hearing.anything:
            self.counters.bad += 1
        else:
            self.counters.late += 1
