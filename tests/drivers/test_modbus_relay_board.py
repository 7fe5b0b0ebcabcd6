from __future__ import annotations

import asyncio
import logging

import pytest

from drivers.modbus_relay_board import ModbusRelayBoard
from drivers.specs.modbus_relay_board import ModbusRelayBoardSpec
from hal.capabilities import LockBoard
from hal.errors import (
    DeviceError,
    DeviceMisconfigured,
    DeviceRefused,
    DeviceTimeout,
    LinkLost,
    OutcomeUnknown,
)
from simulator.harness.virtual_loop import run
from tests.drivers.fakes import ANSWER_S, FakeLine, LoopClock, Readings
from tests.wire.test_relay_commands import WAVESHARE

SPEC = ModbusRelayBoardSpec(id="relays", type="modbus-relay-board", link="rs485", unit=1, profile="waveshare-8")


def board(line: FakeLine) -> ModbusRelayBoard:
    return ModbusRelayBoard(SPEC, WAVESHARE, line, LoopClock())


def silence() -> DeviceTimeout:
    return DeviceTimeout("rs485", "unit 1: no answer")


def time_s() -> float:
    return asyncio.get_running_loop().time()


FLASH_3 = ("write_coil", 1, 0x0202, 5)


def test_start_switches_all_off_and_checks_that_inputs_drive_nothing() -> None:
    async def story() -> None:
        line = FakeLine()
        line.on_until[4] = 1e9
        device = board(line)
        assert isinstance(device, LockBoard)
        await device.start()
        assert line.coils() == [False] * 8
        assert line.calls == [
            ("write_coils", 1, 0, (False,) * 8),
            ("read_coils", 1, 0, 8, False),
            ("read_registers", 1, 0x1000, 8),
        ]

    run(story())


def test_start_refuses_a_board_whose_inputs_drive_relays() -> None:
    async def story() -> None:
        line = FakeLine()
        line.modes = [0, 0, 1, 0, 0, 0, 0, 0]
        with pytest.raises(DeviceMisconfigured, match=r"channel 3: control mode is 1.*0 to register 0x1002"):
            await board(line).start()

    run(story())


def test_start_takes_a_board_without_control_modes() -> None:
    async def story() -> None:
        line = FakeLine()
        line.modes = None
        await board(line).start()
        line.fail("read_registers", DeviceRefused("rs485", "exception 6: it is busy", code=6))
        with pytest.raises(DeviceRefused):
            await board(line).start()

    run(story())


def test_start_refuses_a_board_whose_coil_stays_on() -> None:
    async def story() -> None:
        line = FakeLine()
        line.stuck = {5}
        with pytest.raises(DeviceRefused, match="channel 6: the coil stays on"):
            await board(line).start()

    run(story())


def test_a_pulse_is_one_write_at_once_then_one_reading() -> None:
    async def story() -> None:
        line = FakeLine()
        device = board(line)
        lock = device.lock(3)
        assert lock.device == "relays"
        pulse = asyncio.create_task(lock.pulse(0.5))
        await asyncio.sleep(0)
        assert line.calls == [FLASH_3]
        await pulse
        assert line.calls == [FLASH_3, ("read_coils", 1, 2, 1, True)]
        assert time_s() == pytest.approx(2 * ANSWER_S)
        assert await lock.energised()
        await asyncio.sleep(0.5)
        assert not await lock.energised()

    run(story())


@pytest.mark.parametrize("hold_s", [0.0, 0.05, 0.25, 1.1])
def test_no_pulse_outside_the_boards_range(hold_s: float) -> None:
    async def story() -> None:
        line = FakeLine()
        with pytest.raises(DeviceMisconfigured, match="channel 3: hold_s"):
            await board(line).lock(3).pulse(hold_s)
        assert line.calls == []

    run(story())


@pytest.mark.parametrize("channel", [0, 9])
def test_no_such_channel(channel: int) -> None:
    with pytest.raises(DeviceMisconfigured, match="channels 1 to 8"):
        board(FakeLine()).lock(channel)


