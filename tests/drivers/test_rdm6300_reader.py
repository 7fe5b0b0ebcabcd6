from __future__ import annotations

import asyncio

import pytest

from drivers.card_rate import CARDS_PER_S
from drivers.rdm6300_reader import CARDS_MAX, Rdm6300Reader
from drivers.specs.rdm6300_reader import Rdm6300ReaderSpec
from drivers.wire.rdm6300 import encode
from hal.capabilities import CardPresented, CardReader, CardRemoved, DeviceSuspect
from hal.errors import LinkLost
from simulator.harness.virtual_loop import run
from simulator.rdm6300_reader import ENCODINGS
from tests.drivers.fakes import FakeLink, LoopClock, Readings

ADA, BOB = bytes.fromhex("010063E9AE"), bytes.fromhex("010063E9AF")
SPEC = Rdm6300ReaderSpec(id="reader", type="rdm6300-reader", link="uart0")


def reader(link: FakeLink) -> Rdm6300Reader:
    return Rdm6300Reader(SPEC, link, LoopClock())


async def hold(link: FakeLink, *cards: bytes, times: int) -> None:
    """Cards in the field, in turn, as the reader repeats them."""
    for index in range(times):
        link.put(encode(cards[index % len(cards)]))
        await asyncio.sleep(0.065)


def test_a_card_held_for_minutes_is_one_presentation() -> None:
    async def story() -> None:
        link, readings = FakeLink(), Readings()
        device = reader(link)
        assert isinstance(device, CardReader)
        await device.start()
        watch = asyncio.create_task(device.watch(readings))
        await hold(link, ADA, times=3000)
        assert readings == [(0.0, CardPresented("reader", ADA))]
        await asyncio.sleep(1)
        assert readings.all[1:] == [CardRemoved("reader", ADA)]
        assert readings[1][0] == pytest.approx(2999 * 0.065 + 0.5, abs=0.002)
        await hold(link, ADA, times=1)
        assert readings.all[2:] == [CardPresented("reader", ADA)]
        watch.cancel()

    run(story())


def test_frames_that_wait_when_the_time_is_over_are_read_before_a_card_is_called_gone() -> None:
    """As after a pause of the whole program: time-out and frames are found at the same moment."""

    async def story() -> None:
        link, readings = FakeLink(), Readings()
        watch = asyncio.create_task(reader(link).watch(readings))
        link.put(encode(ADA))
        for _ in range(10):
            await asyncio.sleep(0.5)
            link.put(encode(ADA))
        assert readings.all == [CardPresented("reader", ADA)]
        watch.cancel()

    run(story())


def test_a_short_silence_is_no_removal() -> None:
    async def story() -> None:
        link, readings = FakeLink(), Readings()
        device = reader(link)
        watch = asyncio.create_task(device.watch(readings))
        for _ in range(10):
            link.put(encode(ADA))
            await asyncio.sleep(0.49)
        assert readings.all == [CardPresented("reader", ADA)]
        watch.cancel()

    run(story())


def test_two_cards_in_turn_are_two_presentations() -> None:
    async def story() -> None:
        link, readings = FakeLink(), Readings()
        device = reader(link)
        watch = asyncio.create_task(device.watch(readings))
        await hold(link, ADA, BOB, times=60)
        assert readings.all == [CardPresented("reader", ADA), CardPresented("reader", BOB)]
        await hold(link, BOB, times=20)
        assert readings.all[2:] == [CardRemoved("reader", ADA)]
        watch.cancel()

    run(story())


