"""Whatever confirms who somebody is."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from hal.capabilities import Verifier
from tests.contract.rig import on_real_bus
from tests.contract.rows import types_with

ADA, LIN = "QURBQURBQURBQURBQURBQQ==", "TElOTElOTElOTElOTElOTA=="


@pytest.mark.parametrize("name", types_with(Verifier))
def test_yes_no_and_nothing_in_time(name: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with on_real_bus(name, tmp_path) as rig:
            await rig.driver.start()
            async with rig.watching() as watch:
                rig.body.look(lambda person: person == ADA)
                assert await rig.driver.verify(ADA, 5.0) is True
                rig.body.look(lambda person: person == ADA)
                assert await rig.driver.verify(LIN, 5.0) is False
                assert await rig.driver.verify(ADA, 0.05) is None
                assert not watch.done()

    asyncio.run(story())


@pytest.mark.parametrize("name", types_with(Verifier))
def test_one_that_is_gone_answers_nothing_and_raises_nothing(name: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with on_real_bus(name, tmp_path) as rig:
            await rig.driver.start()
            rig.fault("unplug")
            assert await rig.driver.verify(ADA, 1.0) is None

    asyncio.run(story())
