"""What the supervisor relies on, whatever the device."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from hal.capabilities import Buzzer, Device, Display, IndicatorBoard
from hal.errors import DeviceError, DeviceTimeout, LinkLost
from hal.registry import DEVICE_TYPES
from simulator.harness.virtual_loop import run
from tests.contract.rig import Rig, in_memory, on_real_bus
from tests.contract.rows import ROWS, type_of

ANSWERING = [name for name in ROWS if DEVICE_TYPES[type_of(name)].bus in ("modbus", "rs485")]
"""Devices that can prove that they are there."""
UNHEARD = [
    (name, fault) for name in ANSWERING for fault in ("silent", "bad-checksum", "wrong-address", "truncate", "late")
]
UNHEARD += [
    ("pn532-reader", fault)
    for fault in ("silent", "bad-checksum", "truncate", "late", "stale", "no-answer", "overlong", "power-cycle=1900")
]
UNHEARD += [("zfm-finger-reader", fault) for fault in ("silent", "bad-checksum", "wrong-address", "truncate")]
UNHEARD += [("ds2482-fobs", fault) for fault in ("silent", "busy", "stale", "power-cycle=1900")]


@pytest.mark.parametrize("name", ROWS)
def test_start_watch_stop_and_again(name: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with on_real_bus(name, tmp_path) as rig:
            can = {row.capability for row in ROWS.values() if isinstance(rig.driver, row.capability)}
            assert can == {rig.capability, *ROWS[name].also}, "by its methods it could be taken for something else"
            assert isinstance(rig.driver, Device)
            assert rig.driver.device == "device"
            for _ in range(2):
                await rig.driver.start()
                async with rig.watching() as watch:
                    await asyncio.sleep(0)
                    assert not watch.done()
                assert watch.cancelled()
                await rig.driver.stop()

    asyncio.run(story())


@pytest.mark.parametrize("name", ROWS)
def test_an_unplugged_link_ends_watch_and_a_new_start_heals(name: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with on_real_bus(name, tmp_path) as rig:
            await rig.driver.start()
            async with rig.watching() as watch, asyncio.timeout(4):
                await asyncio.sleep(0)
                rig.fault("unplug")
                await nudge(rig)
                with pytest.raises(LinkLost) as caught:
                    await watch
                assert caught.value.hint
                with pytest.raises(LinkLost):
                    await rig.reopen()
            rig.simulated.clear()
            await rig.reopen()
            async with rig.watching() as watch:
                await nudge(rig)
                await asyncio.sleep(0)
                assert not watch.done()

    asyncio.run(story())


async def nudge(rig: Rig) -> None:
    """Something to do: outputs notice the loss at once when they have."""
    try:
        if rig.capability is Display:
            await rig.driver.show("hello")
        elif rig.capability is Buzzer:
            await rig.driver.sound("key")
        elif rig.capability is IndicatorBoard:
            await rig.driver.indicator(1).show("on")
    except LinkLost:
        pass


@pytest.mark.parametrize(("name", "fault"), UNHEARD)
def test_a_device_that_does_not_answer_fails_start_within_two_seconds(name: str, fault: str) -> None:
    async def story() -> None:
        async with in_memory(name) as rig:
            rig.fault(fault)
            async with asyncio.timeout(2):
                with pytest.raises(DeviceTimeout):
                    await rig.driver.start()
            rig.simulated.clear()
            await asyncio.sleep(2)
            await rig.driver.start()

    run(story())


@pytest.mark.parametrize("name", [*ANSWERING, "ds2482-fobs", "mcp23017", "pn532-reader"])
def test_a_device_that_falls_silent_is_lost_within_five_seconds(name: str) -> None:
    async def story() -> None:
        async with in_memory(name) as rig:
            await rig.driver.start()
            async with rig.watching() as watch, asyncio.timeout(5):
                await asyncio.sleep(1)
                rig.fault("silent")
                with pytest.raises(DeviceTimeout):
                    await watch

    run(story())


@pytest.mark.parametrize("name", ROWS)
def test_stop_on_a_lost_link_is_bounded_and_typed(name: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with on_real_bus(name, tmp_path) as rig:
            await rig.driver.start()
            rig.fault("unplug")
            async with asyncio.timeout(1.5):
                with contextlib.suppress(DeviceError):
                    await rig.driver.stop()

    asyncio.run(story())
