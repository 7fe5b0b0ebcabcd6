"""A port expander on the twin's wires in memory; time is virtual."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest

from drivers.mcp23017 import Mcp23017
from drivers.specs.mcp23017 import Mcp23017Spec
from hal.capabilities import InputRead
from hal.errors import DeviceTimeout
from simulator.faults import parse_fault
from simulator.harness.virtual_loop import run
from simulator.harness.wire.memory_i2c import MemoryI2c, MemoryWires
from simulator.i2c_device import I2cDevice
from simulator.i2c_wires import I2cWires
from simulator.mcp23017 import Mcp23017 as Twin
from tests.contract.rows import Seen
from tests.drivers.fakes import LoopClock, Readings


class Chip:
    def __init__(self) -> None:
        self.seen, self.readings = Seen(), Readings()
        self.wires = MemoryWires("i2c0", I2cWires(asyncio.get_running_loop().time))
        self.twin = Twin(0x20, self.seen, 8)
        self.device = I2cDevice(self.twin, self.wires)
        self.wires.wires.attach(self.device)
        self.bus = MemoryI2c(self.wires)
        table = {"id": "slots", "type": "mcp23017", "link": "i2c0", "inputs": 8}
        self.driver = Mcp23017(Mcp23017Spec.model_validate(table), self.bus, LoopClock())

    def put(self, channel: int, *, closed: bool) -> None:
        self.seen.closed[channel - 1] = closed
        self.twin.look()

    @property
    def told(self) -> list[tuple[int, bool | None]]:
        return [(one.channel, one.closed) for one in self.readings.all if isinstance(one, InputRead)][8:]


def on_a_chip(story: Callable[[Chip], Awaitable[None]]) -> None:
    async def played() -> None:
        chip = Chip()
        chip.device.start()
        await chip.bus.open()
        await chip.driver.start()
        watch = asyncio.create_task(chip.driver.watch(chip.readings))
        await asyncio.sleep(0.1)
        await story(chip)
        assert not watch.done()
        watch.cancel()
        await asyncio.wait({watch})
        chip.device.stop()

    run(played())


@pytest.mark.parametrize("phase_ms", range(0, 20, 3))
def test_a_swap_of_30_ms_is_seen_wherever_it_falls(phase_ms: int) -> None:
    async def story(chip: Chip) -> None:
        chip.put(3, closed=True)
        await asyncio.sleep(0.2 + phase_ms / 1000)
        chip.put(3, closed=False)
        await asyncio.sleep(0.03)
        chip.put(3, closed=True)
        await asyncio.sleep(0.2)
        assert chip.told == [(3, True), (3, False), (3, True)]

    on_a_chip(story)


def test_a_bounce_is_one_change() -> None:
    async def story(chip: Chip) -> None:
        for closed in (True, False, True, False, True):
            chip.put(1, closed=closed)
            await asyncio.sleep(0.004)
        await asyncio.sleep(0.2)
        assert chip.told == [(1, True)]

    on_a_chip(story)


def test_what_the_chip_has_noticed_between_two_equal_readings_counts() -> None:
    async def story(chip: Chip) -> None:
        for _ in range(50):
            chip.put(1, closed=False)
            chip.put(1, closed=True)  # at each reading it is closed
            await asyncio.sleep(0.004)
        assert chip.told == []
        await asyncio.sleep(0.1)
        assert chip.told == [(1, True)]

    on_a_chip(story)


def test_a_chip_that_lost_its_registers_is_set_up_again_and_tells_nothing_wrong(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story(chip: Chip) -> None:
        chip.put(2, closed=True)
        await asyncio.sleep(0.2)
        chip.device.fault(parse_fault("power-cycle=1", chip.twin.faults))
        await asyncio.sleep(0.5)
        assert chip.told == [(2, True)]
        chip.put(4, closed=True)
        await asyncio.sleep(0.2)
        assert chip.told == [(2, True), (4, True)]

    with caplog.at_level(logging.WARNING):
        on_a_chip(story)
    assert "its registers are not as they were set; check its supply" in caplog.text


def test_a_register_that_was_overwritten_is_found_within_a_second(caplog: pytest.LogCaptureFixture) -> None:
    async def story(chip: Chip) -> None:
        await chip.bus.transfer(0x20, b"\x00\xff")  # a pin that should be no input
        await asyncio.sleep(1.5)
        assert chip.told == []

    with caplog.at_level(logging.WARNING):
        on_a_chip(story)
    assert caplog.text.count("its registers are not as they were set") == 1


def test_something_that_keeps_no_registers_is_refused() -> None:
    async def played() -> None:
        chip = Chip()
        chip.twin.take = lambda byte, at_s: True  # type: ignore[method-assign]
        chip.device.start()
        await chip.bus.open()
        with pytest.raises(DeviceTimeout, match="is it an MCP23017"):
            await chip.driver.start()
        chip.device.stop()

    run(played())


def test_a_silent_chip_is_lost_after_three_sweeps() -> None:
    async def played() -> None:
        chip = Chip()
        chip.device.start()
        await chip.bus.open()
        await chip.driver.start()
        chip.device.fault(parse_fault("silent", chip.twin.faults))
        with pytest.raises(DeviceTimeout):
            await chip.driver.watch(chip.readings)
        assert asyncio.get_running_loop().time() < 0.2
        chip.device.stop()

    run(played())
