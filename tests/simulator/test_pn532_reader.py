"""The simulated PN532 against frames of its manual and of public programs, written by hand."""

from __future__ import annotations

import asyncio
import random

import pytest

from simulator.faults import ActiveFaults, parse_fault
from simulator.harness.virtual_loop import run
from simulator.iso_dep import crc_a
from simulator.nfc_cards import KINDS, ClassicCard, RandomUidCard, SimulatedCard
from simulator.options import OptionError, parse_options
from simulator.pn532_chip import COMMANDS, Pn532Chip
from simulator.pn532_reader import Pn532Reader
from simulator.serial_device import SerialDevice
from tests.simulator.lines import MemoryLine

ACK, NACK = "00 00 FF 00 FF 00", "00 00 FF FF 00 00"
ERROR = "00 00 FF 01 FF 7F 81 00"
WAKE = "55 55" + " 00" * 14
SAM, SAM_DONE = "00 00 FF 05 FB D4 14 01 14 01 02 00", "00 00 FF 02 FE D5 15 16 00"
VERSION, VERSION_IS = "00 00 FF 02 FE D4 02 2A 00", "00 00 FF 06 FA D5 03 32 01 06 07 E8 00"
LIST, LIST_NONE = "00 00 FF 04 FC D4 4A 01 00 E1 00", "00 00 FF 03 FD D5 4B 00 E0 00"
RETRIES_2, RETRIES_DONE = "00 00 FF 06 FA D4 32 05 FF 01 02 F3 00", "00 00 FF 02 FE D5 33 F8 00"
CLASSIC = "00 00 FF 0C F4 D5 4B 01 01 00 04 08 04 11 22 33 44 24 00"
DESFIRE = "00 00 FF 15 EB D5 4B 01 01 03 44 20 07 04 A1 B2 C3 D4 E5 80 06 75 77 81 02 80 28 00"
ADA, LIN = bytes.fromhex("11223344"), bytes.fromhex("04A1B2C3D4E580")


class Bench:
    """A module with its power on, and a hand that types bytes."""

    def __init__(self, *options: str) -> None:
        self.body = Pn532Reader.alone(parse_options(list(options), Pn532Reader.options), random.Random(1))
        self.line = MemoryLine()
        self.device = SerialDevice(self.body, self.line, random.Random(1))
        self.device.start()

    async def say(self, wire: str = "", within_s: float = 0.1) -> list[str]:
        """What has come back since the last time, so long after this was sent."""
        if wire:
            self.line.say(bytes.fromhex(wire))
        await asyncio.sleep(within_s)
        pieces, self.line.came = self.line.pieces, []
        return [piece.hex(" ").upper() for piece in pieces]

    async def awake(self) -> Bench:
        assert await self.say(WAKE + SAM) == [ACK, SAM_DONE]
        return self


def test_asleep_it_loses_what_wakes_it() -> None:
    async def story() -> None:
        bench = Bench()
        assert await bench.say(VERSION) == []
        assert await bench.say(VERSION) == [ACK, VERSION_IS]
        fresh = Bench()
        assert await fresh.say("00" * 10 + VERSION) == [ACK, VERSION_IS]
        slow = Bench()
        assert await slow.say("55") == []
        assert await slow.say(VERSION) == [ACK, VERSION_IS]

    run(story())


def test_an_empty_field_gives_no_answer_until_a_card_comes() -> None:
    async def story() -> None:
        bench = await Bench().awake()
        assert await bench.say(LIST, within_s=60) == [ACK]
        bench.body.present(ADA)
        assert await bench.say() == [CLASSIC]

    run(story())


def test_an_empty_field_gives_no_answer_until_the_host_has_enough() -> None:
    async def story() -> None:
        bench = await Bench().awake()
        assert await bench.say(LIST) == [ACK]
        assert await bench.say(ACK) == []
        bench.body.present(ADA)
        assert await bench.say() == []
        bench.body.remove()
        assert await bench.say(LIST) == [ACK]
        assert await bench.say(VERSION) == [ACK, VERSION_IS]
        bench.body.present(ADA)
        assert await bench.say() == []

    run(story())


