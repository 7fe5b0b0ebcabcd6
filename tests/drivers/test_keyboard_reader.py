from __future__ import annotations

import asyncio
import random

import pytest
from pydantic import ValidationError

from drivers.keyboard_reader import KeyboardReader
from drivers.specs.keyboard_reader import KeyboardReaderSpec
from drivers.wire.card_number import parse_card
from hal.capabilities import CardPresented, CardRemoved, DeviceSuspect, Reading
from hal.errors import DeviceRefused, DeviceTimeout
from simulator.faults import parse_fault
from simulator.harness.virtual_loop import run
from simulator.harness.wire.memory_keyboards import MemoryHub, MemoryKeyboards
from simulator.keyboard_hub import Keyboard, KeyboardHub, Taker
from simulator.keyboard_reader import ELSEWHERE, FOREIGN, PORT, PRODUCT, VENDOR
from simulator.keyboard_reader import KeyboardReader as Twin
from simulator.plugged_device import PluggedDevice
from tests.drivers.fakes import LoopClock, Readings

ADA, BOB = parse_card("0006547886"), parse_card("0008844356")
TABLE = {"id": "desk", "type": "keyboard-reader", "link": "input", "vendor": "ffff", "product": "0035", "port": PORT}


class Bench:
    def __init__(self, numbers: str = "printed", layout: str = "us") -> None:
        self.hub = KeyboardHub(asyncio.get_running_loop().time)
        self.twin = Twin(Keyboard(VENDOR, PRODUCT, PORT, "USB Reader"), random.Random(1), numbers, layout)
        self.twin.attach(self.hub)
        self.plug = MemoryHub("input", self.hub)
        self.simulated = PluggedDevice(self.twin, self.plug)
        self.simulated.start()
        self.bus = MemoryKeyboards(self.plug)
        spec = KeyboardReaderSpec.model_validate(TABLE | {"numbers": numbers, "layout": layout})
        self.driver = KeyboardReader(spec, self.bus, LoopClock())
        self.readings = Readings()

    async def watched(self) -> asyncio.Task[None]:
        await self.bus.open()
        await self.driver.start()
        return asyncio.create_task(self.driver.watch(self.readings))

    def fault(self, text: str) -> None:
        self.simulated.fault(parse_fault(text, self.twin.faults))

    def suspicions(self) -> list[str | None]:
        return [one.hint for one in self.readings.all if isinstance(one, DeviceSuspect)]

    def cards(self) -> list[Reading]:
        return [one for one in self.readings.all if not isinstance(one, DeviceSuspect)]


def test_a_card_is_told_once_and_counts_as_removed() -> None:
    async def story() -> None:
        bench = Bench()
        watch = await bench.watched()
        bench.twin.present(ADA)
        await asyncio.sleep(2)
        assert bench.cards() == [CardPresented("desk", ADA), CardRemoved("desk", ADA)]
        watch.cancel()

    run(story())


@pytest.mark.parametrize(("numbers", "layout"), [("uid", "us"), ("uid-turned", "us"), ("uid", "fr"), ("printed", "fr")])
def test_readers_that_are_set_up_otherwise(numbers: str, layout: str) -> None:
    async def story() -> None:
        bench = Bench(numbers, layout)
        watch = await bench.watched()
        card = ADA if numbers == "printed" else bytes.fromhex("04A1B2C3D4E580")
        bench.twin.present(card)
        await asyncio.sleep(0.2)
        assert bench.cards() == [CardPresented("desk", card)]
        watch.cancel()

    run(story())


def test_a_half_typed_number_is_dropped_and_the_next_card_is_whole() -> None:
    async def story() -> None:
        bench = Bench()
        watch = await bench.watched()
        bench.fault("truncate=4")
        bench.twin.present(ADA)
        await asyncio.sleep(1)
        bench.simulated.clear()
        bench.twin.present(BOB)
        await asyncio.sleep(0.2)
        assert bench.cards() == [CardPresented("desk", BOB)]
        watch.cancel()

    run(story())


def test_two_numbers_that_run_into_each_other_are_none() -> None:
    async def story() -> None:
        bench = Bench()
        watch = await bench.watched()
        bench.fault("merge=1")
        bench.twin.present(ADA)
        bench.twin.present(BOB)
        await asyncio.sleep(1)
        assert bench.cards() == []
        watch.cancel()

    run(story())


