from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from drivers.pn532_chip import CardFailed, Pn532Chip
from drivers.pn532_reader import Pn532Reader
from drivers.specs.pn532_reader import Pn532ReaderSpec
from drivers.wire.pn532 import ACK, NACK, Decoder, Frame, Packet, encode
from hal.capabilities import CardPresented, CardReader, CardRemoved
from hal.errors import DeviceError, DeviceRefused, DeviceTimeout, LinkLost
from simulator import pn532_reader as twin
from simulator.faults import parse_fault
from simulator.harness.virtual_loop import run
from simulator.nfc_cards import RandomUidCard, SimulatedCard, card_of
from simulator.serial_device import SerialDevice
from tests.contract.links import MemoryLink
from tests.drivers.fakes import FakeLink, LoopClock, Readings

ADA, BOB, LIN = bytes.fromhex("11223344"), bytes.fromhex("04A1B2C3D4E580"), bytes.fromhex("04112233445566778899")
SPEC = Pn532ReaderSpec(id="nfc", type="pn532-reader", link="uart2")


@dataclass
class Desk:
    """A reader on its twin, and what passed between them."""

    link: MemoryLink
    body: twin.Pn532Reader
    stage: SerialDevice
    reader: Pn532Reader
    readings: Readings = field(default_factory=Readings)
    heard: list[Frame] = field(default_factory=list)

    def fault(self, text: str) -> None:
        self.stage.fault(parse_fault(text, self.body.faults))

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[asyncio.Task[None]]:
        watch = asyncio.create_task(self.reader.watch(self.readings))
        try:
            yield watch
        finally:
            watch.cancel()
            await asyncio.wait({watch})


async def desk(*, started: bool = True) -> Desk:
    link, rng = MemoryLink("uart2"), random.Random(1)
    body = twin.Pn532Reader(rng)
    stage = SerialDevice(body, link, rng)
    stage.start()
    await link.open()
    made = Desk(link, body, stage, Pn532Reader(SPEC, link, LoopClock()))
    decoder = Decoder()
    link.attach(lambda data: made.heard.extend(decoder.feed(data)))
    if started:
        await made.reader.start()
    return made


def now_s() -> float:
    return asyncio.get_running_loop().time()


@pytest.mark.parametrize("uid", [ADA, BOB, LIN])
def test_a_card_is_told_by_its_number_and_when_it_is_gone(uid: bytes) -> None:
    async def story() -> None:
        here = await desk()
        assert isinstance(here.reader, CardReader)
        async with here.watching():
            await asyncio.sleep(1)
            here.body.present(uid)
            await asyncio.sleep(60)
            here.body.remove()
            await asyncio.sleep(1)
        assert here.readings.all == [CardPresented("nfc", uid), CardRemoved("nfc", uid)]
        searches = [one for one in here.heard if isinstance(one, Packet) and one.code in (0x4A, 0x32)][2:]
        off = [index for index, one in enumerate(searches) if one.code == 0x32]
        assert len(off) > 200, "a card that stays selected may miss the next search"
        assert all(searches[index + 1].code == 0x4A for index in off)
        assert here.readings[0][0] < 1.05
        assert here.readings[1][0] < 61.8

    run(story())


def test_another_card_in_its_place_is_another_presentation() -> None:
    async def story() -> None:
        here = await desk()
        async with here.watching():
            for uid in (ADA, BOB, ADA):
                here.body.present(uid)
                await asyncio.sleep(0.3)
        assert here.readings.all == [
            CardPresented("nfc", ADA),
            CardRemoved("nfc", ADA),
            CardPresented("nfc", BOB),
            CardRemoved("nfc", BOB),
            CardPresented("nfc", ADA),
        ]

    run(story())


def test_a_box_that_tries_numbers_gets_in_four_a_second() -> None:
    async def story() -> None:
        here = await desk()
        async with here.watching():
            for number in range(1000):
                here.body.present(number.to_bytes(4, "big"))
                await asyncio.sleep(0.01)
        told = [one for one in here.readings.all if isinstance(one, CardPresented)]
        assert 30 < len(told) <= 40

    run(story())


