"""cabinet-uplink as a process of its own: the production machine, route and reconnecting between two modelled ends."""

from __future__ import annotations

import asyncio
import contextvars
import json
import math
from collections import deque
from collections.abc import Callable
from typing import Any, Final

from cabinet.control.protocol import ControlError, Params
from cabinet.control.session import Handler, Peer, Subscription
from hal.clock import Clock
from simulator.harness.cabinet import Cabinet
from simulator.harness.happenings import Booted, Died, Published
from simulator.harness.network.broker import ModelBroker, ModelLink
from simulator.harness.process import Process, current, outside
from simulator.harness.virtual_clock import VirtualClock
from simulator.harness.virtual_loop import VirtualLoop
from simulator.types import seeded
from sync.backoff import Backoff
from sync.broker import Broker
from sync.cabinet_messages import PLANES, WATCH, answer_to, notified, planes, refused, request_for
from sync.events import CabinetLost, Event, Head, Question, ReadHead
from sync.machine import Machine
from sync.route import Route
from sync.topics import Topics

RESTART_S: Final = 1.0
KEEPALIVE_S: Final = 30.0
RESEND_S: Final = 30.0
JITTER_S: Final = 5.0
SOCKET_S: Final = 0.0005
RETRY_S: Final = (0.25, 5.0)
UPLINK: Final = Peer(1001, 2, "cabinet-uplink")


class UplinkProcess:
    """Runs while the board has power; killed, it is started again."""

    def __init__(self, cabinet: Cabinet, broker: ModelBroker, loop: VirtualLoop, seed: int) -> None:
        self._cabinet = cabinet
        self._broker = broker
        self._loop = loop
        self._random = seeded(seed, "uplink")
        self._process: Process | None = None
        broker.published.append(self._published)
        cabinet.on_death.append(self._cabinet_died)
        cabinet.aboard.append(self)

    def start(self) -> None:
        if self._process is None or not self._process.alive:
            self._process = Process("cabinet-uplink", self._loop)
            self._cabinet.witness.tell(Booted("cabinet-uplink"))
            self._process.call(self._begin)

    def kill(self) -> None:
        """SIGKILL; it is started again."""
        if self._process is not None and self._process.alive:
            self.end("killed")
            outside(self._loop.call_later, RESTART_S, self._start_again)
            self.unwind()

    def end(self, how: str) -> None:
        """At once, and for good."""
        if self._process is not None and self._process.alive:
            self._process.kill()
            self._broker.cut()
            self._cabinet.witness.tell(Died("cabinet-uplink", how))

    def leave_out(self) -> None:
        """This board has none."""
        self._cabinet.aboard.remove(self)

    def unwind(self) -> None:
        if self._process is not None:
            self._process.unwind()

    def _start_again(self) -> None:
        if self._cabinet.powered:
            self.start()

    def _begin(self) -> None:
        self._clock = VirtualClock(self._loop, self._cabinet.wall, self._cabinet.booted_s)
        self._turns = Turns(self._loop, self._turn)
        self._link = ModelCabinetLink(self._cabinet, self._clock, self._random.random, self._turns.wake)
        self._route: Route | None = None
        self._turns.wake()

    def _turn(self) -> float | None:
        """As cabinet-uplink's main does; when to look again."""
        link = self._link
        for event in link.poll():
            if isinstance(event, Head) and self._route is None:
                self._route = self._make_route(Topics.of("kc/v1", event.origin))
            if self._route is not None:
                self._route.feed(event)
        if self._route is not None:
            self._route.turn()
        wakes = [at for at in (link.wake_s, self._route.wake_s if self._route else None) if at is not None]
        return max(0.0, min(wakes) - self._clock.mono_s()) if wakes else None

    def _make_route(self, topics: Topics) -> Route:
        def make() -> ModelLink:
            return self._broker.connect(topics.device, self._turns.wake, (topics.status, b"offline"))

        machine = Machine(
            topics,
            "simulated",
            self._random.random,
            jitter_s_max=JITTER_S,
            resend_s=RESEND_S,
            started_s=self._clock.mono_s(),
        )
        broker = Broker("model", make, KEEPALIVE_S, self._clock, self._random.random)
        return Route(topics, machine, broker, self._link, self._clock)

    def _cabinet_died(self) -> None:
        """The socket hangs up."""
        if self._process is not None and self._process.alive:
            self._process.call(self._link.hang_up)

    def _published(self, topic: str, payload: bytes) -> None:
        self._cabinet.witness.tell(Published(topic, payload))
        self._cabinet.passes("published")


