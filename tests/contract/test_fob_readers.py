from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random

import pytest

from hal.capabilities import FobRead, FobReader
from hal.errors import DeviceError
from simulator.fobs import number_of
from simulator.harness.virtual_loop import run
from simulator.types import body_class
from tests.contract.rig import Rig, in_memory, on_real_bus
from tests.contract.rows import types_with

READERS = types_with(FobReader)
FAULTS = [(name, fault) for name in READERS for fault in body_class(name).faults]
F1, F2, F3 = (number_of(name) for name in ("F-1", "F-2", "F-3"))


def told(rig: Rig, first: int = 0) -> dict[int, tuple[str | None, bytes | None]]:
    """The last reading of each channel."""
    readings = [reading for reading in rig.readings[first:] if isinstance(reading, FobRead)]
    return {reading.channel: (reading.state, reading.fob) for reading in readings}


@pytest.mark.parametrize("name", READERS)
def test_each_slot_is_told_once_and_then_its_changes(name: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with on_real_bus(name, tmp_path) as rig:
            rig.seen.fobs[1], rig.seen.fobs[3] = F1, F3
            await rig.driver.start()
            async with rig.watching():
                await rig.until(lambda: len(rig.readings) == 8)
                fobs = {1: ("fob", F1), 3: ("fob", F3)}
                assert told(rig) == {channel: fobs.get(channel, ("empty", None)) for channel in range(1, 9)}
                rig.seen.fobs[2] = F2
                await rig.until(lambda: len(rig.readings) > 8)
                del rig.seen.fobs[1]
                await rig.until(lambda: len(rig.readings) > 9)
            assert rig.readings[8:] == [FobRead("device", 2, "fob", F2), FobRead("device", 1, "empty")]

    asyncio.run(story())


@pytest.mark.parametrize("name", READERS)
def test_coming_and_going_are_told_within_a_second(name: str) -> None:
    async def story() -> None:
        async with in_memory(name) as rig:
            await rig.driver.start()
            async with rig.watching():
                await rig.until(lambda: len(rig.readings) == 8)
                for number in range(20):
                    await asyncio.sleep(0.337)
                    began_s, before = asyncio.get_running_loop().time(), len(rig.readings)
                    if number % 2:
                        del rig.seen.fobs[5]
                    else:
                        rig.seen.fobs[5] = number_of(f"F-{number}")
                    await rig.until(lambda before=before: len(rig.readings) > before)  # type: ignore[misc]
                    assert asyncio.get_running_loop().time() - began_s < 1

    run(story())


@pytest.mark.parametrize("name", READERS)
def test_a_fob_in_place_of_another_is_found_even_if_nobody_saw_the_slot_empty(name: str) -> None:
    async def story() -> None:
        async with in_memory(name) as rig:
            rig.seen.fobs |= {1: F1, 2: F2}
            await rig.driver.start()
            async with rig.watching():
                await rig.until(lambda: len(rig.readings) == 8)
                rig.seen.fobs |= {1: F2, 2: F1}
                await rig.until(lambda: told(rig)[1] == ("fob", F2) and told(rig)[2] == ("fob", F1))

    run(story())


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize(("name", "fault"), FAULTS)
def test_no_fault_shows_another_fob_or_ends_for_good(name: str, fault: str, seed: int) -> None:
    """Hands at work all the time; the fault begins in the middle of it."""

    async def story() -> None:
        random, loop = Random(seed), asyncio.get_running_loop()
        hung: list[tuple[float, int, bytes | None]] = []
        """Since when what was where."""

        def move() -> None:
            channel = random.randint(1, 4)
            fob = number_of(f"F-{random.randint(1, 300)}") if channel not in rig.seen.fobs else None
            hung.append((loop.time(), channel, fob))
            if fob is None:
                del rig.seen.fobs[channel]
            else:
                rig.seen.fobs[channel] = fob

        async with in_memory(name, seed) as rig:
            await rig.driver.start()
            async with rig.watching() as watch:
                for _ in range(40):
                    move()
                    if len(hung) == 12:
                        rig.fault(fault)
                    await asyncio.sleep(random.uniform(0.01, 0.6))
            if not watch.cancelled():
                assert isinstance(watch.exception(), DeviceError)
            ever = {(channel, fob) for _, channel, fob in hung if fob}
            assert {(reading.channel, reading.fob) for reading in rig.readings if reading.fob} <= ever  # type: ignore[union-attr]
            rig.simulated.clear()
            await asyncio.sleep(1)
            await rig.reopen()
            before = len(rig.readings)
            async with rig.watching():
                await asyncio.sleep(2)
            fobs: dict[int, tuple[str, bytes | None]] = {
                channel: ("fob", fob) for channel, fob in rig.seen.fobs.items()
            }
            assert told(rig, before) == {channel: fobs.get(channel, ("empty", None)) for channel in range(1, 9)}

    run(story())


@pytest.mark.parametrize("name", READERS)
def test_a_slot_that_cannot_be_read_is_neither_empty_nor_a_fob(name: str) -> None:
    async def story() -> None:
        async with in_memory(name) as rig:
            rig.seen.fobs |= {1: F1, 2: F2, 3: F3}
            rig.fault("two-fobs=2")
            rig.fault("short=3")
            await rig.driver.start()
            async with rig.watching():
                await rig.until(lambda: len(rig.readings) == 8)
                assert told(rig)[1] == ("fob", F1)
                assert told(rig)[2] == told(rig)[3] == ("unreadable", None)
                rig.simulated.clear()
                await rig.until(lambda: told(rig)[2] == ("fob", F2) and told(rig)[3] == ("fob", F3))

    run(story())
