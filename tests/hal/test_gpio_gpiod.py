"""The libgpiod backend against a fake chip at the edge of the library, and against the kernel's own simulator."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import gpiod
import pytest
from gpiod.line import Bias, Direction, Drive, Value
from gpiod.line import Edge as Detection

from hal import gpio_gpiod
from hal.buses import Edge
from hal.errors import DeviceMisconfigured, DeviceRefused, LinkLost
from hal.gpio_gpiod import EVENTS_MAX, GpiodLines

CONFIGFS = Path("/sys/kernel/config/gpio-sim")


class FakeRequest:
    def __init__(self, chip: FakeChip, settings: dict[int, gpiod.LineSettings]) -> None:
        self.chip = chip
        self.settings = settings
        self.offsets = list(settings)
        self.fd, self._wake = os.pipe()
        self.events: list[gpiod.EdgeEvent] = []
        self.calls: list[tuple[str, object]] = []
        self.failure: OSError | None = None

    def set_values(self, values: dict[int, Value]) -> None:
        if self.failure:
            raise self.failure
        self.calls.append(("set", values))
        self.chip.levels |= values

    def get_values(self, lines: list[int]) -> list[Value]:
        return [self.chip.levels.get(line, Value.INACTIVE) for line in lines]

    def reconfigure_lines(self, config: dict[tuple[int, ...], gpiod.LineSettings]) -> None:
        ((lines, settings),) = config.items()
        self.calls.append(("direction", (lines, settings.direction)))

    def release(self) -> None:
        self.calls.append(("release", None))
        self.chip.taken -= set(self.offsets)
        os.close(self.fd)
        os.close(self._wake)

    def edge(self, line: int, kind: gpiod.EdgeEvent.Type, at_ns: int, seqno: int) -> None:
        self.events.append(gpiod.EdgeEvent(kind.value, at_ns, line, seqno, seqno))
        os.write(self._wake, b"!")

    def read_edge_events(self, most: int) -> list[gpiod.EdgeEvent]:
        if self.failure:
            raise self.failure
        os.read(self.fd, 4096)
        assert most == EVENTS_MAX
        events, self.events = self.events, []
        return events


class FakeChip:
    def __init__(self, label: str) -> None:
        self.label = label
        self.closed = False
        self.taken: set[int] = set()
        self.levels: dict[int, Value] = {}
        self.requests: list[FakeRequest] = []
        self.buffer_size: int | None = None

    def get_info(self) -> SimpleNamespace:
        return SimpleNamespace(label=self.label, num_lines=54)

    def get_line_info(self, line: int) -> SimpleNamespace:
        return SimpleNamespace(used=line in self.taken, consumer="spi0 CS0" if line in self.taken else "")

    def request_lines(
        self, config: dict[tuple[int, ...], gpiod.LineSettings], consumer: str, buffer_size: int
    ) -> FakeRequest:
        ((lines, settings),) = config.items()
        if max(lines) >= 54:
            raise ValueError("line offset of out range")
        if self.taken & set(lines):
            raise OSError(errno.EBUSY, "Device or resource busy")
        self.taken |= set(lines)
        self.buffer_size = buffer_size
        self.requests.append(FakeRequest(self, dict.fromkeys(lines, settings)))
        return self.requests[-1]

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def chips(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[FakeChip]]:
    """gpiochip0 is an expander, gpiochip1 what we want."""
    chips = [FakeChip("raspberrypi-exp-gpio"), FakeChip("pinctrl-bcm2711")]
    for number in range(len(chips)):
        (tmp_path / f"gpiochip{number}").touch()
    monkeypatch.setattr(gpio_gpiod, "CHIPS", tmp_path)
    monkeypatch.setattr(gpiod, "Chip", lambda path: chips[int(path[-1])])
    yield chips
    for chip in chips:
        for request in chip.requests:
            if ("release", None) not in request.calls:
                request.release()


def test_the_chip_is_found_by_its_label(chips: list[FakeChip]) -> None:
    with_lines(lambda lines: lines.claim_outputs([17], high=False))
    assert chips[1].requests[0].offsets == [17]
    assert [chip.closed for chip in chips] == [True, True]


def test_a_missing_chip_names_those_that_are_there(chips: list[FakeChip]) -> None:
    with pytest.raises(LinkLost, match='label "pinctrl-rp1"; there are: pinctrl-bcm2711, raspberrypi-exp-gpio'):
        asyncio.run(GpiodLines("gpio0", "pinctrl-rp1").open())


def test_a_missing_permission_is_said(chips: list[FakeChip], monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_: str) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(gpiod, "Chip", refused)
    with pytest.raises(LinkLost, match="user to the group"):
        asyncio.run(GpiodLines("gpio0", "pinctrl-bcm2711").open())


def test_outputs_start_at_their_level_and_are_written_at_once(chips: list[FakeChip]) -> None:
    async def story(lines: GpiodLines) -> tuple[bool, ...]:
        await lines.claim_outputs([5, 6, 13], high=True, drive="open-drain")
        await lines.claim_outputs([11], high=False)
        await lines.write({5: False, 6: True, 11: True})
        return await lines.read([11, 5, 6])

    assert with_lines(story) == (True, False, True)
    rows, buzzer = chips[1].requests
    assert {(s.direction, s.drive, s.output_value) for s in rows.settings.values()} == {
        (Direction.OUTPUT, Drive.OPEN_DRAIN, Value.ACTIVE)
    }
    assert buzzer.settings[11].drive is Drive.PUSH_PULL
    assert buzzer.settings[11].output_value is Value.INACTIVE
    assert rows.calls[0] == ("set", {5: Value.INACTIVE, 6: Value.ACTIVE})
    assert buzzer.calls[0] == ("set", {11: Value.ACTIVE})


def test_released_outputs_become_inputs_before_they_are_let_go(chips: list[FakeChip]) -> None:
    """Else Raspberry Pi OS keeps their last level: a coil on plain GPIO would stay on."""

    async def story(lines: GpiodLines) -> None:
        await lines.claim_outputs([5, 6], high=True)
        await lines.release([5, 6, 7])
        await lines.claim_outputs([5, 6], high=True)

    with_lines(story)
    for request in chips[1].requests:  # the second one by closing the bus
        assert request.calls == [("direction", ((5, 6), Direction.INPUT)), ("release", None)]


def test_edges_arrive_with_their_kernel_time_and_number(chips: list[FakeChip]) -> None:
    async def story(lines: GpiodLines) -> list[list[Edge]]:
        await lines.claim_inputs([16, 20], pull="up", edges=True)
        (request,) = chips[1].requests
        waiting = asyncio.ensure_future(lines.next_edges([16, 20]))
        await asyncio.sleep(0)
        request.edge(16, gpiod.EdgeEvent.Type.FALLING_EDGE, 1000, 1)
        request.edge(20, gpiod.EdgeEvent.Type.RISING_EDGE, 2000, 1)
        first = await waiting
        request.edge(16, gpiod.EdgeEvent.Type.RISING_EDGE, 3000, 2)
        return [first, await lines.next_edges([16])]

    assert with_lines(story) == [[Edge(16, False, 1000, 1), Edge(20, True, 2000, 1)], [Edge(16, True, 3000, 2)]]
    settings = chips[1].requests[0].settings[16]
    assert (settings.direction, settings.bias, settings.edge_detection) == (
        Direction.INPUT,
        Bias.PULL_UP,
        Detection.BOTH,
    )
    assert settings.debounce_period.total_seconds() == 0
    assert chips[1].buffer_size == 256


def test_a_taken_line_names_who_has_it(chips: list[FakeChip]) -> None:
    chips[1].taken.add(8)
    with pytest.raises(DeviceRefused, match='line 8 is taken by "spi0 CS0"; end that'):
        with_lines(lambda lines: lines.claim_inputs([7, 8]))


def test_a_line_that_is_given_back_can_be_had(chips: list[FakeChip]) -> None:
    async def story(lines: GpiodLines) -> None:
        chips[1].taken.add(8)
        with pytest.raises(DeviceRefused):
            await lines.claim_outputs([8], high=False)
        chips[1].taken.discard(8)
        await lines.claim_outputs([8], high=False)

    with_lines(story)
    assert chips[1].requests[0].offsets == [8]


def test_the_chip_is_found_again_under_another_number(chips: list[FakeChip], monkeypatch: pytest.MonkeyPatch) -> None:
    """As after an update of the kernel, or when the expander comes up later. Between the two it is gone."""

    async def story(lines: GpiodLines) -> None:
        await lines.claim_outputs([17], high=False)
        await lines.close()
        chips.reverse()
        chips[0].closed = False
        await lines.open()
        await lines.claim_outputs([17], high=True)

    with_lines(story)
    assert [request.settings[17].output_value for request in chips[0].requests] == [Value.INACTIVE, Value.ACTIVE]

    def gone(_: str) -> None:
        raise OSError(errno.ENODEV, "No such device")

    monkeypatch.setattr(gpiod, "Chip", gone)
    with pytest.raises(LinkLost, match='no GPIO chip has the label "pinctrl-bcm2711"; there are: none'):
        asyncio.run(GpiodLines("gpio0", "pinctrl-bcm2711").open())


def test_edges_that_the_kernel_dropped_are_a_gap(chips: list[FakeChip]) -> None:
    """Its queue for a request is full: the newest are not kept, and each edge has its number all the same."""

    async def story(lines: GpiodLines) -> list[Edge]:
        await lines.claim_inputs([16], pull="up", edges=True)
        (request,) = chips[1].requests
        for seqno, kind in ((1, "FALLING_EDGE"), (2, "RISING_EDGE"), (7, "FALLING_EDGE")):
            request.edge(16, gpiod.EdgeEvent.Type[kind], seqno * 1000, seqno)
        return await lines.next_edges([16])

    edges = with_lines(story)
    assert [edge.seqno for edge in edges] == [1, 2, 7]  # type: ignore[attr-defined]


def test_a_line_the_chip_does_not_have(chips: list[FakeChip]) -> None:
    with pytest.raises(DeviceMisconfigured, match="lines 0 to 53 exist on pinctrl-bcm2711"):
        with_lines(lambda lines: lines.claim_inputs([54]))


def test_a_chip_that_goes_away_is_a_lost_link(chips: list[FakeChip]) -> None:
    async def story(lines: GpiodLines) -> None:
        await lines.claim_outputs([5], high=False)
        await lines.claim_inputs([16], edges=True)
        for request in chips[1].requests:
            request.failure = OSError(errno.ENODEV, "No such device")
        with pytest.raises(LinkLost):
            await lines.write({5: True})
        waiting = asyncio.ensure_future(lines.next_edges([16]))
        await asyncio.sleep(0)
        chips[1].requests[1].edge(16, gpiod.EdgeEvent.Type.RISING_EDGE, 1, 1)
        with pytest.raises(LinkLost, match="gone"):
            await waiting

    with_lines(story)


def test_closing_ends_the_waiting_for_edges(chips: list[FakeChip]) -> None:
    async def story(lines: GpiodLines) -> None:
        await lines.claim_inputs([16], edges=True)
        waiting = asyncio.ensure_future(lines.next_edges([16]))
        await asyncio.sleep(0)
        await lines.close()
        with pytest.raises(LinkLost):
            await waiting
        with pytest.raises(LinkLost):
            await lines.claim_inputs([16])

    with_lines(story)


@pytest.mark.skipif(not CONFIGFS.exists(), reason="the kernel has no gpio-sim (needs 5.17 with configfs, and root)")
def test_on_the_kernels_simulated_chip() -> None:
    bank = CONFIGFS / "keycabinet-test" / "bank0"
    bank.mkdir(parents=True)
    try:
        (bank / "num_lines").write_text("8")
        (bank / "label").write_text("keycabinet-test")
        (bank.parent / "live").write_text("1")
        chip = (bank / "chip_name").read_text().strip()
        device = (bank.parent / "dev_name").read_text().strip()
        line = Path("/sys/devices/platform") / device / chip / "sim_gpio2" / "pull"

        async def story(lines: GpiodLines) -> tuple[list[Edge], tuple[bool, ...]]:
            line.write_text("pull-down")
            await lines.claim_inputs([2], edges=True)
            line.write_text("pull-up")
            return await lines.next_edges([2]), await lines.read([2])

        edges, levels = with_lines(story, label="keycabinet-test")
        assert [(edge.line, edge.high, edge.seqno) for edge in edges] == [(2, True, 1)]
        assert levels == (True,)
    finally:
        (bank.parent / "live").write_text("0")
        bank.rmdir()
        bank.parent.rmdir()


def with_lines(use: Callable[[GpiodLines], Awaitable[object]], label: str = "pinctrl-bcm2711") -> object:
    async def story() -> object:
        lines = GpiodLines("gpio0", label)
        await lines.open()
        try:
            async with asyncio.timeout(5):
                return await use(lines)
        finally:
            await lines.close()
            await lines.close()

    return asyncio.run(story())
