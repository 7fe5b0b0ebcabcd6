"""Every device type on its simulated device, which lives in another process as the real one does.

A new type joins with its row in tests/contract/rows.py and one in `ACTS`: how it is made to say something."""

from __future__ import annotations

import asyncio
import multiprocessing
import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from drivers.wire.wiegand import END_NS
from hal.capabilities import CardPresented, FingerUnknown, FobRead, InputRead, Reading, Typed
from hal.kept_device import Reports
from hal.supervisor import LinkPlan, Supervisor
from hal.system_clock import SystemClock
from simulator.faults import parse_fault
from simulator.line_server import LineServer, Session
from tests.contract.rig import Server, make_driver, real_bus, twin
from tests.contract.rows import ROWS, Seen

PERSON = "QURB"


@dataclass(frozen=True)
class Act:
    """Once a round: `touch` moves something at the simulated device, `ask` asks the driver for something.

    The round is over with the first reading of `tells` after the touch, or when `ask` returns."""

    touch: Callable[[Any, Seen, int], object] | None = None
    ask: Callable[[Any, int], Awaitable[object]] | None = None
    tells: type[Reading] | None = None
    silence_s: float = 0.0
    """What every driver has to wait behind the last byte or edge: a frame ends by silence, a contact bounces."""
    rest_s: float = 0.0
    """Before each round: what comes faster is dropped, or still plays."""
    seen: bool = False
    """Nothing comes back, so the time is from the call until it is seen or heard at the device."""


def _card(name: str, **more: float) -> Act:
    def present(body: Any, seen: Seen, n: int) -> None:
        card = ROWS[name].cards[n % 2]
        body.present(card[:-1] + bytes([(card[-1] + n) % 256]))  # another one each time

    return Act(present, tells=CardPresented, **more)  # type: ignore[arg-type]


def _hang(body: Any, seen: Seen, n: int) -> None:
    if n % 2:
        seen.fobs.clear()
    else:
        seen.fobs[3] = bytes.fromhex("013C2B1A00000006")


def _close(body: Any, seen: Seen, n: int) -> None:
    seen.closed[0] = not n % 2


def _moved(body: Any, seen: Seen, n: int) -> None:
    _close(body, seen, n)
    body.look()


async def _finger(body: Any, seen: Seen, n: int) -> None:
    """Of nobody, and gone by the next round."""
    seen.finger = 1
    await asyncio.sleep(0.4)
    seen.finger = None


async def _pulse(driver: Any, n: int) -> None:
    await driver.lock(1 + n % 8).pulse(0.1)


async def _line_pulse(driver: Any, n: int) -> None:
    await driver.lock(1 + n % 4).pulse(0.1)


async def _lamp(driver: Any, n: int) -> None:
    await driver.indicator(1).show("off" if n % 2 else "on")


ACTS: dict[str, Act] = {
    "rdm6300-reader": _card("rdm6300-reader"),
    "wiegand-reader": _card("wiegand-reader", silence_s=END_NS / 1e9, rest_s=0.25),
    "keyboard-reader": _card("keyboard-reader", rest_s=0.25),
    "pn532-reader": _card("pn532-reader"),
    "zfm-finger-reader": Act(_finger, tells=FingerUnknown, rest_s=0.5),
    "matrix-keypad": Act(lambda body, seen, n: body.press("5"), tells=Typed),
    "modbus-relay-board": Act(ask=_pulse),
    "lock-board": Act(ask=_pulse, rest_s=0.8),
    "modbus-input-board": Act(_close, tells=InputRead),
    "gpio-lock": Act(ask=_line_pulse, rest_s=0.2, seen=True),
    "gpio-input": Act(_moved, tells=InputRead, silence_s=0.02, rest_s=0.1),
    "mcp23017": Act(_moved, tells=InputRead, rest_s=0.1),
    "ds2482-fobs": Act(_hang, tells=FobRead),
    "led": Act(ask=_lamp),
    "buzzer": Act(ask=lambda driver, n: driver.sound("key"), rest_s=0.1, seen=True),
    "terminal-display": Act(ask=lambda driver, n: driver.show(f"{n}"), seen=True),
    "socket-verifier": Act(
        lambda body, seen, n: body.look(lambda person: True), ask=lambda driver, n: driver.verify(PERSON, 5.0)
    ),
}


class Drivers:
    """Each on its real bus, under the supervisor of the daemon. `hear` gets what they tell."""

    def __init__(self, names: list[str], there: Twins, hear: Callable[[str, Reading], None]) -> None:
        self.by_name: dict[str, Any] = {}
        self.up = {name: asyncio.Event() for name in names}
        self.lost = {name: asyncio.Event() for name in names}
        clock, plans = SystemClock(), []
        for name in names:
            bus = real_bus(name, there.path(name))
            self.by_name[name] = make_driver(name, bus, clock, name)
            plans.append(LinkPlan(bus, (self.by_name[name],)))
        reports = Reports(lambda reading: hear(reading.device, reading), self._is_lost, self._is_up)
        self._supervisor = Supervisor(plans, reports, clock)

    async def __aenter__(self) -> Drivers:
        self._supervisor.start()
        return self

    async def __aexit__(self, *raised: object) -> None:
        await self._supervisor.stop()

    def _is_up(self, name: str) -> None:
        self.lost[name].clear()
        self.up[name].set()

    def _is_lost(self, name: str, hint: str) -> None:
        self.up[name].clear()
        self.lost[name].set()


