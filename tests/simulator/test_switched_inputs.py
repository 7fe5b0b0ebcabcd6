"""Contacts on a port expander and on GPIO lines, as a program sees them."""

from __future__ import annotations

import asyncio

from simulator.faults import parse_fault
from simulator.gpio_chip import GpioChip, Holder, Input
from simulator.gpio_input import GpioInput
from simulator.harness.virtual_loop import run
from simulator.mcp23017 import Mcp23017
from tests.contract.rows import Seen


def read(chip: Mcp23017, register: int, count: int = 1) -> str:
    chip.begin()
    chip.take(register, 0.0)
    chip.begin()
    return chip.give(count, 0.0, 0.0).hex(" ")


def write(chip: Mcp23017, register: int, *values: int) -> None:
    chip.begin()
    for byte in (register, *values):
        chip.take(byte, 0.0)


def test_an_expander_as_at_power_on_and_set_up() -> None:
    async def story() -> None:
        seen = Seen()
        chip = Mcp23017(0x20, seen, 8)
        chip.power(on=True)
        assert read(chip, 0x00, 22) == "ff ff" + " 00" * 20
        write(chip, 0x0C, 0x7F, 0x7F)
        assert read(chip, 0x12, 2) == "7f 7f"
        write(chip, 0x02, 0x7F, 0x7F)
        assert read(chip, 0x12, 2) == "00 00"
        seen.closed[0] = seen.closed[7] = True
        chip.look()
        assert read(chip, 0x12, 2) == "01 01"
        chip.power(on=False)

    run(story())


def test_a_change_is_kept_until_it_is_read_and_the_first_one_counts() -> None:
    async def story() -> None:
        seen = Seen()
        chip = Mcp23017(0x20, seen, 8)
        chip.power(on=True)
        write(chip, 0x0C, 0x7F, 0x7F)
        write(chip, 0x04, 0x7F, 0x7F)
        for closed in (True, False):
            seen.closed[2] = closed
            chip.look()
        assert read(chip, 0x0E, 4) == "04 00 7b 00"
        assert read(chip, 0x0E, 4) == "00 00 7b 00"
        assert read(chip, 0x12, 1) == "7f"
        chip.power(on=False)
        chip.power(on=True)
        assert read(chip, 0x0C, 2) == "00 00"
        chip.power(on=False)

    run(story())


def test_a_contact_pulls_its_line_to_ground_and_chatters_when_told() -> None:
    async def story() -> None:
        seen, chip, edges = Seen(), GpioChip(asyncio.get_running_loop().time), []
        body = GpioInput((4, 5), seen, inverted=(2,))
        body.attach(chip)
        body.power(on=True)
        holder = Holder(edges.append)
        chip.claim(holder, (4, 5), Input("up", True))
        assert chip.read(holder, (4, 5)) == [True, False]
        seen.closed[0] = True
        await asyncio.sleep(0.006)
        assert chip.read(holder, (4, 5)) == [False, False]
        edges.clear()
        body.afflict(parse_fault("chatter=1", body.faults))
        await asyncio.sleep(1)
        assert len(edges) > 150
        body.heal()
        body.power(on=False)

    run(story())
