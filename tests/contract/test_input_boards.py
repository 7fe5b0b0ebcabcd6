from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from hal.capabilities import InputBoard, InputRead
from hal.errors import DeviceError
from simulator.harness.virtual_loop import run
from tests.contract.rig import in_memory, on_real_bus
from tests.contract.rows import faults_of, type_of, types_with

BOARDS = [name for name in types_with(InputBoard) if name != "lock-board cu16"]
LYING = ("sensor-stuck", "forced-open")
"""Faults of the contact itself; no board can see them."""
FAULTS = [
    (name, fault, seed)
    for name in BOARDS
    for fault in faults_of(name)
    if fault not in LYING
    for seed in ((1, 2) if name == type_of(name) else (1,))
]


@pytest.mark.parametrize("name", BOARDS)
def test_each_input_is_told_once_and_then_its_changes(name: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with on_real_bus(name, tmp_path) as rig:
            rig.seen.closed[2] = True
            rig.moved()
            await rig.driver.start()
            async with rig.watching():
                await rig.until(lambda: len(rig.readings) == 8)
                assert rig.readings == [InputRead("device", n, n == 3) for n in range(1, 9)]
                assert rig.driver.proof_mono_s is not None
                rig.seen.closed[6] = True
                await rig.until(lambda: len(rig.readings) > 8)
                rig.seen.closed[2] = False
                await rig.until(lambda: len(rig.readings) > 9)
            assert rig.readings[8:] == [InputRead("device", 7, True), InputRead("device", 3, False)]
            assert rig.driver.proof_mono_s is None

    asyncio.run(story())


@pytest.mark.parametrize("name", BOARDS)
def test_a_change_is_told_within_a_quarter_of_a_second(name: str) -> None:
    async def story() -> None:
        async with in_memory(name) as rig:
            await rig.driver.start()
            async with rig.watching():
                await rig.until(lambda: len(rig.readings) == 8)
                for _ in range(20):
                    await asyncio.sleep(0.337)
                    began_s, told = asyncio.get_running_loop().time(), len(rig.readings)
                    rig.seen.closed[0] = not rig.seen.closed[0]
                    await rig.until(lambda told=told: len(rig.readings) > told)  # type: ignore[misc]
                    assert asyncio.get_running_loop().time() - began_s < 0.25

    run(story())


@pytest.mark.parametrize(("name", "fault", "seed"), FAULTS)
def test_no_fault_makes_it_lie(name: str, fault: str, seed: int) -> None:
    async def story() -> None:
        async with in_memory(name, seed) as rig:
            rig.seen.closed[:] = [True, False, True, False, False, True, True, False]
            truth = dict(enumerate(rig.seen.closed, start=1))
            rig.moved()
            await rig.driver.start()
            async with rig.watching() as watch:
                await asyncio.sleep(0.02)
                rig.fault(fault)
                await asyncio.wait({watch}, timeout=4)
            if not watch.cancelled():
                assert isinstance(watch.exception(), DeviceError)
                assert rig.driver.proof_mono_s is None
            rig.simulated.clear()
            await asyncio.sleep(2)
            await rig.reopen()
            async with rig.watching():
                await asyncio.sleep(1)
            told = [reading for reading in rig.readings if isinstance(reading, InputRead)]
            assert {reading.channel for reading in told} == set(truth)
            possible = (None,) if fault == "chatter" else ()
            assert all(reading.closed in (truth[reading.channel], *possible) for reading in told)
            assert {one.channel: one.closed for one in told} == truth

    run(story())
