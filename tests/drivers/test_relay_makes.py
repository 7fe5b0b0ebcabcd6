"""Boards of other styles, on their twins: which mode is a pulse is found out, and nothing is left on."""

from __future__ import annotations

import asyncio
import random
import tomllib
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from drivers.modbus_relay_board import ModbusRelayBoard
from drivers.specs.modbus_relay_board import ModbusRelayBoardSpec
from drivers.specs.relay_profile import RelayProfile
from hal.errors import DeviceMisconfigured, OutcomeUnknown
from hal.modbus import RtuLine
from simulator.harness.virtual_loop import run
from simulator.modbus_relay_board import ModbusRelayBoard as Twin
from simulator.relay_makes import EletechsupRelayBoard, LcRelayBoard
from simulator.serial_device import SerialDevice
from tests.contract.links import MemoryLink
from tests.contract.rows import Seen
from tests.drivers.fakes import LoopClock

PROFILES = Path(__file__).parents[2] / "config" / "profiles"
Story = Callable[[ModbusRelayBoard, Seen, list[bytes]], Awaitable[None]]


def on_twin(make: Callable[[Seen], Twin], name: str, story: Story, **changes: object) -> None:
    async def played() -> None:
        seen, link, asked = Seen(), MemoryLink("line", 9600), list[bytes]()
        device = SerialDevice(make(seen), link, random.Random(1))
        link.attach(asked.append)
        device.start()
        raw = tomllib.loads((PROFILES / f"{name}.toml").read_text("utf-8")) | changes
        table = {"id": "relays", "type": "modbus-relay-board", "link": "line", "unit": 1, "profile": name}
        line = RtuLine(link)
        await line.open()
        spec = ModbusRelayBoardSpec.model_validate(table)
        driver = ModbusRelayBoard(spec, RelayProfile.model_validate(raw), line, LoopClock())
        await driver.start()
        await story(driver, seen, asked)
        await asyncio.sleep(5)
        assert seen.coils_on == set()
        await line.close()
        device.stop()

    run(played())


@pytest.mark.parametrize(("pulse_mode", "asked_first"), [(4, 1), (2, 2)])
def test_which_mode_is_the_pulse_is_learnt_once_and_no_coil_comes_on_twice(pulse_mode: int, asked_first: int) -> None:
    async def story(driver: ModbusRelayBoard, seen: Seen, asked: list[bytes]) -> None:
        await driver.lock(3).pulse(0.5)
        assert seen.coils_on == {3}
        assert seen.pulses == [3]
        assert len([frame for frame in asked if frame[1] == 0x10]) == asked_first
        await driver.lock(5).pulse(0.5)
        assert seen.pulses == [3, 5]
        timed = [frame for frame in asked if frame[1] == 0x10]
        assert len(timed) == asked_first + 1
        assert timed[-1][:11] == bytes((1, 0x10, 0, 3 + 5 * 4, 0, 2, 4, 0, pulse_mode, 0, 5))

    on_twin(lambda seen: LcRelayBoard(1, 8, seen, seen, 8, pulse_mode=pulse_mode), "lc-8", story)


def test_a_board_of_neither_mode_is_unknown_and_left_off() -> None:
    async def story(driver: ModbusRelayBoard, seen: Seen, asked: list[bytes]) -> None:
        with pytest.raises(OutcomeUnknown, match="channel 3: pulse sent, coil reads off"):
            await driver.lock(3).pulse(0.3)
        assert seen.coils_on == set()

    on_twin(lambda seen: LcRelayBoard(1, 8, seen, seen, 8, pulse_mode=7), "lc-8", story)


def test_a_coil_that_falls_at_once_is_left_off_by_the_other_mode_too() -> None:
    class Slow(LcRelayBoard):
        """Its coil falls as soon as it came on."""

        def write_register(self, address: int, value: int) -> None:
            super().write_register(address, value)
            if self._commanded[3]:
                asyncio.get_running_loop().call_later(0.001, lambda: self._switch(3, on=False))

    async def story(driver: ModbusRelayBoard, seen: Seen, asked: list[bytes]) -> None:
        with pytest.raises(OutcomeUnknown):
            await driver.lock(3).pulse(0.1)
        assert seen.pulses == [3], "the other mode left the coil off, and it was switched off before it came on"

    on_twin(lambda seen: Slow(1, 8, seen, seen, 8), "lc-8", story)


def test_eletechsup_holds_for_its_own_second_and_knows_no_coils() -> None:
    async def story(driver: ModbusRelayBoard, seen: Seen, asked: list[bytes]) -> None:
        await driver.lock(4).pulse(0.5)
        assert bytes.fromhex("01 06 00 04 05 00 CB 5B") in asked
        assert await driver.lock(4).energised()
        await asyncio.sleep(0.9)
        assert seen.coils_on == {4}
        await asyncio.sleep(0.2)
        assert not await driver.lock(4).energised()
        with pytest.raises(DeviceMisconfigured, match=r"allowed are 0.1 to 1.0 s"):
            await driver.lock(4).pulse(2.0)
        assert {frame[1] for frame in asked} == {0x03, 0x06}
        assert {frame[4] for frame in asked if frame[1] == 6} <= {0x02, 0x05, 0x08}

    on_twin(lambda seen: EletechsupRelayBoard(1, 4, seen, seen, 8), "eletechsup-4", story)