def pulse_with(line: FakeLine, hold_s: float = 0.5) -> DeviceError | None:
    """What comes of one pulse of channel 3. Whatever happens, flash-on is sent once."""

    async def story() -> DeviceError | None:
        try:
            await board(line).lock(3).pulse(hold_s)
        except DeviceError as error:
            return error
        else:
            return None
        finally:
            assert len(line.writes) == 1

    return run(story())


def test_echo_lost_and_coil_on_is_a_pulse() -> None:
    line = FakeLine()
    line.fail("write_coil", silence(), acts=True)
    assert pulse_with(line) is None


def test_echo_lost_and_coil_off_in_time_is_surely_no_pulse() -> None:
    line = FakeLine()
    line.fail("write_coil", silence())
    error = pulse_with(line)
    assert isinstance(error, DeviceTimeout)
    assert (error.device, error.hint) == ("relays", "channel 3: not pulsed: unit 1: no answer")


def test_echo_lost_and_coil_off_too_late_is_unknown() -> None:
    for acts in (False, True):
        line = FakeLine()
        line.fail("write_coil", silence(), acts=acts)
        error = pulse_with(line, hold_s=0.3)
        assert isinstance(error, OutcomeUnknown)
        assert "channel 3: pulse sent, coil reads off" in error.hint


def test_echo_lost_and_no_reading_is_unknown() -> None:
    line = FakeLine()
    line.fail("write_coil", silence())
    line.fail("read_coils", silence())
    error = pulse_with(line)
    assert isinstance(error, OutcomeUnknown)
    assert error.device == "relays"
    assert error.hint.startswith("channel 3: ")


@pytest.mark.parametrize(
    "failure",
    [silence(), LinkLost("rs485", "unplugged"), DeviceRefused("rs485", "exception 4", code=4)],
    ids=lambda failure: type(failure).__name__,
)
def test_echo_good_and_no_reading_is_unknown(failure: DeviceError) -> None:
    line = FakeLine()
    line.fail("read_coils", failure)
    assert isinstance(pulse_with(line), OutcomeUnknown)


def test_echo_good_and_coil_off_is_unknown() -> None:
    line = FakeLine()
    # The board echoes but the relay is dead.
    line.fail("write_coil", None)
    line.coils = lambda: [False] * 8  # type: ignore[method-assign]
    error = pulse_with(line)
    assert isinstance(error, OutcomeUnknown)
    assert "coil reads off" in error.hint


@pytest.mark.parametrize(
    "failure",
    [
        DeviceRefused("rs485", "exception 6", code=6),
        LinkLost("rs485", "the line is not open"),
        OutcomeUnknown("rs485", "unplugged while it was answering"),
    ],
    ids=lambda failure: type(failure).__name__,
)
def test_what_else_the_line_says_is_passed_on(failure: DeviceError) -> None:
    line = FakeLine()
    line.fail("write_coil", failure)
    error = pulse_with(line)
    assert type(error) is type(failure)
    assert (error.device, error.hint) == ("relays", f"channel 3: {failure.hint}")
    assert line.calls == [FLASH_3]


@pytest.mark.parametrize("code", [4, 5, None])
def test_a_refusal_that_leaves_it_open_is_settled_by_reading(code: int | None) -> None:
    for acts in (False, True):
        line = FakeLine()
        line.fail("write_coil", DeviceRefused("rs485", "exception", code=code), acts=acts)
        assert isinstance(pulse_with(line), type(None) if acts else OutcomeUnknown)


def test_one_coil_at_a_time() -> None:
    async def story() -> None:
        line = FakeLine()
        device = board(line)
        ends: list[float] = []

        async def pulse(channel: int) -> None:
            await device.lock(channel).pulse(0.5)
            assert sum(line.coils()) == 1
            ends.append(time_s())

        await asyncio.gather(*(pulse(channel) for channel in (1, 2, 3)))
        assert [call[2] for call in line.writes] == [0x200, 0x201, 0x202]
        assert ends == pytest.approx([0.06, 0.62, 1.18])

    run(story())