def test_a_random_number_is_none(caplog: pytest.LogCaptureFixture) -> None:
    async def story() -> None:
        here = await desk()
        async with here.watching():
            with caplog.at_level("INFO"):
                here.body.present(RandomUidCard(random.Random(3)))
                await asyncio.sleep(10)
            assert caplog.text.count("a random number each time") == 1
            here.body.present(ADA)
            await asyncio.sleep(0.5)
        assert here.readings.all == [CardPresented("nfc", ADA)]

    run(story())


def test_a_card_that_goes_while_the_link_is_replaced_is_reported() -> None:
    async def story() -> None:
        here = await desk()
        async with here.watching() as watch:
            here.body.present(ADA)
            await asyncio.sleep(0.5)
            here.link.unplug()
            with pytest.raises(LinkLost):
                await watch
        here.link.replug()
        await here.link.open()
        await here.reader.start()
        async with here.watching():
            await asyncio.sleep(0.5)
            assert here.readings.all == [CardPresented("nfc", ADA)]
            here.body.remove()
            await asyncio.sleep(1)
        assert here.readings.all == [CardPresented("nfc", ADA), CardRemoved("nfc", ADA)]

    run(story())


def test_the_start_undoes_what_other_programs_have_set() -> None:
    """nfcpy leaves the chip asleep, without automatic activation; a search without end may go on."""

    async def story() -> None:
        here = await desk()
        for code, data in ((0x12, b"\x00"), (0x32, b"\x05\xff\x01\xff"), (0x4A, b"\x01\x00")):
            await here.link.write(encode(Packet(False, code, data)))
            await asyncio.sleep(0.01)
        await here.reader.start()
        here.body.present(card_of(BOB, "desfire"))
        chip = here.reader._chip
        target = await chip.search()
        assert target is not None
        assert target.ats == bytes.fromhex("7577810280")
        here.body.remove()
        began_s = now_s()
        assert await chip.search() is None
        assert now_s() - began_s < 0.5
        await here.link.write(encode(Packet(False, 0x16, b"\xb0")))
        await asyncio.sleep(0.01)
        await here.reader.start()

    run(story())


def test_the_bytes_of_a_start() -> None:
    async def story() -> None:
        here = await desk()
        sent = [frame for frame in here.heard if isinstance(frame, Packet)]
        assert [(one.code, one.data.hex()) for one in sent] == [
            (0x14, "011401"),
            (0x02, ""),
            (0x12, "14"),
            (0x32, "02000b0a"),
            (0x32, "05ff0132"),
        ]

    run(story())


class Echo(SimulatedCard):
    """Says what it is told, and that it is well."""

    def __init__(self, said: bytes | None = None) -> None:
        super().__init__(BOB, b"\x03\x44", 0x20, bytes.fromhex("7577810280"))
        self.commands: list[bytes] = []
        self._said = said

    def apdu(self, command: bytes) -> bytes:
        self.commands.append(command)
        return (command if self._said is None else self._said) + b"\x90\x00"


@pytest.mark.parametrize("size", [0, 1, 262, 263, 524, 525, 4000])
def test_an_apdu_of_any_length_and_its_answer(size: int) -> None:
    async def story() -> None:
        here, card = await desk(), Echo()
        here.body.present(card)
        chip = here.reader._chip
        await chip.search()
        apdu = random.Random(size).randbytes(size)
        assert await chip.exchange(apdu) == apdu + b"\x90\x00"
        assert card.commands == [apdu]

    run(story())


def test_a_damaged_answer_is_asked_for_again_and_the_card_is_not() -> None:
    async def story() -> None:
        here, card = await desk(), Echo()
        here.body.present(card)
        chip = here.reader._chip
        await chip.search()
        stage, spoilt = here.stage, iter([False, True])
        whole = stage._send
        here.body.connect(lambda data: whole(data[:-2] + b"\x00\x00" if next(spoilt, False) else data))
        assert await chip.exchange(b"\x90\x60\x00\x00\x00") == b"\x90\x60\x00\x00\x00\x90\x00"
        assert len(card.commands) == 1
        assert here.heard.count("nack") == 1

    run(story())