class Twins:
    """The other process, seen from this one."""

    def __init__(self, names: list[str], folder: Path) -> None:
        self._names = names
        self._paths = {name: folder / name / "link" for name in names}
        self._stamps = multiprocessing.RawArray("d", len(names))
        ours, self._theirs = multiprocessing.Pipe()
        self._pipe = ours

    def path(self, name: str) -> Path:
        return self._paths[name]

    def said_s(self, name: str) -> float:
        """When its device sent something last, or showed it; as perf_counter, which all processes share."""
        return self._stamps[self._names.index(name)]

    def touch(self, name: str, n: int) -> None:
        """Returns at once."""
        self._pipe.send(("touch", name, n))

    def fault(self, name: str, fault: str) -> None:
        self._tell("fault", name, fault)

    def clear(self, name: str) -> None:
        self._tell("clear", name, None)

    def _tell(self, what: str, name: str, value: object) -> None:
        self._pipe.send((what, name, value))
        self._pipe.recv()

    # In the other process

    async def live(self) -> None:
        """Until the pipe is closed."""
        self._pipe.close()
        loop = asyncio.get_running_loop()
        self._seen = {name: Stamping(partial(self._stamp, name)) for name in self._names}
        self._twins = {
            name: twin(name, self._paths[name], random.Random(name), self._seen[name]) for name in self._names
        }
        self._over, self._pressing = loop.create_future(), set[asyncio.Task[object]]()
        for name, (_, simulated, server) in self._twins.items():
            self._paths[name].parent.mkdir()
            if not ACTS[name].seen:
                stamp_what_it_sends(server, partial(self._stamp, name))
            await server.open()
            simulated.start()
        loop.add_reader(self._theirs.fileno(), self._told)
        self._theirs.send(None)
        await self._over

    def _stamp(self, name: str) -> None:
        self._stamps[self._names.index(name)] = perf_counter()

    def _told(self) -> None:
        try:
            what, name, value = self._theirs.recv()
        except EOFError:
            asyncio.get_running_loop().remove_reader(self._theirs.fileno())
            self._over.set_result(None)
            return
        body, simulated, _ = self._twins[name]
        if what == "fault":
            simulated.fault(parse_fault(value, body.faults))
        elif what == "clear":
            simulated.clear()
        elif touch := ACTS[name].touch:
            self._touch(touch(body, self._seen[name], value))
            return
        self._theirs.send(None)

    def _touch(self, goes_on: object) -> None:
        """A press takes a while."""
        if asyncio.iscoroutine(goes_on):
            task = asyncio.ensure_future(goes_on)
            self._pressing.add(task)
            task.add_done_callback(self._pressing.discard)


@contextmanager
def twins(names: list[str], folder: Path) -> Iterator[Twins]:
    """Their process, and the folder with their links; all of it ends with the context."""
    started = Twins(names, folder)
    process = multiprocessing.get_context("fork").Process(target=lambda: asyncio.run(started.live()), daemon=True)
    process.start()
    started._theirs.close()
    started._pipe.recv()
    try:
        yield started
    finally:
        started._pipe.close()
        process.join()


class Stamping(Seen):
    """Whoever looks at a device that answers nothing."""

    def __init__(self, stamp: Callable[[], None]) -> None:
        super().__init__()
        self._stamp = stamp

    def show(self, text: str) -> None:
        self._stamp()
        super().show(text)

    def sound(self, sounding: bool) -> None:
        if sounding:
            self._stamp()
        super().sound(sounding)

    def energise(self, channel: int, *, on: bool) -> None:
        if on:
            self._stamp()
        super().energise(channel, on=on)


def stamp_what_it_sends(server: Server, stamp: Callable[[], None]) -> None:
    """`stamp` is called before each thing the device says."""
    if isinstance(server, LineServer):
        welcome = server._welcome
        server._welcome = lambda say: StampedSession(welcome(partial(_stamped, say, stamp)), stamp)
        return
    send = server.send
    server.send = partial(_stamped, send, stamp)  # type: ignore[method-assign]


def _stamped(send: Callable[[Any], None], stamp: Callable[[], None], what: Any) -> None:
    stamp()
    send(what)


class StampedSession:
    """A client's session on the socket of a chip or a bus."""

    def __init__(self, session: Session, stamp: Callable[[], None]) -> None:
        self._session = session
        self._stamp = stamp
        self.too_long, self.close = session.too_long, session.close

    async def answer(self, line: str) -> str:
        said = await self._session.answer(line)
        self._stamp()
        return said
