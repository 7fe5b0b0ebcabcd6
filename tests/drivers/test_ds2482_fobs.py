"""The driver on its simulated chip, on virtual time: what it costs, and what it makes of a chip in trouble."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from drivers.ds2482_fobs import Ds2482Fobs
from drivers.specs.ds2482_fobs import Ds2482FobsSpec
from drivers.wire.onewire import is_number
from hal.capabilities import FobRead
from hal.errors import DeviceError, DeviceRefused, DeviceTimeout
from simulator.ds2482_fobs import STRANGER
from simulator.ds2482_fobs import Ds2482Fobs as Twin
from simulator.faults import parse_fault
from simulator.fobs import number_of, numbered
from simulator.harness.virtual_loop import run
from simulator.harness.wire.memory_i2c import MemoryI2c, MemoryWires
from simulator.i2c_device import I2cDevice
from simulator.i2c_wires import I2cWires
from tests.drivers.fakes import LoopClock, Readings

F1, F2, F3 = (number_of(name) for name in ("F-1", "F-2", "F-3"))


class CountedBus(MemoryI2c):
    """Counts transfers, and lets a test spoil what was read."""

    transfers = 0

    def __init__(self, wires: MemoryWires) -> None:
        super().__init__(wires)
        self.spoil: Callable[[bytes], bytes] = bytes
        self.before: Callable[[int], None] = lambda messages: None

    async def transfer(self, address: int, *messages: bytes | int) -> tuple[bytes, ...]:
        self.transfers += 1
        self.before(len(messages))
        return tuple(self.spoil(part) for part in await super().transfer(address, *messages))


class Bench:
    def __init__(self, rate: int = 400_000, seed: int = 1, **keys: object) -> None:
        self.fobs: dict[int, bytes] = {}
        wires = MemoryWires("i2c0", I2cWires(asyncio.get_running_loop().time, rate))
        self.twin = Twin(0x18, self.fobs.get, Random(seed))
        self.chip = I2cDevice(self.twin, wires)
        wires.wires.attach(self.chip)
        self.chip.start()
        self.bus = CountedBus(wires)
        table = {"id": "fobs", "type": "ds2482-fobs", "link": "i2c0"} | keys
        self.driver = Ds2482Fobs(Ds2482FobsSpec.model_validate(table), self.bus, LoopClock())
        self.readings = Readings()
        self.watch: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        await self.driver.start()
        self.watch = asyncio.create_task(self.driver.watch(self.readings))

    def fault(self, text: str) -> None:
        self.chip.fault(parse_fault(text, self.twin.faults))

    @property
    def told(self) -> list[FobRead]:
        return [reading for reading in self.readings.all if isinstance(reading, FobRead)]


def play(story: Callable[[Bench], Awaitable[None]], rate: int = 400_000, seed: int = 1, **keys: object) -> None:
    async def on_the_loop() -> None:
        bench = Bench(rate, seed, **keys)
        await bench.bus.open()
        await story(bench)

    run(on_the_loop())


@pytest.mark.parametrize(("rate", "all_told_s"), [(400_000, 0.6), (100_000, 0.8), (20_000, 4.0)])
def test_all_eight_are_told_soon_at_any_rate_of_the_bus(rate: int, all_told_s: float) -> None:
    async def story(bench: Bench) -> None:
        bench.fobs |= {channel: number_of(f"F-{channel}") for channel in range(1, 9)}
        await bench.begin()
        await asyncio.sleep(5)
        assert {reading.channel: reading.fob for reading in bench.told} == bench.fobs
        assert len(bench.told) == 8
        assert bench.readings[-1][0] < all_told_s

    play(story, rate)


def test_a_quiet_cabinet_costs_one_transfer_a_sweep() -> None:
    """A look at all channels and the number of one fob together."""

    async def story(bench: Bench) -> None:
        bench.fobs |= {1: F1, 2: F2, 3: F3}
        await bench.begin()
        await asyncio.sleep(2)
        before = bench.bus.transfers
        await asyncio.sleep(8 * 0.5)
        assert bench.bus.transfers - before == 8
        assert len(bench.told) == 8

    play(story)


def test_only_the_channels_in_use() -> None:
    async def story(bench: Bench) -> None:
        bench.fobs |= {2: F2, 3: F3}
        await bench.begin()
        await asyncio.sleep(2)
        assert {(reading.channel, reading.fob) for reading in bench.told} == {(1, None), (2, F2)}

    play(story, channels=2)


def test_a_contact_that_opens_for_a_moment_is_not_told() -> None:
    async def story(bench: Bench) -> None:
        bench.fobs[1] = F1
        await bench.begin()
        await asyncio.sleep(2)
        del bench.readings[:]
        for _ in range(40):
            del bench.fobs[1]
            await asyncio.sleep(0.02)
            bench.fobs[1] = F1
            await asyncio.sleep(0.497)
        assert bench.told == []

    play(story)


def test_a_contact_that_says_something_else_each_time_is_unreadable() -> None:
    async def story(bench: Bench) -> None:
        await bench.begin()
        await asyncio.sleep(2)
        looks = 0

        def every_other(messages: int) -> None:
            nonlocal looks
            looks += 1
            bench.fault("short=1") if looks % 2 else bench.chip.clear()

        bench.bus.before = every_other
        await asyncio.sleep(3)
        assert [(reading.channel, reading.state) for reading in bench.told] == [(1, "empty"), (1, "unreadable")]

    play(story, channels=1)


def test_a_chip_that_was_reset_is_set_up_again_and_nothing_is_told(caplog: pytest.LogCaptureFixture) -> None:
    async def story(bench: Bench) -> None:
        bench.fobs |= {1: F1, 2: F2}
        await bench.begin()
        await asyncio.sleep(2)
        bench.fault("power-cycle=20")
        await asyncio.sleep(2)
        assert len(bench.told) == 8
        assert bench.watch is not None
        assert not bench.watch.done()
        await bench.bus.transfer(0x18, b"\xe1\xc3")
        assert await bench.bus.transfer(0x18, 1) == (b"\x01",)  # active pull-up
        bench.fobs[3] = F3
        await asyncio.sleep(1)
        assert bench.told[8:] == [FobRead("fobs", 3, "fob", F3)]

    with caplog.at_level(logging.WARNING):
        play(story)
    assert [record.message for record in caplog.records] == [
        "fobs: it was reset, by itself; check its supply and its ground"
    ]


def test_a_chip_that_resets_again_and_again_is_lost() -> None:
    async def story(bench: Bench) -> None:
        await bench.begin()
        await asyncio.sleep(2)
        statuses = bench.bus.spoil

        def reset_by_itself(part: bytes) -> bytes:
            return bytes(byte | 0x10 for byte in part) if len(part) > 20 else statuses(part)

        bench.bus.spoil = reset_by_itself
        assert bench.watch is not None
        with pytest.raises(DeviceTimeout, match="it was reset, by itself; check its supply"):
            await asyncio.wait_for(bench.watch, 5)

    play(story)


def test_a_channel_that_was_not_chosen_is_never_taken_for_another() -> None:
    async def story(bench: Bench) -> None:
        bench.fobs |= {1: F1, 2: F2}
        await bench.begin()
        await asyncio.sleep(2)
        del bench.readings[:]
        bench.fault("stale")
        assert bench.watch is not None
        with pytest.raises(DeviceTimeout, match="channel 1 was chosen and it says 2; check"):
            await asyncio.wait_for(bench.watch, 5)
        assert bench.told == []

    play(story)


def test_two_fobs_whose_numbers_give_a_third_one_are_no_fob() -> None:
    """What both have in common reads as a number with a good check, in one of 256 pairs."""
    third = (
        (fob, bytes(one & other for one, other in zip(fob, numbered(STRANGER), strict=True)))
        for fob in map(numbered, range(1 << 20))
    )
    fob = next(fob for fob, common in third if is_number(common) and common not in (fob, numbered(STRANGER)))

    async def story(bench: Bench) -> None:
        bench.fobs[1] = fob
        bench.fault("two-fobs=1")
        await bench.begin()
        await asyncio.sleep(2)
        assert bench.told == [FobRead("fobs", 1, "unreadable")]

    play(story, channels=1)


def test_a_fob_whose_own_check_is_wrong_is_no_fob() -> None:
    async def story(bench: Bench) -> None:
        bench.fobs[1] = F1
        bench.fault("bad-checksum")
        await bench.begin()
        await asyncio.sleep(2)
        assert bench.told == [FobRead("fobs", 1, "unreadable")]

    play(story, channels=1)


def test_two_silences_are_no_loss_and_the_third_is() -> None:
    async def story(bench: Bench) -> None:
        await bench.begin()
        await asyncio.sleep(2)
        assert bench.watch is not None
        bench.fault("silent=2")
        await asyncio.sleep(3)
        assert not bench.watch.done()
        bench.fault("silent=3")
        with pytest.raises(DeviceTimeout, match="no acknowledgement from address 0x18"):
            await asyncio.wait_for(bench.watch, 1)

    play(story)


def test_another_chip_at_its_address() -> None:
    async def story(bench: Bench) -> None:
        bench.bus.spoil = lambda part: bytes(len(part))
        with pytest.raises(DeviceRefused, match="something else than a DS2482 answers at 0x18"):
            await bench.driver.start()

    play(story)


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 1 << 32), share=st.sampled_from((0.0005, 0.005, 0.05, 0.5)))
def test_noise_on_the_bus_shows_no_wrong_fob_and_raises_nothing_else(seed: int, share: float) -> None:
    async def story(bench: Bench) -> None:
        random = Random(seed)
        bench.fobs |= {channel: number_of(f"F-{random.randrange(10**6)}") for channel in range(1, 6)}

        def spoil(part: bytes) -> bytes:
            return bytes(random.randrange(256) if random.random() < share else byte for byte in part)

        bench.bus.spoil = spoil
        for _ in range(5):
            try:
                await bench.driver.start()
                async with asyncio.timeout(3):
                    await bench.driver.watch(bench.readings)
            except (DeviceError, TimeoutError):
                pass
        true = set(bench.fobs.items())
        assert {(reading.channel, reading.fob) for reading in bench.told if reading.fob} <= true

    play(story, seed=seed)


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 1 << 32), noise=st.integers(1, 8))
def test_noise_on_the_channels_shows_no_wrong_fob(seed: int, noise: int) -> None:
    async def story(bench: Bench) -> None:
        random = Random(seed)
        bench.fobs |= {channel: number_of(f"F-{random.randrange(10**6)}") for channel in range(1, 5)}
        bench.fault(f"noise={noise}")
        await bench.begin()
        await asyncio.sleep(5)
        true = set(bench.fobs.items())
        assert {(reading.channel, reading.fob) for reading in bench.told if reading.fob} <= true
        assert {reading.state for reading in bench.told if reading.channel > 4} == {"empty"}
        bench.chip.clear()
        await asyncio.sleep(3)
        last = {reading.channel: reading.fob for reading in bench.told}
        assert last == {channel: bench.fobs.get(channel) for channel in range(1, 9)}

    play(story, seed=seed)


@pytest.mark.parametrize("keys", [{"address": 0x17}, {"address": "0x18"}, {"channels": 9}, {"sweep_ms": 50}])
def test_what_cannot_be_configured(keys: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Ds2482FobsSpec.model_validate({"id": "fobs", "type": "ds2482-fobs", "link": "i2c0"} | keys)