def test_a_card_hears_an_apdu_once_whatever_is_lost_on_the_way() -> None:
    async def story() -> None:
        here, card = await desk(), Echo()
        here.body.present(card)
        chip = here.reader._chip
        await chip.search()
        here.fault("silent=1")
        with pytest.raises(CardFailed):
            await chip.exchange(b"\x90\x60\x00\x00\x00")
        assert card.commands == [b"\x90\x60\x00\x00\x00"]
        await chip.search()
        assert await chip.exchange(b"\x00") == b"\x00\x90\x00"

    run(story())


@pytest.mark.parametrize(("gone", "code"), [(True, 0x01), (False, 0x27)])
def test_a_card_that_is_gone_or_was_not_selected(gone: bool, code: int) -> None:
    async def story() -> None:
        here = await desk()
        here.body.present(Echo())
        chip = here.reader._chip
        if gone:
            await chip.search()
            here.body.present(Echo())
        with pytest.raises(CardFailed) as caught:
            await chip.exchange(b"\x90\x60\x00\x00\x00")
        assert caught.value.code == code
        assert "hold the card still" in caught.value.hint
        assert await chip.search() is not None
        assert await chip.exchange(b"\x00") == b"\x00\x90\x00"

    run(story())


def test_a_card_taken_away_in_the_middle() -> None:
    async def story() -> None:
        here = await desk()
        here.body.present(Echo())
        await here.reader._chip.search()
        here.fault("card-gone=1")
        with pytest.raises(CardFailed) as caught:
            await here.reader._chip.exchange(b"\x00")
        assert caught.value.code in (0x01, 0x2B)
        assert await here.reader._chip.exchange(b"\x00") == b"\x00\x90\x00"

    run(story())


def test_the_start_wakes_it_at_once() -> None:
    async def story() -> None:
        here = await desk()
        here.fault("asleep=2")
        began_s = now_s()
        await here.reader.start()
        assert now_s() - began_s < 0.05

    run(story())


def test_a_lost_command_is_sent_again() -> None:
    async def story() -> None:
        here = await desk()
        here.fault("asleep=2")
        here.body.present(ADA)
        assert await here.reader._chip.search() is not None
        assert now_s() < 0.3

    run(story())


@pytest.mark.parametrize("fault", ["silent", "no-answer", "power-cycle"])
def test_a_reader_that_falls_silent_is_noticed_within_two_seconds(fault: str) -> None:
    async def story() -> None:
        here = await desk()
        async with here.watching() as watch:
            await asyncio.sleep(1)
            here.fault(fault)
            began_s = now_s()
            with pytest.raises(DeviceTimeout) as caught:
                await watch
            assert now_s() - began_s < 2
            assert "switch its power off and on" in caught.value.hint
        here.fault("silent")
        with pytest.raises(DeviceTimeout, match="switches say HSU"):
            await here.reader.start()

    run(story())


@pytest.mark.parametrize("fault", ["overlong", "bad-checksum"])
def test_answers_that_stay_damaged_end_it_soon(fault: str) -> None:
    async def story() -> None:
        here = await desk()
        here.fault(fault)
        began_s = now_s()
        with pytest.raises(DeviceTimeout):
            await here.reader._chip.search()
        assert now_s() - began_s < 1

    run(story())


def test_an_error_frame_is_a_refusal() -> None:
    async def story() -> None:
        here = await desk()
        here.fault("error-frame")
        with pytest.raises(DeviceRefused) as caught:
            await here.reader._chip.search()
        assert caught.value.code == 0x7F
        assert "0x4A" in caught.value.hint

    run(story())


@pytest.mark.parametrize("seed", range(12))
def test_whatever_faults_there_were_a_card_is_told_soon_after_the_last(seed: int) -> None:
    """As the supervisor keeps it; and never is another card told."""

    async def story() -> None:
        here, rng = await desk(), random.Random(seed)
        kept = asyncio.create_task(_keep(here))
        try:
            for _ in range(6):
                here.fault(rng.choice(here.body.faults))
                here.body.present(ADA)
                await asyncio.sleep(rng.uniform(0, 3))
                if rng.random() < 0.5:
                    here.stage.clear()
            here.stage.clear()
            here.body.remove()
            await asyncio.sleep(6)
            told = len(here.readings)
            here.body.present(BOB)
            await asyncio.sleep(0.1)
            assert here.readings.all[told:] == [CardPresented("nfc", BOB)]
            assert {one.card for one in here.readings.all} <= {ADA, BOB}  # type: ignore[union-attr]
        finally:
            kept.cancel()
            await asyncio.wait({kept})

    run(story())


