"""Links and devices that fail and come back: who is told, when it is tried again, and who goes on meanwhile."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from hal.board_line import SerialBoardLine
from hal.capabilities import CardPresented, DeviceSuspect, Emit, FobRead, InputRead, Reading
from hal.clock import Now
from hal.errors import DeviceAway, DeviceMisconfigured, DeviceRefused, DeviceTimeout, LinkLost
from hal.modbus import RtuLine
from hal.serial_link import SerialLink
from hal.supervisor import LinkPlan, Reports, Supervisor
from simulator.harness.virtual_loop import run
from tests.hal.boards import Board
from tests.hal.links import MemoryLink


class LoopClock:
    def mono_s(self) -> float:
        return asyncio.get_running_loop().time()

    def now(self) -> Now:
        return Now(self.mono_s(), 0, "none")


class Gadget:
    """A device that does as told: `fail` ends its watch, `broken` keeps it from starting."""

    def __init__(self, name: str) -> None:
        self.device = name
        self.started_s: list[float] = []
        self.stops = 0
        self.broken: Exception | None = None
        self.on_stop: Callable[[], Awaitable[None]] | None = None
        self.emit: Emit = print
        self._fails: asyncio.Future[None] | None = None

    async def start(self) -> None:
        self.started_s.append(round(asyncio.get_running_loop().time(), 3))
        if self.broken:
            raise self.broken

    async def watch(self, emit: Emit) -> None:
        self.emit = emit
        self._fails = asyncio.get_running_loop().create_future()
        await self._fails

    async def stop(self) -> None:
        self.stops += 1
        if self.on_stop:
            await self.on_stop()

    def fail(self, error: Exception) -> None:
        assert self._fails is not None
        self._fails.set_exception(error)


class Cabinet:
    """Two links: a and b on one, c on the other. `news` has what was told, with the time."""

    def __init__(self) -> None:
        self.links = [MemoryLink(name="left"), MemoryLink(name="right")]
        self.a, self.b, self.c = Gadget("a"), Gadget("b"), Gadget("c")
        self.news: list[tuple[float, str, str]] = []
        self.readings: list[Reading] = []
        reports = Reports(emit=self.readings.append, lost=self.lost, restored=self.restored)
        plans = [LinkPlan(self.links[0], (self.a, self.b)), LinkPlan(self.links[1], (self.c,))]
        self.supervisor = Supervisor(plans, reports, LoopClock())

    def lost(self, device: str, hint: str) -> None:
        self.tell("lost", device)
        self.readings.append(CardPresented(device, hint.encode()))  # its place among the readings

    def restored(self, device: str) -> None:
        self.tell("restored", device)

    def tell(self, what: str, device: str) -> None:
        self.news.append((round(asyncio.get_running_loop().time(), 3), what, device))

    def state(self, device: str) -> tuple[str, float, str | None]:
        (status,) = (one for one in self.supervisor.status() if one.device == device)
        return status.state, round(status.since_mono_s, 3), status.hint


Story = Callable[[Cabinet], Coroutine[Any, Any, None]]


def play(story: Story, before: Callable[[Cabinet], None] = lambda _: None) -> Cabinet:
    async def whole() -> Cabinet:
        cabinet = Cabinet()
        before(cabinet)
        cabinet.supervisor.start()
        await story(cabinet)
        await cabinet.supervisor.stop()
        return cabinet

    return run(whole())


ALL_UP = [(0.0, "restored", "a"), (0.0, "restored", "b"), (0.0, "restored", "c")]


def test_everything_comes_up_once_and_is_stopped_at_the_end() -> None:
    async def story(cabinet: Cabinet) -> None:
        await asyncio.sleep(60)
        assert [one.state for one in cabinet.supervisor.status()] == ["up", "up", "up"]
        assert [one.link for one in cabinet.supervisor.status()] == ["left", "left", "right"]

    cabinet = play(story)
    assert sorted(cabinet.news) == ALL_UP
    assert (cabinet.a.stops, cabinet.b.stops, cabinet.c.stops) == (1, 1, 1)
    assert [link.opened for link in cabinet.links] == [1, 1]


def test_a_device_that_is_not_plugged_in_is_looked_for_all_the_time_and_one_that_flickers_is_not() -> None:
    async def story(cabinet: Cabinet) -> None:
        await asyncio.sleep(10)
        cabinet.a.broken = DeviceAway("left", "pulled out")
        cabinet.a.fail(DeviceAway("left", "pulled out"))
        await asyncio.sleep(600)
        tries = len(cabinet.a.started_s)
        assert tries == pytest.approx(1200, abs=2)
        cabinet.a.broken = None
        await asyncio.sleep(0.5)
        assert cabinet.state("a")[0] == "up"
        for _ in range(10):
            await asyncio.sleep(5)
            if cabinet.state("a")[0] == "up":
                cabinet.a.fail(DeviceAway("left", "pulled out"))
        tries = len(cabinet.a.started_s)
        for _ in range(60):
            await asyncio.sleep(0.4)
            if cabinet.state("a")[0] == "up":
                cabinet.a.fail(DeviceAway("left", "pulled out"))
        assert len(cabinet.a.started_s) - tries < 20, "each time is journaled"

    play(story)


def test_one_dead_device_is_lost_alone_and_asked_less_and_less_often() -> None:
    async def story(cabinet: Cabinet) -> None:
        await asyncio.sleep(10)
        cabinet.a.broken = DeviceTimeout("left", "unit 1: no answer")
        cabinet.a.fail(DeviceTimeout("left", "unit 1: no answer"))
        await asyncio.sleep(25)
        assert cabinet.state("a") == ("lost", 10.0, "unit 1: no answer")
        cabinet.a.broken = None
        await asyncio.sleep(5)
        assert cabinet.state("a") == ("up", 37.5, None)

    cabinet = play(story)
    assert sorted(cabinet.news) == [*ALL_UP, (10.0, "lost", "a"), (37.5, "restored", "a")]
    assert cabinet.a.started_s == [0, 10.5, 11.5, 13.5, 17.5, 22.5, 27.5, 32.5, 37.5]
    assert cabinet.b.started_s == cabinet.c.started_s == [0]
    assert cabinet.links[0].opened == 1


def test_a_device_that_held_for_a_while_is_tried_again_soon() -> None:
    async def story(cabinet: Cabinet) -> None:
        for pause_s in (6.0, 0.6, 6.0):
            await asyncio.sleep(pause_s)
            cabinet.a.fail(DeviceTimeout("left", "no answer"))
        await asyncio.sleep(1)

    # 0.5 s after it held for 6 s; double that after it held for 0.1 s; and after it held again
    assert play(story).a.started_s == [0, 6.5, 7.6, 13.1]


def test_a_lost_link_takes_its_devices_and_nobody_elses() -> None:
    async def story(cabinet: Cabinet) -> None:
        await asyncio.sleep(10)
        left = cabinet.links[0]
        left.absent = True
        cabinet.a.fail(LinkLost("left", "the port hung up"))
        await asyncio.sleep(0.001)
        assert not left._open
        assert cabinet.state("b") == ("lost", 10.0, "the port hung up")
        await asyncio.sleep(10)
        assert cabinet.state("b") == ("lost", 10.0, "no such port")
        left.absent = False

        await asyncio.sleep(10)

    cabinet = play(story)
    back_s = 20.2  # 0.2 s after the loss, and then every 0.25 s
    assert sorted(cabinet.news) == [
        *ALL_UP,
        (10.0, "lost", "a"),
        (10.0, "lost", "b"),
        (back_s, "restored", "a"),
        (back_s, "restored", "b"),
    ]
    assert cabinet.links[0].opened == 1 + 41
    assert cabinet.c.started_s == [0]


def test_whoever_plugs_it_in_waits_no_second_however_often() -> None:
    """It holds for a second each time, which is no loose contact; a device that failed before is tried anew."""
    back_s = []

    async def story(cabinet: Cabinet) -> None:
        left, loop = cabinet.links[0], asyncio.get_running_loop()
        for gone_s in (0.01, 0.1, 0.3, 4, 60) * 4:
            await asyncio.sleep(1.1)
            left.absent = True
            cabinet.a.fail(LinkLost("left", "the port hung up"))
            await asyncio.sleep(gone_s)
            left.absent, cabinet.b.broken = False, DeviceTimeout("left", "it is not up yet")
            plugged_s = loop.time()
            await asyncio.sleep(0.3)
            cabinet.b.broken = None
            await asyncio.sleep(0.7)
            back_s.extend(news[0] - plugged_s for news in cabinet.news[-2:])
            assert {news[1:] for news in cabinet.news[-2:]} == {("restored", "a"), ("restored", "b")}

    play(story)
    assert max(back_s) < 0.8


def test_a_link_that_opens_and_fails_at_once_is_not_opened_faster() -> None:
    def dead(cabinet: Cabinet) -> None:
        cabinet.a.broken = LinkLost("left", "the port hung up")

    async def story(_: Cabinet) -> None:
        await asyncio.sleep(20)

    assert play(story, dead).a.started_s == [0, 0.2, 0.6, 1.4, 3.0, 6.2, 11.2, 16.2]


def test_a_link_that_was_never_there_is_lost_once() -> None:
    def absent(cabinet: Cabinet) -> None:
        cabinet.links[1].absent = True

    async def story(_: Cabinet) -> None:
        await asyncio.sleep(60)

    cabinet = play(story, absent)
    assert [news for news in cabinet.news if news[2] == "c"] == [(0.0, "lost", "c")]
    assert cabinet.c.stops == 0


def test_a_misconfigured_device_stays_stopped_even_when_its_link_is_opened_again() -> None:
    def wrong(cabinet: Cabinet) -> None:
        cabinet.a.broken = DeviceMisconfigured("a", "control mode is linkage")

    async def story(cabinet: Cabinet) -> None:
        await asyncio.sleep(10)
        cabinet.b.fail(LinkLost("left", "the port hung up"))
        await asyncio.sleep(10)
        assert cabinet.state("a") == ("stopped", 0.0, "control mode is linkage")
        assert cabinet.state("b")[0] == "up"

    cabinet = play(story, wrong)
    assert cabinet.a.started_s == [0]
    assert [news for news in cabinet.news if news[2] == "a"] == [(0.0, "lost", "a")]


def test_a_link_that_can_never_be_opened_stops_its_devices(mocker: Any) -> None:
    async def story(cabinet: Cabinet) -> None:
        await asyncio.sleep(60)
        assert cabinet.state("c") == ("stopped", 0.0, "9601 baud")

    async def refused() -> None:
        raise DeviceMisconfigured("right", "9601 baud")

    cabinet = play(story, lambda cabinet: mocker.patch.object(cabinet.links[1], "open", refused))
    assert sorted(cabinet.news) == [(0.0, "lost", "c"), (0.0, "restored", "a"), (0.0, "restored", "b")]


def test_a_bug_in_a_driver_ends_nothing_and_is_traced_once(caplog: pytest.LogCaptureFixture) -> None:
    async def story(cabinet: Cabinet) -> None:
        await asyncio.sleep(10)
        cabinet.a.broken = ZeroDivisionError("oops")
        cabinet.a.fail(KeyError("bug"))
        await asyncio.sleep(30)
        cabinet.a.broken = None
        await asyncio.sleep(5)
        assert cabinet.state("a")[0] == "up"

    with caplog.at_level(logging.INFO):
        cabinet = play(story)
    assert [news[1] for news in cabinet.news if news[2] == "a"] == ["restored", "lost", "restored"]
    traced = [record for record in caplog.records if record.exc_info]
    assert [type(record.exc_info[1]) for record in traced if record.exc_info] == [KeyError]
    told = [record.getMessage() for record in caplog.records if record.getMessage().startswith("a:")]
    assert told == [
        "a: up",
        "a: unexpected error",
        "a: lost: unexpected error in the driver, see the log",
        "a: back",
    ]


def test_a_watch_that_ends_by_itself_is_a_loss() -> None:
    async def story(cabinet: Cabinet) -> None:
        await asyncio.sleep(1)
        assert cabinet.a._fails is not None
        cabinet.a._fails.set_result(None)
        await asyncio.sleep(10)

    assert [news[1] for news in play(story).news if news[2] == "a"] == ["restored", "lost", "restored"]


def test_a_start_without_end_is_a_loss(mocker: Any) -> None:
    def hangs(cabinet: Cabinet) -> None:
        mocker.patch.object(cabinet.a, "start", side_effect=partial(asyncio.sleep, 3600))

    async def story(cabinet: Cabinet) -> None:
        await asyncio.sleep(11)
        assert cabinet.state("a") == ("lost", 10.0, "it did not start within 10 s")
        assert cabinet.state("b")[0] == "up"

    play(story, hangs)


def test_a_visit_that_needs_a_device_does_not_wait_for_its_turn() -> None:
    async def story(cabinet: Cabinet) -> None:
        cabinet.a.broken = DeviceTimeout("left", "no answer")
        await asyncio.sleep(20)
        cabinet.supervisor.wake("a")
        await asyncio.sleep(0.001)
        cabinet.supervisor.wake("a")
        cabinet.a.broken = None
        await asyncio.sleep(0.001)
        assert cabinet.state("a")[0] == "up"
        cabinet.supervisor.wake("b")  # up: nothing to do
        cabinet.supervisor.wake("nobody")
        await asyncio.sleep(30)

    def dead(cabinet: Cabinet) -> None:
        cabinet.a.broken = DeviceTimeout("left", "no answer")

    cabinet = play(story, dead)
    assert cabinet.a.started_s == [0, 0.5, 1.5, 3.5, 7.5, 12.5, 17.5, 20, 20.001]
    assert cabinet.b.started_s == [0]


def test_a_visit_that_needs_a_device_opens_its_link_at_once() -> None:
    def absent(cabinet: Cabinet) -> None:
        cabinet.links[1].absent = True

    async def story(cabinet: Cabinet) -> None:
        await asyncio.sleep(20)
        cabinet.links[1].absent = False
        cabinet.supervisor.wake("c")
        await asyncio.sleep(0.001)
        assert cabinet.state("c") == ("up", 20.0, None)

    play(story, absent)


def test_what_a_lost_device_had_read_is_no_proof_any_more() -> None:
    async def story(cabinet: Cabinet) -> None:
        await asyncio.sleep(1)
        cabinet.a.emit(InputRead("a", 2, True))
        cabinet.a.emit(InputRead("a", 1, False))
        cabinet.a.emit(InputRead("a", 2, False))
        cabinet.a.emit(FobRead("a", 1, "fob", b"\x01\x05\x00\x00\x00\x00\x00\x8a"))
        cabinet.a.emit(DeviceSuspect("a", "key.stuck", "a jammed key"))
        cabinet.a.emit(DeviceSuspect("a", "keyboard.foreign", "a keyboard"))
        assert cabinet.state("a") == ("up", 0.0, "a jammed key; a keyboard")
        cabinet.a.emit(DeviceSuspect("a", "keyboard.foreign", None))
        assert cabinet.state("a") == ("up", 0.0, "a jammed key")
        cabinet.a.fail(DeviceTimeout("a", "no answer"))
        await asyncio.sleep(1)
        cabinet.a.fail(DeviceTimeout("a", "no answer"))
        await asyncio.sleep(10)

    assert play(story).readings == [
        InputRead("a", 2, True),
        InputRead("a", 1, False),
        InputRead("a", 2, False),
        FobRead("a", 1, "fob", b"\x01\x05\x00\x00\x00\x00\x00\x8a"),
        DeviceSuspect("a", "key.stuck", "a jammed key"),
        DeviceSuspect("a", "keyboard.foreign", "a keyboard"),
        DeviceSuspect("a", "keyboard.foreign", None),
        CardPresented("a", b"no answer"),
        InputRead("a", 1, None),
        InputRead("a", 2, None),
        FobRead("a", 1, None),
        DeviceSuspect("a", "key.stuck", None),
        CardPresented("a", b"no answer"),
    ]


def test_stopping_takes_a_second_at_most_and_nothing_hinders_it() -> None:
    async def story(cabinet: Cabinet) -> None:
        async def hangs() -> None:
            await asyncio.sleep(3600)

        async def fails() -> None:
            raise DeviceRefused("b", "the coil stays on")

        async def bug() -> None:
            raise ZeroDivisionError

        await asyncio.sleep(1)
        cabinet.a.on_stop, cabinet.b.on_stop, cabinet.c.on_stop = hangs, fails, bug
        await cabinet.supervisor.stop()
        assert asyncio.get_running_loop().time() == 2.0
        cabinet.a.on_stop = None
        assert not any(link._open for link in cabinet.links)

    assert sorted(play(story).news) == ALL_UP


def test_a_driver_that_ignores_its_cancellation_holds_nobody_up() -> None:
    class Stubborn(Gadget):
        async def watch(self, emit: Emit) -> None:
            while True:
                try:
                    await asyncio.sleep(3)
                except asyncio.CancelledError:
                    if asyncio.get_running_loop().time() > 20:
                        raise

    async def story(cabinet: Cabinet) -> None:
        await asyncio.sleep(10)
        cabinet.b.fail(LinkLost("left", "hung up"))
        await asyncio.sleep(0.001)
        assert not cabinet.links[0]._open
        await asyncio.sleep(2)
        assert cabinet.state("b") == ("up", 11.2, None)
        await asyncio.sleep(20)

    def stubborn(cabinet: Cabinet) -> None:
        cabinet.a = Stubborn("a")
        cabinet.supervisor = Supervisor(
            [LinkPlan(cabinet.links[0], (cabinet.a, cabinet.b))],
            Reports(emit=cabinet.readings.append, lost=cabinet.lost, restored=cabinet.restored),
            LoopClock(),
        )

    play(story, stubborn)


def test_a_dead_board_on_a_shared_line_leaves_the_others_their_pace() -> None:
    """A whole Modbus line: unit 9 is dead, unit 1 is polled every 50 ms."""

    class Poller(Gadget):
        unit = 1

        async def start(self) -> None:
            await line.read_inputs(self.unit, 0, 8)

        async def watch(self, emit: Emit) -> None:
            while True:
                polls.append(asyncio.get_running_loop().time())
                await line.read_inputs(self.unit, 0, 8)
                await asyncio.sleep(0.05)

    line = RtuLine(MemoryLink(Board(unit=1)))
    polls: list[float] = []

    async def story() -> None:
        good, dead = Poller("good"), Poller("dead")
        dead.unit = 9
        reports = Reports(emit=print, lost=lambda *_: None, restored=lambda _: None)
        supervisor = Supervisor([LinkPlan(line, (good, dead))], reports, LoopClock())
        supervisor.start()
        await asyncio.sleep(60)
        await supervisor.stop()

    run(story())
    late = [later - sooner for sooner, later in pairwise(polls) if later - sooner > 0.1]
    assert len(polls) > 800
    assert len(late) <= 16
    assert max(late) < 0.5


def test_who_only_waits_is_lost_at_once_when_the_port_hangs_up(tmp_path: Path) -> None:
    """Real pseudo-terminals; neither a display nor a board that is seldom asked has to say something first."""

    def plug(path: Path) -> int:
        master, slave = os.openpty()
        path.symlink_to(os.ttyname(slave))
        os.close(slave)
        return master

    async def story() -> list[str]:
        news: asyncio.Queue[str] = asyncio.Queue()
        reports = Reports(print, lambda device, _: news.put_nowait(f"{device} lost"), news.put_nowait)
        paths = [tmp_path / name for name in ("uart0", "rs485", "lines")]
        port, modbus, boards = (SerialLink(path.name, str(path)) for path in paths)
        links = [port, RtuLine(modbus), SerialBoardLine(boards)]
        names = ("display", "relays", "locks")
        plans = [LinkPlan(link, (Gadget(name),)) for link, name in zip(links, names, strict=True)]
        supervisor = Supervisor(plans, reports, LoopClock())
        masters = [plug(path) for path in paths]
        supervisor.start()
        told = [await news.get() for _ in names]
        for master in masters:
            os.close(master)
        told += [await news.get() for _ in names]
        await supervisor.stop()
        return told

    async def bounded() -> list[str]:
        async with asyncio.timeout(5):
            return await story()

    told = asyncio.run(bounded())
    assert sorted(told[:3]) == ["display", "locks", "relays"]
    assert sorted(told[3:]) == ["display lost", "locks lost", "relays lost"]


def test_unplugged_and_plugged_in_again_behind_its_name(tmp_path: Path) -> None:
    """Real pseudo-terminals and real time: the new one has another number behind the same link."""

    class Reader(Gadget):
        def __init__(self, link: SerialLink) -> None:
            super().__init__("reader")
            self.link = link

        async def watch(self, emit: Emit) -> None:
            while True:
                emit(CardPresented("reader", await self.link.read()))

    path = tmp_path / "uart0"

    def plug() -> tuple[int, str]:
        master, slave = os.openpty()
        path.unlink(missing_ok=True)
        name = os.ttyname(slave)
        path.symlink_to(name)
        os.close(slave)
        return master, name

    async def story() -> tuple[list[object], set[str]]:
        news: asyncio.Queue[object] = asyncio.Queue()
        reports = Reports(
            emit=news.put_nowait, lost=lambda device, _: news.put_nowait("lost"), restored=news.put_nowait
        )
        link = SerialLink("uart0", str(path))
        supervisor = Supervisor([LinkPlan(link, (Reader(link),))], reports, LoopClock())
        master, first = plug()
        supervisor.start()
        seen = [await news.get()]
        os.write(master, b"one")
        seen.append(await news.get())
        unplugged = master
        master, second = plug()  # while the old one is there, so that the kernel gives it another number
        os.close(unplugged)
        seen.append(await news.get())
        seen.append(await news.get())
        os.write(master, b"two")
        seen.append(await news.get())
        await supervisor.stop()
        os.close(master)
        return seen, {first, second}

    async def bounded() -> tuple[list[object], set[str]]:
        async with asyncio.timeout(5):
            return await story()

    seen, names = asyncio.run(bounded())
    assert seen == ["reader", CardPresented("reader", b"one"), "lost", "reader", CardPresented("reader", b"two")]
    assert len(names) == 2
