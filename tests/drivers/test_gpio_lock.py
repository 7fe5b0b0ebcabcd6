"""Bolts on GPIO lines, with the twin's chip in memory and time that is virtual."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from drivers.gpio_lock import GpioLock
from drivers.specs.gpio_lock import GpioLockSpec
from hal.errors import DeviceRefused, LinkLost, OutcomeUnknown
from simulator.gpio_chip import GROUND, GpioChip
from simulator.gpio_lock import GpioLock as Coils
from simulator.harness.virtual_loop import run
from simulator.harness.wire.memory_lines import MemoryChip, MemoryLines
from tests.contract.rows import Seen
from tests.drivers.fakes import LoopClock, Readings

Story = Callable[[GpioLock, Seen, MemoryChip], Awaitable[None]]


def on_a_chip(story: Story, **keys: object) -> None:
    async def played() -> None:
        seen, chip = Seen(), MemoryChip("gpio0", GpioChip(asyncio.get_running_loop().time))
        table = {"id": "bolts", "type": "gpio-lock", "link": "gpio0", "lines": [4, 5]} | keys
        spec = GpioLockSpec.model_validate(table)
        Coils(spec.lines, spec.active_high, seen).attach(chip.chip)
        lines = MemoryLines(chip)
        await lines.open()
        driver = GpioLock(spec, lines, LoopClock())
        await driver.start()
        await story(driver, seen, chip)
        assert seen.coils_on == set()

    run(played())


def time_s() -> float:
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize("active_high", [True, False])
def test_a_pulse_is_as_long_as_asked(*, active_high: bool) -> None:
    async def story(driver: GpioLock, seen: Seen, chip: MemoryChip) -> None:
        assert seen.coils_on == set()
        began_s = time_s()
        pulse = asyncio.create_task(driver.lock(2).pulse(0.5))
        await asyncio.sleep(0.49)
        assert seen.coils_on == {2}
        await pulse
        assert time_s() - began_s == pytest.approx(0.5)
        assert seen.coils_on == set()

    on_a_chip(story, active_high=active_high)


def test_two_coils_are_never_on_together() -> None:
    async def story(driver: GpioLock, seen: Seen, chip: MemoryChip) -> None:
        both = asyncio.gather(driver.lock(1).pulse(0.3), driver.lock(2).pulse(0.3))
        while not both.done():
            assert len(seen.coils_on) <= 1
            await asyncio.sleep(0.01)
        assert seen.pulses == [1, 2]
        assert time_s() == pytest.approx(0.7, abs=0.011)

    on_a_chip(story)


def test_a_coil_that_was_on_for_its_share_of_a_minute_has_to_cool() -> None:
    async def story(driver: GpioLock, seen: Seen, chip: MemoryChip) -> None:
        for _ in range(12):
            await driver.lock(1).pulse(0.5)
        with pytest.raises(DeviceRefused, match=r"channel 1: its coil was on for 6.0 s within a minute .* in 53 s"):
            await driver.lock(1).pulse(0.5)
        await driver.lock(2).pulse(0.5)
        await asyncio.sleep(53)
        await driver.lock(1).pulse(0.5)
        assert len(seen.pulses) == 14

    on_a_chip(story)


def test_who_gives_up_leaves_the_coil_off() -> None:
    async def story(driver: GpioLock, seen: Seen, chip: MemoryChip) -> None:
        pulse = asyncio.create_task(driver.lock(1).pulse(1.0))
        await asyncio.sleep(0.2)
        pulse.cancel()
        with pytest.raises(asyncio.CancelledError):
            await pulse
        assert seen.coils_on == set()

    on_a_chip(story)


def test_stop_ends_a_pulse() -> None:
    async def story(driver: GpioLock, seen: Seen, chip: MemoryChip) -> None:
        pulse = asyncio.create_task(driver.lock(1).pulse(1.0))
        await asyncio.sleep(0.2)
        await driver.stop()
        assert seen.coils_on == set()
        await pulse

    on_a_chip(story)


def test_a_chip_lost_in_the_pulse_is_unknown_and_before_it_surely_not_pulsed() -> None:
    async def story(driver: GpioLock, seen: Seen, chip: MemoryChip) -> None:
        pulse = asyncio.create_task(driver.lock(1).pulse(1.0))
        await asyncio.sleep(0.2)
        chip.unplug()
        assert seen.coils_on == set(), "the lines go to their pull"
        with pytest.raises(OutcomeUnknown, match="channel 1: the chip was lost in the pulse"):
            await pulse
        with pytest.raises((LinkLost, OutcomeUnknown)):
            await driver.lock(1).pulse(1.0)
        assert seen.pulses == [1]

    on_a_chip(story)


def test_a_line_that_does_not_come_on_is_unknown_and_one_that_stays_on_is_found() -> None:
    async def story(driver: GpioLock, seen: Seen, chip: MemoryChip) -> None:
        chip.chip.join(4, GROUND)
        with pytest.raises(OutcomeUnknown, match="switched on, and the line reads off; check it for a short"):
            await driver.lock(1).pulse(0.5)

    async def inverted(driver: GpioLock, seen: Seen, chip: MemoryChip) -> None:
        watch = asyncio.create_task(driver.watch(Readings()))
        await asyncio.sleep(2.5)
        assert not watch.done()
        chip.chip.join(5, GROUND)
        with pytest.raises(DeviceRefused, match="channel 2: the line stays on although it was switched off"):
            await watch
        chip.chip.part(5, GROUND)

    on_a_chip(story)
    on_a_chip(inverted, active_high=False)


def test_all_off_needs_no_start() -> None:
    async def story(driver: GpioLock, seen: Seen, chip: MemoryChip) -> None:
        lines = MemoryLines(chip)
        await lines.open()
        spec = GpioLockSpec.model_validate({"id": "b", "type": "gpio-lock", "link": "gpio0", "lines": [4, 5]})
        await GpioLock(spec, lines, LoopClock()).all_off()

    on_a_chip(story)
