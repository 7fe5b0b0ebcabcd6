from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from hal.capabilities import CardPresented, CardReader, CardRemoved, Reading
from simulator.harness.virtual_loop import run
from simulator.rdm6300_reader import beside
from simulator.types import body_class
from tests.contract.rig import in_memory, on_real_bus
from tests.contract.rows import ROWS, types_with

READERS = types_with(CardReader)
HIDES = ("silent", "truncate", "bad-checksum", "unplug", "power-cycle", "noise", "swapped", "open-line")
"""Faults under which a card may go unseen."""
FAULTS = [(name, fault) for name in READERS for fault in body_class(name).faults]


SENSING = [name for name in READERS if ROWS[name].senses_removal]


def presented(readings: list[Reading]) -> list[Reading]:
    return [one for one in readings if isinstance(one, CardPresented)]


@pytest.mark.parametrize("name", READERS)
def test_one_presentation_is_one_event(name: str, tmp_path: Path) -> None:
    ada, bob = ROWS[name].cards

    async def story() -> None:
        async with on_real_bus(name, tmp_path) as rig:
            assert rig.driver.cards in ("weak", "strong")
            await rig.driver.start()
            async with rig.watching():
                rig.body.present(ada)
                await rig.until(lambda: bool(rig.readings))
                rig.body.present(bob)
                await rig.until(lambda: len(rig.readings) >= 3)
                rig.body.remove()
                await rig.until(lambda: len(rig.readings) == 4)
            assert presented(rig.readings) == [CardPresented("device", ada), CardPresented("device", bob)]
            assert rig.readings[-1] == CardRemoved("device", bob)
            assert CardRemoved("device", ada) in rig.readings

    asyncio.run(story())


@pytest.mark.parametrize("name", READERS)
def test_a_card_is_told_as_soon_as_it_is_read_however_long_it_stays(name: str) -> None:
    ada, _ = ROWS[name].cards

    async def story() -> None:
        async with in_memory(name) as rig:
            await rig.driver.start()
            async with rig.watching():
                await asyncio.sleep(1)
                rig.body.present(ada)
                await asyncio.sleep(0.1)
                assert rig.readings == [CardPresented("device", ada)]
                await asyncio.sleep(120)
                assert presented(rig.readings) == [CardPresented("device", ada)]
                assert name not in SENSING or rig.readings == presented(rig.readings)

    run(story())


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("name", "fault"), FAULTS)
def test_no_fault_shows_another_card(name: str, fault: str, seed: int) -> None:
    ada, _ = ROWS[name].cards

    async def story() -> None:
        async with in_memory(name, seed) as rig:
            await rig.driver.start()
            async with rig.watching() as watch:
                rig.fault(fault)
                rig.body.present(ada)
                await asyncio.wait({watch}, timeout=5)
            cards = [one.card for one in rig.readings if isinstance(one, CardPresented | CardRemoved)]
            assert set(cards) <= ({ada, beside(ada)} if fault == "two-cards" else {ada})
            if fault not in (*HIDES, *ROWS[name].hides):
                assert presented(rig.readings) == [CardPresented("device", ada)]

    run(story())