def test_a_reader_that_is_pulled_out_is_lost_and_taken_again() -> None:
    async def story() -> None:
        bench = Bench()
        watch = await bench.watched()
        bench.fault("pulled")
        with pytest.raises(DeviceTimeout, match="was pulled out"):
            await watch
        with pytest.raises(DeviceTimeout, match=f"no ffff:0035 is plugged in at {PORT}"):
            await bench.driver.start()
        bench.simulated.clear()
        await bench.driver.start()
        watch = asyncio.create_task(bench.driver.watch(bench.readings))
        bench.twin.present(ADA)
        await asyncio.sleep(0.2)
        assert bench.cards() == [CardPresented("desk", ADA)]
        watch.cancel()

    run(story())


def test_the_same_reader_in_another_port_is_not_taken() -> None:
    async def story() -> None:
        bench = Bench()
        bench.fault("other-port")
        with pytest.raises(DeviceTimeout, match=f"plugged in at {ELSEWHERE}, not at {PORT}; move it back"):
            await bench.watched()

    run(story())


def test_a_reader_that_another_program_has_taken() -> None:
    async def story() -> None:
        bench = Bench()
        bench.hub.take(Taker(lambda port, event: None, lambda port: None), VENDOR, PRODUCT, PORT)
        with pytest.raises(DeviceRefused, match="another program has taken it"):
            await bench.watched()

    run(story())


def test_another_keyboard_is_not_heard_and_told_until_it_is_gone_for_a_while() -> None:
    async def story() -> None:
        bench = Bench()
        watch = await bench.watched()
        await asyncio.sleep(5)
        bench.fault("foreign-keyboard")
        await asyncio.sleep(5)
        assert bench.cards() == [], "it has typed a number"
        [hint] = bench.suspicions()
        assert hint is not None
        assert "Logitech USB Keyboard (046d:c31c) at usb-0000:01:00.0-1.3/input0" in hint
        for _ in range(20):
            bench.simulated.clear()
            await asyncio.sleep(2)
            bench.fault("foreign-keyboard")
            await asyncio.sleep(2)
        bench.twin.present(ADA)
        await asyncio.sleep(1)
        assert bench.cards()[0] == CardPresented("desk", ADA)
        bench.simulated.clear()
        await asyncio.sleep(70)
        assert bench.suspicions() == [hint, None], "who plugs it in and out is told of once"
        watch.cancel()

    run(story())


def test_what_belongs_to_a_reader_is_no_stranger() -> None:
    """Many readers are two keyboards at one plug; a second reader has a device of its own."""

    async def story() -> None:
        bench = Bench()
        bench.hub.plug(Keyboard(VENDOR, PRODUCT, PORT.replace("input0", "input1"), "USB Reader"))
        other = "usb-0000:01:00.0-1.1/input0"
        bench.hub.plug(Keyboard(VENDOR, PRODUCT, other, "USB Reader"))
        spec = KeyboardReaderSpec.model_validate(TABLE | {"id": "door", "port": other})
        KeyboardReader(spec, bench.bus, LoopClock())
        watch = await bench.watched()
        await asyncio.sleep(5)
        assert bench.readings.all == []
        watch.cancel()

    run(story())


def test_a_box_that_tries_numbers_is_slowed_down_and_told() -> None:
    async def story() -> None:
        bench = Bench()
        watch = await bench.watched()
        for number in range(30):
            bench.twin.present(b"\x01" + number.to_bytes(4, "big"))
        await asyncio.sleep(5)
        presented = [at_s for at_s, one in bench.readings if isinstance(one, CardPresented)]
        assert all(later - one >= 1.0 for one, later in zip(presented, presented[4:], strict=False))
        assert len(presented) < 20
        await asyncio.sleep(100)
        first, last = bench.suspicions()
        assert first is not None
        assert "more than 4 cards a second" in first
        assert last is None
        watch.cancel()

    run(story())


def test_stopped_it_is_anybodys() -> None:
    async def story() -> None:
        bench = Bench()
        watch = await bench.watched()
        watch.cancel()
        await bench.driver.stop()
        bench.hub.take(Taker(lambda port, event: None, lambda port: None), VENDOR, PRODUCT, PORT)

    run(story())


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"vendor": "0xFFFF"}, "four hex digits in small letters"),
        ({"product": "35"}, "four hex digits"),
        ({"port": ""}, "at least 1 character"),
        ({"numbers": "hex"}, "'printed', 'uid' or 'uid-turned'"),
        ({"layout": "dvorak"}, "'us' or 'fr'"),
    ],
)
def test_what_cannot_be_configured(keys: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        KeyboardReaderSpec.model_validate(TABLE | keys)
    assert FOREIGN.port != PORT