async def _keep(here: Desk) -> None:
    while True:
        try:
            await here.reader.watch(here.readings)
        except DeviceError:
            await asyncio.sleep(0.5)
        with contextlib.suppress(DeviceError):
            await here.link.close()
            await here.link.open()
            await here.reader.start()


def test_stopped_it_has_no_field() -> None:
    async def story() -> None:
        here = await desk()
        async with here.watching():
            await asyncio.sleep(1)
        await here.reader.stop()
        assert here.heard[-1] == Packet(False, 0x32, b"\x01\x00")
        assert "ack" in here.heard

    run(story())


# Against a chip of a few lines, where the twin would be too good


async def _answers(link: FakeLink, replies: dict[int, bytes]) -> None:
    """Acknowledges and answers whatever is asked, by its code."""
    done = 0
    decoder = Decoder()
    while True:
        await asyncio.sleep(0.001)
        new, done = link.written[done:], len(link.written)
        for frame in decoder.feed(new):
            if isinstance(frame, Packet):
                link.put(ACK + encode(Packet(True, frame.code + 1, replies.get(frame.code, b""))))


async def _set_up_and_search(chip: Pn532Chip) -> None:
    await chip.set_up()
    await chip.search()


@pytest.mark.parametrize(
    ("replies", "error", "words"),
    [
        ({0x02: bytes.fromhex("33020707")}, DeviceRefused, "something else than a PN532"),
        ({0x02: b""}, DeviceRefused, "something else than a PN532"),
        ({0x02: bytes.fromhex("32010607"), 0x4A: b"\x01"}, DeviceTimeout, "makes no sense"),
    ],
)
def test_what_is_no_pn532(replies: dict[int, bytes], error: type[Exception], words: str) -> None:
    async def story() -> None:
        link = FakeLink()
        chip = Pn532Chip("nfc", link)
        answering = asyncio.create_task(_answers(link, replies))
        with pytest.raises(error, match=words):
            await asyncio.wait_for(_set_up_and_search(chip), 2)
        answering.cancel()

    run(story())


def test_the_answer_to_the_last_question_is_not_taken_for_this_one() -> None:
    """A late answer to a search would show a card that has left."""

    async def story() -> None:
        link = FakeLink()
        chip = Pn532Chip("nfc", link)
        old = encode(Packet(True, 0x4B, bytes.fromhex("01 01 00 04 08 04 11 22 33 44")))
        link.put(ACK + old)
        search = asyncio.create_task(chip.search())
        await asyncio.sleep(0.005)
        link.put(old + old + ACK)
        await asyncio.sleep(0.005)
        link.put(encode(Packet(True, 0x33, b"")))
        link.put(encode(Packet(True, 0x4B, b"\x00")))
        assert await search is None
        assert NACK not in link.written

    run(story())


def test_an_acknowledgement_that_waits_when_the_time_is_over_is_read() -> None:
    """As after a pause of the whole program: time-out and bytes are found at the same moment."""

    async def story() -> None:
        link = FakeLink()
        search = asyncio.create_task(Pn532Chip("nfc", link).search())
        await asyncio.sleep(0.05)
        link.put(ACK + encode(Packet(True, 0x4B, b"\x00")))
        assert await search is None
        assert link.written == encode(Packet(False, 0x4A, b"\x01\x00"))

    run(story())


def test_a_port_that_takes_no_bytes_is_given_up() -> None:
    async def story() -> None:
        link = FakeLink()
        link.takes_bytes.clear()
        with pytest.raises(DeviceTimeout, match="flow control"):
            await Pn532Chip("nfc", link).search()
        assert now_s() < 1

    run(story())
