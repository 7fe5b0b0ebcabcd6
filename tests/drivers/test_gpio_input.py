"""Contacts on GPIO lines, with the twin's chip in memory and time that is virtual."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from pydantic import ValidationError

from drivers.gpio_input import GpioInput
from drivers.specs.gpio_input import GpioInputSpec
from hal.capabilities import InputRead
from simulator.gpio_chip import GROUND, GpioChip
from simulator.harness.virtual_loop import run
from simulator.harness.wire.memory_lines import MemoryChip, MemoryLines
from tests.drivers.fakes import LoopClock, Readings

Story = Callable[[GpioChip, Readings], Awaitable[None]]


def on_a_chip(story: Story, **keys: object) -> None:
    async def played() -> None:
        chip = GpioChip(asyncio.get_running_loop().time)
        lines, readings = MemoryLines(MemoryChip("gpio0", chip)), Readings()
        await lines.open()
        table = {"id": "slots", "type": "gpio-input", "link": "gpio0", "lines": [4, 5]}
        driver = GpioInput(GpioInputSpec.model_validate(table | keys), lines, LoopClock())
        chip.join(5, GROUND)
        await driver.start()
        watch = asyncio.create_task(driver.watch(readings))
        await asyncio.sleep(0.1)
        await story(chip, readings)
        assert not watch.done()
        watch.cancel()
        await asyncio.wait({watch})
        assert driver.proof_mono_s is None
        await driver.stop()

    run(played())


def told(readings: Readings) -> list[tuple[int, bool | None]]:
    return [(one.channel, one.closed) for one in readings.all if isinstance(one, InputRead)]


def test_a_contact_to_ground_is_closed() -> None:
    async def story(chip: GpioChip, readings: Readings) -> None:
        assert told(readings) == [(1, False), (2, True)]

    on_a_chip(story)


def test_inverted_channels_are_closed_while_high() -> None:
    async def story(chip: GpioChip, readings: Readings) -> None:
        assert told(readings) == [(1, True), (2, True)]

    on_a_chip(story, inverted=[1])


def test_a_swap_of_30_ms_and_a_bounce() -> None:
    async def story(chip: GpioChip, readings: Readings) -> None:
        chip.part(5, GROUND)
        await asyncio.sleep(0.03)
        chip.join(5, GROUND)
        await asyncio.sleep(0.1)
        assert told(readings)[2:] == [(2, False), (2, True)]
        for _ in range(4):
            chip.part(5, GROUND)
            await asyncio.sleep(0.004)
            chip.join(5, GROUND)
            await asyncio.sleep(0.004)
        await asyncio.sleep(0.1)
        assert len(told(readings)) == 4

    on_a_chip(story)


def test_edges_that_come_late_and_all_at_once_are_judged_by_their_stamps() -> None:
    async def story(chip: GpioChip, readings: Readings) -> None:
        now_s = asyncio.get_running_loop().time()
        chip.join(4, GROUND)
        chip.part(4, GROUND)
        chip.pulse(4, now_s + 0.05, 0.03)
        await asyncio.sleep(0.2)
        assert told(readings)[2:] == [(1, True), (1, False)]

    on_a_chip(story)


def test_an_edge_that_was_lost_is_found_by_the_next_look() -> None:
    async def story(chip: GpioChip, readings: Readings) -> None:
        chip._seqnos[4] += 1  # one more that nobody got
        chip._levels[4] = False
        chip._contacts.add(frozenset((4, GROUND)))
        await asyncio.sleep(1.2)
        assert told(readings)[2:] == [(1, True)]

    on_a_chip(story)


def test_what_stands_still_is_proven_each_second() -> None:
    async def story(chip: GpioChip, readings: Readings) -> None:
        await asyncio.sleep(30)
        assert told(readings) == [(1, False), (2, True)]

    on_a_chip(story)


def test_lines_and_channels_are_checked() -> None:
    table = {"id": "slots", "type": "gpio-input", "link": "gpio0", "lines": [4, 5]}
    assert GpioInputSpec.model_validate(table).claimed_lines() == {4: "lines", 5: "lines"}
    with pytest.raises(ValidationError, match="inverted: channel 3 does not exist; there are channels 1 to 2"):
        GpioInputSpec.model_validate(table | {"inverted": [3]})
    with pytest.raises(ValidationError, match="line 4 is named twice"):
        GpioInputSpec.model_validate(table | {"lines": [4, 4]})