def test_with_a_number_of_tries_it_says_that_there_is_none() -> None:
    async def story() -> None:
        bench = await Bench().awake()
        assert await bench.say(RETRIES_2) == [ACK, RETRIES_DONE]
        assert await bench.say(LIST) == [ACK, LIST_NONE]
        bench.body.present(ADA)
        assert await bench.say(LIST) == [ACK, CLASSIC]

    run(story())


@pytest.mark.parametrize(
    ("options", "wire"), [(["uid=11223344"], CLASSIC), (["uid=04:a1:b2:c3:d4:e5:80", "card=desfire"], DESFIRE)]
)
def test_cards_of_the_manual(options: list[str], wire: str) -> None:
    async def story() -> None:
        bench = await Bench(*options).awake()
        assert await bench.say(LIST) == [ACK, wire]

    run(story())


def test_only_the_card_that_is_sought_answers() -> None:
    async def story() -> None:
        bench = await Bench("uid=04A1B2C3D4E580").awake()
        assert len(await bench.say("00 00 FF 0C F4 D4 4A 01 00 88 04 A1 B2 C3 D4 E5 80 06 00")) == 2
        assert await bench.say("00 00 FF 0C F4 D4 4A 01 00 88 04 A1 B2 C3 D4 E5 81 05 00") == [ACK]

    run(story())


def test_a_selected_card_misses_the_first_try_unless_the_field_was_off() -> None:
    async def story() -> None:
        bench = await Bench("uid=11223344").awake()
        await bench.say("00 00 FF 06 FA D4 32 05 FF 01 00 F5 00")  # one try
        assert await bench.say(LIST) == [ACK, CLASSIC]
        assert await bench.say(LIST) == [ACK, LIST_NONE]
        assert await bench.say(LIST) == [ACK, CLASSIC]
        await bench.say("00 00 FF 04 FC D4 32 01 00 F9 00")
        assert await bench.say(LIST) == [ACK, CLASSIC]

    run(story())


def test_a_nack_brings_the_last_answer_again_and_nothing_else() -> None:
    async def story() -> None:
        bench = await Bench().awake()
        assert await bench.say(VERSION) == [ACK, VERSION_IS]
        assert await bench.say(NACK) == [VERSION_IS]
        assert await bench.say("00 00 FF 02 FE D4 02 2B 00") == []

    run(story())


@pytest.mark.parametrize(
    ("wire", "answer"),
    [
        # libnfc's and nfcpy's test of the line, the latter in an extended frame
        ("00 00 FF 09 F7 D4 00 00 6C 69 62 6E 66 63 BE 00", "00 00 FF 09 F7 D5 01 00 6C 69 62 6E 66 63 BC 00"),
        (
            "00 00 FF FF FF 01 09 F6 D4 00 00" + " 55" * 262 + " 2E 00",
            "00 00 FF FF FF 01 09 F6 D5 01 00" + " 55" * 262 + " 2C 00",
        ),
        ("00 00 FF 03 FD D4 12 14 06 00", "00 00 FF 02 FE D5 13 18 00"),  # SetParameters
        ("00 00 FF 03 FD D4 10 08 14 00", "00 00 FF 02 FE D5 11 1A 00"),  # SetSerialBaudRate 1.288 Mbaud
        ("00 00 FF 03 FD D4 10 09 13 00", ERROR),
        ("00 00 FF 04 FC D4 06 63 05 BE 00", "00 00 FF 03 FD D5 07 00 24 00"),  # ReadRegister CIU_TxAuto
        ("00 00 FF 02 FE D4 04 28 00", "00 00 FF 06 FA D5 05 00 00 00 80 A6 00"),  # GetGeneralStatus
        ("00 00 FF 03 FD D4 52 00 DA 00", "00 00 FF 03 FD D5 53 00 D8 00"),  # InRelease without a target
        ("00 00 FF 03 FD D4 44 01 E7 00", "00 00 FF 03 FD D5 45 00 E6 00"),  # InDeselect
        ("00 00 FF 03 FD D4 44 01 E6 00", None),  # a wrong check: not even acknowledged
        ("00 00 FF 0B F5 D4 40 01 90 71 00 00 02 00 00 00 E8 00", "00 00 FF 03 FD D5 41 27 C3 00"),
        ("00 00 FF 02 FE D4 A2 8A 00", ERROR),  # no such command
    ],
)
def test_what_other_programs_ask(wire: str, answer: str | None) -> None:
    async def story() -> None:
        bench = await Bench().awake()
        assert await bench.say(wire) == ([] if answer is None else [ACK, answer])

    run(story())


