from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from hal.capabilities import LockBoard
from hal.errors import DeviceError, DeviceMisconfigured, DeviceRefused, LinkLost, OutcomeUnknown
from simulator.harness.virtual_loop import run
from tests.contract.rig import Rig, in_memory, on_real_bus
from tests.contract.rows import ROWS, faults_of, type_of, types_with

BOARDS = types_with(LockBoard)
FAULTS = [
    (name, fault, seed)
    for name in BOARDS
    for fault in faults_of(name)
    for seed in ((1, 2, 3) if name == type_of(name) else (1,))
]


@pytest.mark.parametrize("name", BOARDS)
def test_a_pulse_energises_one_coil_and_the_board_ends_it(name: str, tmp_path: Path) -> None:
    async def story() -> None:
        async with on_real_bus(name, tmp_path) as rig:
            await rig.driver.start()
            lock = rig.driver.lock(3)
            tells = ROWS[name].tells_coils
            if tells:
                assert not await lock.energised()
            pulse = asyncio.create_task(lock.pulse(0.2))
            await rig.until(lambda: rig.seen.coils_on == {3})
            if tells:
                assert await lock.energised()
            await pulse
            if tells and ROWS[name].board_ends_pulse:
                assert rig.seen.coils_on == {3}
            await rig.until(lambda: not rig.seen.coils_on)
            if tells:
                assert not await lock.energised()
            else:
                with pytest.raises(DeviceRefused):
                    await lock.energised()
            assert rig.seen.pulses == [3]

    asyncio.run(story())


@pytest.mark.parametrize("name", BOARDS)
def test_a_pulse_is_on_the_wire_at_once_and_lasts_as_asked(name: str) -> None:
    async def story() -> None:
        async with in_memory(name) as rig:
            await rig.driver.start()
            loop = asyncio.get_running_loop()
            for hold_s in (0.1, 0.5, 1.0):
                await asyncio.sleep(1)
                asked_s = loop.time()
                pulse = asyncio.create_task(rig.driver.lock(ROWS[name].locks).pulse(hold_s))
                await rig.until(lambda: ROWS[name].locks in rig.seen.coils_on)
                began_s = loop.time()
                assert began_s - asked_s < (0.01 if ROWS[name].tells_coils else 0.02)  # its switch is read before
                await rig.until(lambda: not rig.seen.coils_on)
                ended_s = loop.time()
                await pulse
                assert ended_s - began_s == pytest.approx(ROWS[name].pulse_s or hold_s, abs=0.001)

    run(story())


@pytest.mark.parametrize("name", BOARDS)
def test_start_stop_and_all_off_leave_no_coil_on(name: str) -> None:
    async def story() -> None:
        async with in_memory(name) as rig:
            await rig.driver.start()
            for act in (rig.driver.start, rig.driver.all_off, rig.driver.stop):
                pulse = asyncio.create_task(rig.driver.lock(1).pulse(1.0))
                await rig.until(lambda: rig.seen.coils_on == {1})
                await pulse
                await act()
                assert rig.seen.coils_on == set()
                await asyncio.sleep(1)

    run(story())


@pytest.mark.parametrize("name", BOARDS)
def test_channels_and_times_it_does_not_have_are_refused(name: str) -> None:
    async def story() -> None:
        async with in_memory(name) as rig:
            with pytest.raises(DeviceMisconfigured):
                rig.driver.lock(0)
            with pytest.raises(DeviceMisconfigured):
                rig.driver.lock(1000)
            with pytest.raises(DeviceMisconfigured):
                await rig.driver.lock(1).pulse(1.5)
            assert rig.seen.pulses == []

    run(story())


async def pulse(rig: Rig) -> str:
    try:
        await rig.driver.lock(2).pulse(0.5)
    except OutcomeUnknown:
        return "unknown"
    except DeviceError:
        return "not pulsed"
    return "pulsed"


POSSIBLE: dict[str, list[list[int]]] = {"pulsed": [[2]], "not pulsed": [[]], "unknown": [[], [2]]}


@pytest.mark.parametrize(("name", "fault", "seed"), FAULTS)
def test_no_fault_makes_a_pulse_lie_repeat_or_hang(name: str, fault: str, seed: int) -> None:
    """Returned: the coil came on. Surely not pulsed: it did not. Anything else says that it does not know."""

    async def story() -> None:
        async with in_memory(name, seed) as rig:
            await rig.driver.start()
            rig.fault(fault)
            async with asyncio.timeout(2):
                outcome = await pulse(rig)
            await asyncio.sleep(3)  # also for a pulse that comes late
            assert rig.seen.pulses in POSSIBLE[outcome]
            assert rig.seen.coils_on == set() or fault == "stuck-on"
            rig.simulated.clear()
            await rig.bus.close()
            await rig.bus.open()
            if not ROWS[name].board_ends_pulse:
                await rig.driver.start()  # its lines are claimed anew
            await asyncio.sleep(1)
            rig.seen.pulses.clear()
            await rig.driver.lock(2).pulse(0.5)
            assert rig.seen.pulses == [2]

    run(story())


@pytest.mark.parametrize("name", BOARDS)
def test_a_link_lost_in_the_pulse_is_unknown_and_after_it_not_pulsed(name: str) -> None:
    async def story() -> None:
        async with in_memory(name) as rig:
            await rig.driver.start()
            pulse = asyncio.create_task(rig.driver.lock(2).pulse(0.5))
            await rig.until(lambda: bool(rig.seen.coils_on))
            rig.fault("unplug")
            with pytest.raises(OutcomeUnknown):
                await pulse
            with pytest.raises(LinkLost):
                await rig.driver.lock(2).pulse(0.5)
            assert rig.seen.pulses == [2]

    run(story())


@pytest.mark.parametrize("name", [name for name in BOARDS if ROWS[name].tells_coils and ROWS[name].board_ends_pulse])
def test_a_coil_that_stays_on_is_found(name: str) -> None:
    async def story() -> None:
        async with in_memory(name) as rig:
            await rig.driver.start()
            rig.fault("stuck-on=4")
            async with rig.watching() as watch, asyncio.timeout(10):
                await rig.driver.lock(4).pulse(0.5)
                with pytest.raises(DeviceRefused, match="channel 4"):
                    await watch
            rig.simulated.clear()
            await rig.driver.start()
            assert rig.seen.coils_on == set()

    run(story())
