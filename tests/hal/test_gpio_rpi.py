"""The RPi.GPIO backend against a fake of that module, whose callbacks come from a thread as the real ones do."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Awaitable, Callable
from types import ModuleType

import pytest

from hal.buses import Edge
from hal.errors import DeviceMisconfigured, LinkLost
from hal.gpio_rpi import RpiGpioLines


class FakeGpio(ModuleType):
    BCM, IN, OUT, BOTH, PUD_OFF, PUD_DOWN, PUD_UP = 11, 1, 0, 33, 20, 21, 22

    def __init__(self) -> None:
        super().__init__("RPi.GPIO")
        self.mode: int | None = None
        self.directions: dict[int, int] = {}
        self.pulls: dict[int, int] = {}
        self.levels: dict[int, bool] = {}
        self.callbacks: dict[int, Callable[[int], None]] = {}
        self.edges_work = True

    def setwarnings(self, _: bool) -> None: ...

    def setmode(self, mode: int) -> None:
        self.mode = mode

    def setup(self, line: int, direction: int, *, pull_up_down: int = PUD_OFF, initial: bool = False) -> None:
        if line > 27:
            raise ValueError("The channel sent is invalid on a Raspberry Pi")
        self.directions[line] = direction
        self.pulls[line] = pull_up_down
        if direction == self.OUT:
            self.levels[line] = initial

    def output(self, lines: list[int], values: list[bool]) -> None:
        assert all(self.directions[line] == self.OUT for line in lines)
        self.levels |= dict(zip(lines, values, strict=True))

    def input(self, line: int) -> int:
        return int(self.levels.get(line, self.pulls[line] == self.PUD_UP))

    def add_event_detect(self, line: int, edge: int, *, callback: Callable[[int], None]) -> None:
        assert edge == self.BOTH
        if not self.edges_work:
            raise RuntimeError("Failed to add edge detection")
        self.callbacks[line] = callback

    def remove_event_detect(self, line: int) -> None:
        del self.callbacks[line]

    def cleanup(self, lines: list[int]) -> None:
        for line in lines:
            self.directions[line] = self.IN

    def change(self, line: int, level: bool) -> None:
        self.levels[line] = level
        thread = threading.Thread(target=self.callbacks[line], args=(line,))
        thread.start()
        thread.join()


@pytest.fixture
def gpio(monkeypatch: pytest.MonkeyPatch) -> FakeGpio:
    package, module = ModuleType("RPi"), FakeGpio()
    package.GPIO = module  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "RPi", package)
    monkeypatch.setitem(sys.modules, "RPi.GPIO", module)
    return module


def test_outputs_and_open_drain_by_switching_to_input(gpio: FakeGpio) -> None:
    async def story(lines: RpiGpioLines) -> list[dict[int, int]]:
        await lines.claim_outputs([11], high=True)
        await lines.claim_outputs([5, 6], high=False, drive="open-drain")
        seen = [dict(gpio.directions)]
        await lines.write({5: True, 6: False, 11: False})
        seen.append(dict(gpio.directions))
        return seen

    claimed, written = with_lines(story)
    assert gpio.mode == gpio.BCM
    assert claimed == {11: gpio.OUT, 5: gpio.OUT, 6: gpio.OUT}
    assert written == {11: gpio.OUT, 5: gpio.IN, 6: gpio.OUT}
    assert gpio.levels == {11: False, 5: False, 6: False}
    assert set(gpio.directions.values()) == {gpio.IN}  # after closing


def test_edges_come_from_the_librarys_thread(gpio: FakeGpio) -> None:
    async def story(lines: RpiGpioLines) -> list[Edge]:
        await lines.claim_inputs([16, 20], pull="up", edges=True)
        assert await lines.read([20, 16]) == (True, True)
        waiting = asyncio.ensure_future(lines.next_edges([16, 20]))
        await asyncio.sleep(0)
        gpio.change(16, False)
        gpio.change(20, False)
        gpio.change(16, True)
        return await waiting

    edges = with_lines(story)
    assert [(edge.line, edge.high, edge.seqno) for edge in edges] == [(16, False, 1), (20, False, 1), (16, True, 2)]
    assert edges[0].at_ns <= edges[1].at_ns <= edges[2].at_ns
    assert gpio.callbacks == {}


def test_a_pulse_that_is_over_before_the_callback_is_two_edges(gpio: FakeGpio) -> None:
    """100 us of a Wiegand reader: by the time anybody looks the line is high again."""

    async def story(lines: RpiGpioLines) -> list[Edge]:
        await lines.claim_inputs([16], pull="up", edges=True)
        for _ in range(4):
            gpio.change(16, True)
        await asyncio.sleep(0)
        return await lines.next_edges([16])

    assert [(edge.high, edge.seqno) for edge in with_lines(story)] == [(False, 1), (True, 2), (False, 3), (True, 4)]


def test_an_edge_that_the_library_lost_is_a_gap_and_the_level_is_right_again(gpio: FakeGpio) -> None:
    async def story(lines: RpiGpioLines) -> list[Edge]:
        await lines.claim_inputs([16], pull="up", edges=True)
        gpio.change(16, True)  # down and up, and the library told of one
        edges: list[Edge] = []
        while len(edges) < 2:
            edges += await lines.next_edges([16])
        gpio.change(16, False)
        return edges + await lines.next_edges([16])

    assert [(edge.high, edge.seqno) for edge in with_lines(story)] == [(False, 1), (True, 3), (False, 4)]


def test_a_module_without_working_edges_names_the_one_that_has_them(gpio: FakeGpio) -> None:
    gpio.edges_work = False
    with pytest.raises(DeviceMisconfigured, match="Failed to add edge detection; install rpi-lgpio"):
        with_lines(lambda lines: lines.claim_inputs([16], edges=True))


def test_lines_that_are_taken_or_do_not_exist(gpio: FakeGpio) -> None:
    async def story(lines: RpiGpioLines) -> None:
        await lines.claim_outputs([5], high=False)
        with pytest.raises(DeviceMisconfigured, match="line 5 is taken"):
            await lines.claim_inputs([4, 5])
        await lines.release([5, 99])
        await lines.claim_inputs([5])
        with pytest.raises(DeviceMisconfigured, match="line 28"):
            await lines.claim_inputs([28])

    with_lines(story)


def test_closing_ends_the_waiting_for_edges(gpio: FakeGpio) -> None:
    async def story(lines: RpiGpioLines) -> None:
        await lines.claim_inputs([16], edges=True)
        waiting = asyncio.ensure_future(lines.next_edges([16]))
        await asyncio.sleep(0)
        await lines.close()
        with pytest.raises(LinkLost):
            await waiting
        with pytest.raises(LinkLost):
            await lines.claim_inputs([16])

    with_lines(story)


def test_off_a_raspberry_pi(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "RPi", None)
    with pytest.raises(DeviceMisconfigured, match="or use the backend gpiod"):
        asyncio.run(RpiGpioLines("gpio0").open())


def with_lines(use: Callable[[RpiGpioLines], Awaitable[object]]) -> object:
    async def story() -> object:
        lines = RpiGpioLines("gpio0")
        await lines.open()
        try:
            async with asyncio.timeout(5):
                return await use(lines)
        finally:
            await lines.close()
            await lines.close()

    # In debug mode the loop refuses what a foreign thread must not do.
    return asyncio.run(story(), debug=True)
