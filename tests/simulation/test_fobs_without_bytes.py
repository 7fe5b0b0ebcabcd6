"""The reader of fobs that is played without bytes says what the one with bytes would."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from hal.capabilities import FobRead
from hal.errors import DeviceTimeout
from simulator.faults import parse_fault
from simulator.fobs import number_of
from simulator.harness.capability.fob_reader import FobFixture, WorldFobs
from simulator.harness.virtual_loop import run
from simulator.world import World
from tests.drivers.fakes import LoopClock, Readings


def test_what_hangs_and_what_changes() -> None:
    async def story() -> None:
        world = World((1, 2), asyncio.get_running_loop().call_later)
        fixture = FobFixture("fobs", Random(1), world, {1: 1, 2: 2}, 3)
        world.observe(lambda change: fixture.changed())
        told = Readings()
        watch = asyncio.create_task(WorldFobs(fixture, LoopClock()).watch(told))
        await asyncio.sleep(1)
        world.force(1)
        world.force(2)
        await asyncio.sleep(1)
        world.seat(2, "F-1")
        await asyncio.sleep(1)
        fixture.fault(parse_fault("short=2", fixture.faults))
        fixture.fault(parse_fault("two-fobs=3", fixture.faults))
        await asyncio.sleep(1)
        fixture.clear()
        await asyncio.sleep(1)
        fixture.fault(parse_fault("silent", fixture.faults))
        with pytest.raises(DeviceTimeout):
            await watch
        assert told.all == [
            FobRead("fobs", 1, "fob", number_of("F-1")),
            FobRead("fobs", 2, "fob", number_of("F-2")),
            FobRead("fobs", 3, "empty"),
            FobRead("fobs", 1, "empty"),
            FobRead("fobs", 2, "empty"),
            FobRead("fobs", 2, "fob", number_of("F-1")),
            FobRead("fobs", 2, "unreadable"),
            FobRead("fobs", 2, "fob", number_of("F-1")),
        ]

    run(story())