def test_a_register_keeps_what_is_written() -> None:
    async def story() -> None:
        bench = await Bench().awake()
        assert await bench.say("00 00 FF 05 FB D4 08 63 05 40 7C 00") == [ACK, "00 00 FF 02 FE D5 09 22 00"]
        assert await bench.say("00 00 FF 04 FC D4 06 63 05 BE 00") == [ACK, "00 00 FF 03 FD D5 07 40 E4 00"]

    run(story())


@pytest.mark.parametrize(("sources", "check", "hears"), [("10", "06", True), ("20", "F6", False)])
def test_powered_down_it_is_woken_by_the_line_if_it_was_told_so(sources: str, check: str, hears: bool) -> None:
    async def story() -> None:
        bench = await Bench().awake()
        down = f"00 00 FF 03 FD D4 16 {sources} {check} 00"
        assert await bench.say(down) == [ACK, "00 00 FF 03 FD D5 17 00 14 00"]
        assert await bench.say(WAKE + VERSION) == ([ACK, VERSION_IS] if hears else [])
        bench.device._switch(on=False)
        bench.device._switch(on=True)
        assert await bench.say(WAKE + VERSION) == [ACK, VERSION_IS]

    run(story())


class Said(SimulatedCard):
    def __init__(self, answer: bytes) -> None:
        super().__init__(LIN, b"\x03\x44", 0x20, bytes.fromhex("7577810280"))
        self.heard: list[bytes] = []
        self._answer = answer

    def apdu(self, command: bytes) -> bytes:
        self.heard.append(command)
        return self._answer


def test_an_apdu_reaches_the_card_in_the_field_and_no_other() -> None:
    async def story() -> None:
        bench, card = await Bench().awake(), Said(b"\x91\x00")
        apdu = "00 00 FF 0B F5 D4 40 01 90 71 00 00 02 00 00 00 E8 00"
        bench.body.present(card)
        await bench.say(LIST)
        assert await bench.say(apdu) == [ACK, "00 00 FF 05 FB D5 41 00 91 00 59 00"]
        assert card.heard == [bytes.fromhex("9071000002000000")]
        bench.body.present(Said(b"\x91\x00"))
        assert await bench.say(apdu) == [ACK, "00 00 FF 03 FD D5 41 01 E9 00"]
        assert len(card.heard) == 1

    run(story())


def test_a_card_without_the_field_starts_anew() -> None:
    async def story() -> None:
        bench, card = await Bench().awake(), ClassicCard(ADA)
        bench.body.present(card)
        await bench.say(LIST)
        opened = "00 00 FF 0F F1 D4 40 01 60 04 FF FF FF FF FF FF 11 22 33 44 E3 00"
        read, first = "00 00 FF 05 FB D4 40 01 30 04 B7 00", "00 00 FF 13 ED D5 41 00" + " 00" * 16 + " EA 00"
        assert await bench.say(read) == [ACK, "00 00 FF 03 FD D5 41 01 E9 00"]
        assert await bench.say(opened) == [ACK, "00 00 FF 03 FD D5 41 00 EA 00"]
        assert await bench.say(read) == [ACK, first]
        assert await bench.say("00 00 FF 04 FC D4 32 01 00 F9 00") == [ACK, RETRIES_DONE]
        assert await bench.say(read) == [ACK, "00 00 FF 03 FD D5 41 01 E9 00"]
        assert await bench.say(LIST) == [ACK, CLASSIC]
        assert await bench.say(read) == [ACK, "00 00 FF 03 FD D5 41 01 E9 00"]

    run(story())


