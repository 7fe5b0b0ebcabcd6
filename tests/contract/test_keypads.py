from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from hal.capabilities import Cancelled, Entered, Keypad, Typed
from tests.contract.rig import Rig, on_real_bus
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


@pytest.mark.parametrize("name", KEYPADS)
def test_a_key_stuck_from_the_start_leaves_the_others_usable(name: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with on_real_bus(name, tmp_path) as rig:
            rig.fault("stuck-on=9")
            await rig.driver.start()
            async with rig.watching():
                await rig.body.press("42#")
                await rig.until(lambda: any(isinstance(one, Entered) for one in rig.readings))
            assert told(rig) == [Typed("device", 1), Typed("device", 2), "42"]

    asyncio.run(story())