def test_a_babbling_line_cannot_grow_the_memory() -> None:
    async def story() -> None:
        link, readings = FakeLink(), Readings()
        device = reader(link)
        watch = asyncio.create_task(device.watch(readings))
        link.put(b"".join(encode(number.to_bytes(5, "big")) for number in range(100)))
        await asyncio.sleep(0.01)
        shown = sum(isinstance(reading, CardPresented) for reading in readings.all)
        gone = sum(isinstance(reading, CardRemoved) for reading in readings.all)
        assert (shown, gone) == (CARDS_PER_S, 0)
        for second in range(1, 200):
            await asyncio.sleep(1.05)
            link.put(b"".join(encode((100 * second + number).to_bytes(5, "big")) for number in range(100)))
        await asyncio.sleep(0.01)
        assert len(device._seen_s) <= CARDS_MAX
        shown = sum(isinstance(reading, CardPresented) for reading in readings.all)
        assert shown == 200 * CARDS_PER_S
        await asyncio.sleep(100)
        [first, last] = [one for one in readings.all if isinstance(one, DeviceSuspect)]
        assert first.cause == last.cause == "cards.flooding"
        assert (first.hint is None, last.hint) == (False, None)
        watch.cancel()

    run(story())


def test_start_forgets_what_was_read_before() -> None:
    async def story() -> None:
        link, readings = FakeLink(), Readings()
        device = reader(link)
        watch = asyncio.create_task(device.watch(readings))
        link.put(encode(ADA)[:8])
        await asyncio.sleep(0.1)
        watch.cancel()
        await asyncio.wait({watch})
        link.put(encode(BOB))
        await device.start()
        watch = asyncio.create_task(device.watch(readings))
        link.put(encode(ADA)[8:])
        await asyncio.sleep(0.1)
        assert readings.all == []
        watch.cancel()

    run(story())


def test_a_broken_frame_says_nothing() -> None:
    async def story() -> None:
        link, readings = FakeLink(), Readings()
        device = reader(link)
        watch = asyncio.create_task(device.watch(readings))
        link.put(encode(ADA)[:-3] + b"FF\x03")
        await asyncio.sleep(1)
        assert readings.all == []
        watch.cancel()

    run(story())


def test_lost_link_ends_watch_and_a_card_that_went_meanwhile_is_reported() -> None:
    async def story() -> None:
        link, readings = FakeLink(), Readings()
        device = reader(link)
        watch = asyncio.create_task(device.watch(readings))
        link.put(encode(ADA))
        await asyncio.sleep(0.1)
        link.lose()
        with pytest.raises(LinkLost):
            await watch
        link.lost = False
        link.put(b"\x02old half of a frame")
        await asyncio.sleep(3)
        await device.start()
        watch = asyncio.create_task(device.watch(readings))
        await asyncio.sleep(0.1)
        assert readings.all == [CardPresented("reader", ADA), CardRemoved("reader", ADA)]
        watch.cancel()

    run(story())


@pytest.mark.parametrize("frame", ["framed", "bare", "binary"])
def test_each_kind_of_frame_is_read_as_its_twin_sends_it(frame: str) -> None:
    async def story() -> None:
        link, readings = FakeLink(), Readings()
        device = Rdm6300Reader(SPEC.model_copy(update={"frame": frame}), link, LoopClock())
        await device.start()
        watch = asyncio.create_task(device.watch(readings))
        for chunk in (ENCODINGS[frame](ADA)[:4], ENCODINGS[frame](ADA)[4:]):
            await asyncio.sleep(0.005)
            link.put(chunk)
        await asyncio.sleep(0.1)
        assert readings.all == [CardPresented("reader", ADA)]
        watch.cancel()

    run(story())


def test_bare_digits_behind_noise_wait_for_a_silence() -> None:
    async def story() -> None:
        link, readings = FakeLink(), Readings()
        device = Rdm6300Reader(SPEC.model_copy(update={"frame": "bare"}), link, LoopClock())
        await device.start()
        watch = asyncio.create_task(device.watch(readings))
        link.put(b"7" + ENCODINGS["bare"](ADA))
        await asyncio.sleep(0.05)
        link.put(ENCODINGS["bare"](ADA))
        await asyncio.sleep(0.2)
        assert readings.all == []
        link.put(ENCODINGS["bare"](ADA))
        await asyncio.sleep(0.05)
        assert readings.all == [CardPresented("reader", ADA)]
        watch.cancel()

    run(story())