class Turns:
    """Calls `turn` when woken, and after the time that it gave."""

    def __init__(self, loop: VirtualLoop, turn: Callable[[], float | None]) -> None:
        self._loop = loop
        self._turn = turn
        self._context = contextvars.copy_context()
        self._next: asyncio.Handle | None = None
        self._at_s = math.inf

    def wake(self) -> None:
        """Soon."""
        if self._at_s > 0:
            self._plan(0.0, self._loop.call_soon(self._go, context=self._context))

    def _go(self) -> None:
        self._at_s = math.inf
        after_s = self._turn()
        at_s = math.inf if after_s is None else self._loop.time() + after_s
        if at_s < self._at_s:
            self._plan(at_s, self._loop.call_at(at_s, self._go, context=self._context))

    def _plan(self, at_s: float, handle: asyncio.Handle) -> None:
        if self._next is not None:
            self._next.cancel()
        self._next, self._at_s = handle, at_s


class ModelCabinetLink:
    """As sync.cabinet_link.CabinetLink, with calls where that has a socket; answers come with a later poll."""

    def __init__(self, cabinet: Cabinet, clock: Clock, random: Callable[[], float], wake: Callable[[], None]) -> None:
        self._cabinet = cabinet
        self._clock = clock
        self._backoff = Backoff(*RETRY_S, random)
        self._wake = wake
        self._retry_at: float | None = clock.mono_s()
        self._events: deque[Event] = deque()
        self._line: _Line | None = None

    @property
    def wake_s(self) -> float | None:
        return self._retry_at

    def poll(self) -> list[Event]:
        if self._retry_at is not None and self._clock.mono_s() >= self._retry_at:
            self._connect()
        events = list(self._events)
        self._events.clear()
        return events

    def ask(self, question: Question) -> list[Event]:
        if self._line is not None:
            request = request_for(question)
            self._line.call(request.method, request.params, lambda result: self._answered(question, result))
        return []

    def hang_up(self) -> None:
        """cabinetd is gone."""
        if self._line is not None:
            self._lose()

    def _connect(self) -> None:
        self._retry_at = None
        methods = self._cabinet.uplink_methods()
        if methods is None:
            self._lose()
            return
        spawn, handlers = methods
        self._line = _Line(spawn, handlers, self._heard, self._lose)
        self.ask(ReadHead())
        self._line.call(PLANES, {}, self._planes)

    def _answered(self, question: Question, result: object) -> None:
        if not isinstance(result, ControlError):
            self._tell(answer_to(question, result))
        elif isinstance(question, ReadHead):
            self._lose()
        else:
            self._tell(refused(question))

    def _planes(self, result: object) -> None:
        if isinstance(result, ControlError):
            self._lose()
        else:
            self._backoff.reset()
            self._tell([planes(result)])

    def _heard(self, method: str, params: Params) -> None:
        if (event := notified(method, params)) is not None:
            self._tell([event])

    def _tell(self, events: list[Event]) -> None:
        self._events.extend(events)
        self._wake()

    def _lose(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None
            self._events.clear()
            self._events.append(CabinetLost())
        self._retry_at = self._clock.mono_s() + self._backoff.wait_s()
        self._wake()


class _Line:
    """One connection to uplink.sock: requests one after the other, notifications as they come; JSON between the two.

    What the daemon says reaches the uplink in the uplink's own turn, and a dead one not at all."""

    def __init__(
        self,
        spawn: Callable[[Any], asyncio.Task[Any]],
        handlers: dict[str, Handler],
        heard: Callable[[str, Params], None],
        lost: Callable[[], None],
    ) -> None:
        self._handlers = handlers
        self._home = current()
        self._heard = heard
        self._lost = lost
        self._coming: list[tuple[Callable[..., None], tuple[object, ...]]] = []
        self._requests: asyncio.Queue[tuple[str, Params, Callable[[object], None]]] = asyncio.Queue()
        self._served = [spawn(self._watch()), spawn(self._serve())]

    def close(self) -> None:
        """The daemon sees that nobody is there any more; what was not answered stays so."""
        self._home = None
        for task in self._served:
            task.cancel()

    def call(self, method: str, params: Params, answered: Callable[[object], None]) -> None:
        self._requests.put_nowait((method, params, answered))

    async def _watch(self) -> None:
        subscription = await self._handlers[WATCH]({}, UPLINK)
        assert isinstance(subscription, Subscription)
        async for one in subscription.notifications:
            self._home_call(self._heard, one.method, json.loads(json.dumps(one.params)))
        self._home_call(self._lost)

    async def _serve(self) -> None:
        while True:
            method, params, answered = await self._requests.get()
            try:
                result = await self._handlers[method](params, UPLINK)
            except ControlError as error:
                self._home_call(answered, error)
            else:
                self._home_call(answered, json.loads(json.dumps(result)))

    def _home_call(self, function: Callable[..., None], *args: object) -> None:
        """In the uplink's process, if it lives; what comes together arrives together."""
        self._coming.append((function, args))
        if len(self._coming) == 1:
            outside(asyncio.get_running_loop().call_later, SOCKET_S, self._arrive)

    def _arrive(self) -> None:
        arrived, self._coming = self._coming, []
        for function, args in arrived:
            if self._home is not None and self._home.alive:
                self._home.call(function, *args)