def test_a_pulse_that_surely_did_not_happen_holds_up_nobody() -> None:
    async def story() -> None:
        line = FakeLine()
        device = board(line)
        line.fail("write_coil", DeviceRefused("rs485", "exception 6", code=6))
        with pytest.raises(DeviceRefused):
            await device.lock(1).pulse(1.0)
        await device.lock(2).pulse(0.5)
        assert time_s() == pytest.approx(3 * ANSWER_S)

    run(story())


def test_a_coil_found_on_without_a_pulse_is_switched_off_once(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        line = FakeLine()
        device = board(line)
        await device.start()
        watch = asyncio.create_task(device.watch(Readings()))
        for _ in range(10):
            await device.lock(3).pulse(1.0)
            await asyncio.sleep(0.97)
        assert [call for call in line.writes if call[2] == 2] == []
        line.on_until[6] = 1e9
        await asyncio.sleep(10)
        assert not watch.done()
        assert line.coils() == [False] * 8
        assert [call for call in line.writes if call[2] == 6] == [("write_coil", 1, 6, 0)]
        watch.cancel()

    with caplog.at_level(logging.WARNING):
        run(story())
    assert [record.getMessage() for record in caplog.records] == [
        "relays: channel 7 was on without a pulse of ours, switched off"
    ]


def test_a_poll_in_the_middle_of_a_pulse_leaves_it_alone() -> None:
    async def story() -> None:
        line = FakeLine()
        device = board(line)
        await device.start()
        polled = SPEC.poll_s + time_s()
        watch = asyncio.create_task(device.watch(Readings()))
        await asyncio.sleep(SPEC.poll_s - 0.01)
        pulse = asyncio.create_task(device.lock(3).pulse(0.5))
        await asyncio.sleep(0.2)
        assert time_s() > polled
        await pulse
        assert line.coils()[2]
        assert line.writes == [("write_coils", 1, 0, (False,) * 8), FLASH_3]
        watch.cancel()

    run(story())


def test_a_coil_that_stays_on_after_its_pulse_ends_watch() -> None:
    async def story() -> None:
        line = FakeLine()
        device = board(line)
        await device.start()
        watch = asyncio.create_task(device.watch(Readings()))
        await device.lock(3).pulse(0.5)
        line.stuck = {2}
        with pytest.raises(DeviceRefused, match=r"channel 3: the coil stays on.*cut the supply"):
            await watch
        assert time_s() < 2.5
        with pytest.raises(DeviceRefused, match="channel 3"):
            await device.start()
        line.stuck = set()
        await device.start()

    run(story())


def test_a_missed_poll_is_tolerated_two_are_a_loss() -> None:
    async def story() -> None:
        line = FakeLine()
        device = board(line)
        await device.start()
        watch = asyncio.create_task(device.watch(Readings()))
        line.fail("read_coils", silence())
        line.succeed("read_coils")
        line.fail("read_coils", silence())
        await asyncio.sleep(7)
        assert not watch.done()
        line.succeed("read_coils")
        line.fail("read_coils", silence(), times=2)
        with pytest.raises(DeviceTimeout):
            await watch

    run(story())


def test_stop_is_all_off_within_a_second() -> None:
    async def story() -> None:
        line = FakeLine()
        device = board(line)
        await device.lock(3).pulse(1.0)
        await device.stop()
        assert line.coils() == [False] * 8
        line.fail("write_coils", None, acts=True)
        line.fail("read_coils", silence())
        with pytest.raises(DeviceTimeout):
            await device.stop()
        began_s = time_s()
        line.write_coils = lambda *args: asyncio.sleep(60)  # type: ignore[method-assign]
        with pytest.raises(DeviceTimeout, match="not confirmed off"):
            await device.stop()
        assert time_s() - began_s == pytest.approx(1.0)

    run(story())