def test_blocks_of_iso_14443_4_as_programs_build_them_that_do_it_themselves() -> None:
    async def story() -> None:
        card = Said(bytes(range(100)) + b"\x90\x00")
        bench = await Bench().awake()
        bench.body.present(card)
        await bench.say("00 00 FF 03 FD D4 12 00 1A 00")  # not by itself
        assert (await bench.say(LIST))[1].endswith("04 A1 B2 C3 D4 E5 80 1D 00")
        thru = "00 00 FF {:02X} {:02X} D4 42 {} {:02X} 00"

        async def carry(block: str) -> str:
            data = bytes.fromhex(block)
            size = len(data) + 2
            replies = await bench.say(thru.format(size, 256 - size, block, -(0xD4 + 0x42 + sum(data)) % 256))
            return bytes.fromhex(replies[1])[8:-2].hex(" ").upper()

        assert await carry("E0 50") == "06 75 77 81 02 80"  # at most 64 bytes in a block
        assert await carry("12 90 AA") == "A2"  # more to come
        assert await carry("03 00 00") == "13 " + bytes(range(61)).hex(" ").upper()
        assert card.heard == [bytes.fromhex("90AA0000")]
        assert await carry("B3") == "13 " + bytes(range(61)).hex(" ").upper()  # the reader missed it
        assert await carry("A2") == "02 " + bytes(range(61, 100)).hex(" ").upper() + " 90 00"
        assert await carry("C2") == "C2"

    run(story())


def test_the_check_of_type_a() -> None:
    """ISO 14443-3, annex B: 00 00 has the CRC A0 1E, 12 34 has 26 CF."""
    assert crc_a(b"\x00\x00") == b"\xa0\x1e"
    assert crc_a(b"\x12\x34") == b"\x26\xcf"


@pytest.mark.parametrize("seed", range(5))
def test_no_command_and_no_frame_to_a_card_is_too_odd(seed: int) -> None:
    rng = random.Random(seed)
    chip = Pn532Chip(rng, ActiveFaults())
    cards = [RandomUidCard(rng), *(make(rng.randbytes(length)) for length, make in KINDS.values()), None]
    frames = [b"\xe0\x80", b"\x02", b"\x13\x90", b"\xa2", b"\xb3", b"\xc2", b"\x0a\x00", b"\x30\x0f", b"\x60\x04"]
    answered = 0
    for _ in range(1_000):
        if rng.random() < 0.1:
            chip.card = rng.choice(cards)
        code = rng.choice((0x4A, 0x40, 0x42, rng.choice(tuple(COMMANDS)), rng.randrange(256)))
        data = rng.choice((b"\x01\x00", b"\x01" + rng.choice(frames), rng.choice(frames), rng.randbytes(263), b""))
        reply = chip.perform(code, data[: rng.choice((1, 2, 3, 263))])
        assert reply.data is None or len(reply.data) <= 263
        answered += reply.data is not None
    assert answered > 300


def test_removing_nothing_and_a_number_that_no_card_has_are_said() -> None:
    body = Pn532Reader(random.Random(1))
    with pytest.raises(ValueError, match="no card in the field"):
        body.remove()
    with pytest.raises(ValueError, match="has 4, 7 or 10 bytes, this one 5"):
        body.present(b"12345")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["uid=112233"], "uid=112233: an NFC card has 4, 7 or 10 bytes, this one 3"),
        (["uid=xy"], "uid=xy"),
        (["uid=11223344", "card=desfire"], "the UID of such a card has 7 bytes, this one 4"),
        (["card=desfire"], "write its number too"),
        (["card=gold"], "allowed are classic, ultralight"),
        (["baud=9600"], "baud"),
    ],
)
def test_bad_options_are_named(options: list[str], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        Bench(*options)


@pytest.mark.parametrize(
    ("fault", "replies"),
    [
        ("no-answer", [ACK]),
        ("error-frame", [ACK, ERROR]),
        ("asleep", []),
        ("bad-checksum", ["00 00 FF 00 AA 00", CLASSIC.replace("24 00", "71 00")]),
    ],
)
def test_faults_of_the_family(fault: str, replies: list[str]) -> None:
    async def story() -> None:
        bench = await Bench("uid=11223344").awake()
        bench.device.fault(parse_fault(fault, bench.body.faults))
        assert await bench.say(LIST) == replies
        bench.device.clear()
        assert await bench.say(LIST) == [ACK, CLASSIC]

    run(story())


def test_a_random_number_is_another_one_each_time() -> None:
    async def story() -> None:
        bench = await Bench("uid=11223344").awake()
        bench.device.fault(parse_fault("random-uid", bench.body.faults))
        first, second = [(await bench.say(LIST))[1] for _ in range(2)]
        assert first.startswith("00 00 FF 0C F4 D5 4B 01 01 00 04 08 04 08")
        assert first != second

    run(story())
