from __future__ import annotations

import asyncio

import pytest
from pydantic import ValidationError

from drivers.modbus_input_board import ModbusInputBoard
from drivers.specs.modbus_input_board import ModbusInputBoardSpec
from hal.capabilities import InputBoard, InputRead
from hal.errors import DeviceTimeout, LinkLost
from simulator.harness.virtual_loop import run
from tests.drivers.fakes import FakeLine, LoopClock, Readings


def board(line: FakeLine, **keys: object) -> ModbusInputBoard:
    table = {"id": "inputs", "type": "modbus-input-board", "link": "rs485", "unit": 1, "inputs": 3} | keys
    return ModbusInputBoard(ModbusInputBoardSpec.model_validate(table), line, LoopClock())


def silence() -> DeviceTimeout:
    return DeviceTimeout("rs485", "unit 1: no answer")


def test_every_channel_is_reported_once_after_start_then_only_changes() -> None:
    async def story() -> None:
        line, readings = FakeLine(), Readings()
        line.inputs[0] = True
        device = board(line, inverted=[3])
        assert isinstance(device, InputBoard)
        await device.start()
        watch = asyncio.create_task(device.watch(readings))
        await asyncio.sleep(1)
        first = [InputRead("inputs", 1, True), InputRead("inputs", 2, False), InputRead("inputs", 3, True)]
        assert readings.all == first
        line.inputs[1] = True
        await asyncio.sleep(1)
        assert readings.all[3:] == [InputRead("inputs", 2, True)]
        assert readings[3][0] <= 1.0 + 0.15
        watch.cancel()

    run(story())


def test_a_level_seen_once_does_not_count() -> None:
    async def story() -> None:
        line, readings = FakeLine(), Readings()
        device = board(line)
        await device.start()
        watch = asyncio.create_task(device.watch(readings))
        await asyncio.sleep(1)
        del readings[:]
        for _ in range(20):
            line.inputs[0] = not line.inputs[0]
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.5)
        assert readings.all == []
        watch.cancel()

    run(story())


def test_all_inputs_are_asked_at_once_every_poll() -> None:
    async def story() -> None:
        line = FakeLine()
        device = board(line, poll_ms=100)
        await device.start()
        watch = asyncio.create_task(device.watch(Readings()))
        await asyncio.sleep(1)
        line.calls.clear()
        await asyncio.sleep(1)
        assert line.calls == [("read_inputs", 1, 0, 3)] * 10
        watch.cancel()

    run(story())


def test_a_change_is_read_again_soon_however_slow_the_polls() -> None:
    async def story() -> None:
        line, readings = FakeLine(), Readings()
        device = board(line, poll_ms=1000)
        await device.start()
        watch = asyncio.create_task(device.watch(readings))
        await asyncio.sleep(5)
        del readings[:]
        line.inputs[0] = True
        line.calls.clear()
        await asyncio.sleep(1.06)
        assert readings.all == [InputRead("inputs", 1, True)]
        await asyncio.sleep(3)
        assert len(line.calls) == 5
        watch.cancel()

    run(story())


def test_two_misses_are_tolerated_three_in_a_row_are_a_loss() -> None:
    async def story() -> None:
        line, readings = FakeLine(), Readings()
        device = board(line)
        await device.start()
        watch = asyncio.create_task(device.watch(readings))
        await asyncio.sleep(0.5)
        line.fail("read_inputs", silence(), times=2)
        await asyncio.sleep(1)
        line.fail("read_inputs", silence(), times=2)
        await asyncio.sleep(1)
        assert not watch.done()
        proof_s = device.proof_mono_s
        assert proof_s is not None
        assert asyncio.get_running_loop().time() - proof_s <= 0.1
        line.fail("read_inputs", silence(), times=3)
        await asyncio.sleep(0.5)
        assert device.proof_mono_s is not None
        assert device.proof_mono_s <= proof_s + 0.1
        with pytest.raises(DeviceTimeout):
            await watch
        assert device.proof_mono_s is None
        assert asyncio.get_running_loop().time() < 3.7

    run(story())


def test_after_a_loss_everything_is_reported_anew() -> None:
    async def story() -> None:
        line, readings = FakeLine(), Readings()
        device = board(line)
        await device.start()
        watch = asyncio.create_task(device.watch(readings))
        await asyncio.sleep(0.5)
        line.fail("read_inputs", LinkLost("rs485", "unplugged"))
        with pytest.raises(LinkLost):
            await watch
        assert device.proof_mono_s is None
        del readings[:]
        await device.start()
        watch = asyncio.create_task(device.watch(readings))
        await asyncio.sleep(0.5)
        assert readings.all == [InputRead("inputs", channel, False) for channel in (1, 2, 3)]
        watch.cancel()

    run(story())


def test_start_fails_when_nobody_answers() -> None:
    async def story() -> None:
        line = FakeLine()
        line.fail("read_inputs", silence())
        device = board(line)
        with pytest.raises(DeviceTimeout):
            await device.start()
        assert device.proof_mono_s is None

    run(story())


def test_inverted_names_channels_the_board_has() -> None:
    with pytest.raises(ValidationError, match="channel 4 does not exist; the board has channels 1 to 3"):
        board(FakeLine(), inverted=[4])
