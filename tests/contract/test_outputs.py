"""Lamps, buzzers and displays."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from hal.capabilities import Buzzer, Display, IndicatorBoard
from hal.errors import DeviceMisconfigured
from tests.contract.rig import on_real_bus
from tests.contract.rows import types_with


@pytest.mark.parametrize("name", types_with(IndicatorBoard))
def test_a_lamp_is_lit_blinks_and_is_dark_after_stop(name: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with on_real_bus(name, tmp_path) as rig:
            await rig.driver.start()
            with pytest.raises(DeviceMisconfigured):
                rig.driver.indicator(0)
            async with rig.watching():
                await rig.driver.indicator(1).show("on")
                assert (rig.seen.lit[1], rig.seen.lit[2]) == (True, False)
                await rig.driver.indicator(2).show("blink")
                for lit in (True, False, True):
                    await rig.until(lambda lit=lit: rig.seen.lit[2] is lit)  # type: ignore[misc]
                    assert rig.seen.lit[1]
                await rig.driver.indicator(1).show("off")
                assert not rig.seen.lit[1]
            await rig.driver.stop()
            assert not any(rig.seen.lit.values())

    asyncio.run(story())


@pytest.mark.parametrize("name", types_with(Buzzer))
def test_a_tone_ends_by_itself_and_with_stop(name: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with on_real_bus(name, tmp_path) as rig:
            await rig.driver.start()
            assert not rig.seen.sounding
            async with rig.watching():
                await rig.driver.sound("accepted")
                await rig.until(lambda: rig.seen.beeps == 2 and not rig.seen.sounding)
                await rig.driver.sound("alarm")
                await rig.until(lambda: rig.seen.sounding)
            await rig.driver.stop()
            assert not rig.seen.sounding

    asyncio.run(story())


@pytest.mark.parametrize("name", types_with(Display))
def test_a_text_is_shown_and_replaced(name: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with on_real_bus(name, tmp_path) as rig:
            await rig.driver.start()
            async with rig.watching():
                await rig.driver.show("Slot 7 is open\nTake the key")
                await rig.until(lambda: rig.seen.text == "Slot 7 is open\nTake the key")
                await rig.driver.show("请取钥匙")
                await rig.until(lambda: rig.seen.text == "请取钥匙")
            await rig.driver.stop()
            await rig.until(lambda: rig.seen.text == "")

    asyncio.run(story())
