from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from hal.capabilities import Cancelled, DeviceSuspect, Entered, Keypad, Typed
from simulator.harness.virtual_loop import run
from tests.contract.rig import Rig, in_memory, on_real_bus
from tests.contract.rows import types_with

KEYPADS = types_with(Keypad)


def told(rig: Rig) -> list[object]:
    """Secrets do not compare: shown as their digits here."""
    return [one.secret.reveal() if isinstance(one, Entered) else one for one in rig.readings]


@pytest.mark.parametrize("fault", [None, "noise=4"])
@pytest.mark.parametrize("name", KEYPADS)
def test_every_press_counts_once_bounces_or_not(name: str, fault: str | None, tmp_path: Path) -> None:
    async def story() -> None:
        async with on_real_bus(name, tmp_path) as rig:
            assert rig.driver.keys >= 12
            await rig.driver.start()
            async with rig.watching():
                if fault:
                    rig.fault(fault)
                await rig.body.press("1590#7**")
                await rig.until(lambda: Cancelled("device") in rig.readings)
            lengths = [Typed("device", n) for n in (1, 2, 3, 4)]
            assert told(rig) == [*lengths, "1590", Typed("device", 1), Typed("device", 0), Cancelled("device")]

    asyncio.run(story())


@pytest.mark.parametrize("fault", ["ghost", "two-keys", "silent"])
@pytest.mark.parametrize("name", KEYPADS)
def test_what_is_no_single_key_counts_as_none(name: str, fault: str) -> None:
    async def story() -> None:
        async with in_memory(name) as rig:
            await rig.driver.start()
            async with rig.watching():
                rig.fault(fault)
                await rig.body.press("0123456789#*")
                assert told(rig) == []
                rig.simulated.clear()
                await rig.body.press("7#")
            assert told(rig) == [Typed("device", 1), "7"]

    run(story())


@pytest.mark.parametrize("name", KEYPADS)
def test_a_key_held_for_very_long_is_one_press(name: str) -> None:
    async def story() -> None:
        async with in_memory(name) as rig:
            await rig.driver.start()
            async with rig.watching():
                rig.fault("held=25000")
                await rig.body.press("4")
                rig.simulated.clear()
                await rig.body.press("2#")
            assert [one for one in told(rig) if isinstance(one, Typed)] == [
                *(Typed("device", 1), Typed("device", 0), Typed("device", 1))
            ]
            assert told(rig)[-1] == "2"

    run(story())


@pytest.mark.parametrize("at_start", [True, False])
@pytest.mark.parametrize("name", KEYPADS)
def test_a_jammed_key_is_told_until_it_is_free_and_the_others_work(name: str, at_start: bool) -> None:
    async def story() -> None:
        async with in_memory(name) as rig:
            if at_start:
                rig.fault("stuck-on=9")
            await rig.driver.start()
            async with rig.watching():
                rig.fault("stuck-on=9")
                await asyncio.sleep(22)
                [found] = [one for one in rig.readings if isinstance(one, DeviceSuspect)]
                assert found.cause == "key.stuck"
                assert found.hint
                await rig.body.press("42#")
                assert told(rig)[-1] == "42"
                rig.simulated.clear()
                await asyncio.sleep(1)
                assert rig.readings[-1] == DeviceSuspect("device", "key.stuck", None)
                await rig.body.press("9#")
                assert told(rig)[-1] == "9"

    run(story())
