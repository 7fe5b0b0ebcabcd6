from __future__ import annotations

import asyncio

import pytest
from pydantic import ValidationError

from drivers.specs.wiegand_reader import WiegandReaderSpec
from drivers.wiegand_reader import WiegandReader
from drivers.wire.card_number import parse_card
from hal.capabilities import Cancelled, CardPresented, CardRemoved, DeviceSuspect, Entered, Reading, Typed
from hal.errors import DeviceTimeout
from simulator.gpio_chip import GpioChip, Holder, Output
from simulator.harness.virtual_loop import run
from simulator.harness.wire.memory_lines import MemoryChip, MemoryLines
from tests.drivers.fakes import LoopClock, Readings

D0, D1 = 14, 15
ADA_BITS, ADA = "10110001111101001101011100", parse_card("0006547886")


class Bench:
    """The driver on a chip in memory, and pulses by hand."""

    def __init__(self, **keys: object) -> None:
        self.chip = GpioChip(asyncio.get_running_loop().time)
        self.lines = MemoryLines(MemoryChip("gpio0", self.chip))
        table = {"id": "reader", "type": "wiegand-reader", "link": "gpio0", "d0": D0, "d1": D1}
        self.driver = WiegandReader(WiegandReaderSpec.model_validate(table | keys), self.lines, LoopClock())
        self.readings = Readings()

    async def watched(self) -> asyncio.Task[None]:
        await self.lines.open()
        await self.driver.start()
        return asyncio.create_task(self.driver.watch(self.readings))

    async def send(self, bits: str, *, then_s: float = 0.06, period_s: float = 0.001) -> None:
        for bit in bits:
            self.chip.pulse((D0, D1)[int(bit)], asyncio.get_running_loop().time(), 0.0001)
            await asyncio.sleep(period_s)
        await asyncio.sleep(then_s)

    def told(self) -> list[Reading | str]:
        return [one.secret.reveal() if isinstance(one, Entered) else one for one in self.readings.all]


@pytest.mark.parametrize("period_s", [0.0003, 0.002, 0.02])
def test_a_card_is_told_once_and_leaves_when_it_is_not_repeated(period_s: float) -> None:
    async def story() -> None:
        bench = Bench()
        watch = await bench.watched()
        await bench.send(ADA_BITS, period_s=period_s)
        await bench.send(ADA_BITS)
        assert bench.told() == [CardPresented("reader", ADA)]
        await asyncio.sleep(1)
        assert bench.told()[1:] == [CardRemoved("reader", ADA)]
        await bench.send(ADA_BITS)
        assert bench.told()[2:] == [CardPresented("reader", ADA)]
        watch.cancel()

    run(story())


def test_a_frame_with_lost_pulses_is_dropped_even_if_what_is_left_fits() -> None:
    async def story() -> None:
        bench = Bench(custom=[{"bits": 25, "number": [1, 24]}])
        watch = await bench.watched()
        for n, bit in enumerate(ADA_BITS):
            line = (D0, D1)[int(bit)]
            if n == 7:
                bench.chip._seqnos[line] += 2  # the kernel's queue was full
            else:
                bench.chip.pulse(line, asyncio.get_running_loop().time(), 0.0001)
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.06)
        assert (bench.told(), bench.driver.dropped) == ([], 1)
        await bench.send(ADA_BITS)
        assert bench.told() == [CardPresented("reader", ADA)]
        watch.cancel()

    run(story())


def test_keys_come_as_bursts_and_a_card_in_between_disturbs_no_digit() -> None:
    async def story() -> None:
        bench = Bench(keypad=True)
        watch = await bench.watched()
        for burst in ("0001", f"{0xD2:08b}", ADA_BITS, "0011", "1011", "1010", "0111", "1010"):
            await bench.send(burst)
        typed = [Typed("reader", n) for n in (1, 2)]
        assert bench.told() == [
            *typed,
            CardPresented("reader", ADA),
            Typed("reader", 3),
            "123",
            Cancelled("reader"),
            Typed("reader", 1),
            Typed("reader", 0),
        ]
        watch.cancel()

    run(story())


def test_without_keys_a_burst_is_noise() -> None:
    async def story() -> None:
        bench = Bench()
        watch = await bench.watched()
        await bench.send("0001")
        await bench.send("10")
        assert (bench.told(), bench.driver.dropped) == ([], 2)
        watch.cancel()

    run(story())


def test_a_box_that_tries_numbers_is_slowed_down_and_told() -> None:
    async def story() -> None:
        bench = Bench(formats=["32"])
        watch = await bench.watched()
        for number in range(40):
            await bench.send(f"{number:032b}", then_s=0.03)
        assert sum(isinstance(one, CardPresented) for one in bench.told()) <= 4 * 3
        await asyncio.sleep(70)
        first, last = [one for one in bench.told() if isinstance(one, DeviceSuspect)]
        assert first.cause == "cards.flooding"
        assert "more than 4 cards a second" in (first.hint or "")
        assert last == DeviceSuspect("reader", "cards.flooding", None)
        watch.cancel()

    run(story())


def test_swapped_wires_are_told_of_until_a_frame_is_good() -> None:
    async def story() -> None:
        bench = Bench()
        watch = await bench.watched()
        for _ in range(5):
            await bench.send(ADA_BITS.translate({48: 49, 49: 48}))
        [told] = bench.told()
        assert isinstance(told, DeviceSuspect)
        assert "are the two lines swapped?" in (told.hint or "")
        await bench.send(ADA_BITS)
        assert bench.told()[1] == DeviceSuspect("reader", "lines.swapped", None)
        watch.cancel()

    run(story())


def test_a_reader_without_power_is_not_started() -> None:
    async def story() -> None:
        bench = Bench()
        await bench.lines.open()
        somebody = Holder(lambda edge: None)
        bench.chip.claim(somebody, [99], Output("push-pull", False))
        bench.chip.join(99, D1)
        with pytest.raises(DeviceTimeout, match=f"line {D1} is low at rest"):
            await bench.driver.start()

    run(story())


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"d1": D0}, "named twice"),
        ({"formats": ["27"]}, "'26', '32', '34' or '37'"),
        ({"custom": [{"bits": 35, "number": [3, 36]}]}, "the frame has 35 bits"),
        ({"custom": [{"bits": 35, "number": [30, 3]}]}, "first and its last bit"),
        ({"custom": [{"bits": 200, "number": [1, 9]}]}, "less than or equal to 96"),
    ],
)
def test_what_cannot_be_configured(keys: dict[str, object], told: str) -> None:
    table = {"id": "reader", "type": "wiegand-reader", "link": "gpio0", "d0": D0, "d1": D1}
    with pytest.raises(ValidationError, match=told):
        WiegandReaderSpec.model_validate(table | keys)
