"""The simulated fingerprint module against frames that were added up by hand from the makers' tables."""

from __future__ import annotations

import asyncio
import random

import pytest

from simulator.faults import FaultError, parse_fault
from simulator.harness.virtual_loop import run
from simulator.options import OptionError, parse_options
from simulator.serial_device import SerialDevice
from simulator.zfm_finger_reader import ZfmFingerReader
from tests.simulator.lines import MemoryLine

HEAD = "EF01 FFFFFFFF"
VERIFY = "01 0007 13 00000000 001B"
IMAGE, FEATURES, COUNT, SEARCH = (
    *("01 0003 01 0005", "01 0004 02 01 0008", "01 0003 1D 0021"),
    "01 0008 04 01 0000 00C8 00D6",
)
DONE, NO_FINGER = "07 0003 00 000A", "07 0003 02 000C"


class Module:
    """Its line, as a program sees it."""

    def __init__(self, *options: str) -> None:
        self.body = ZfmFingerReader.alone(parse_options(list(options), ZfmFingerReader.options), random.Random(1))
        self.line = MemoryLine()
        self.device = SerialDevice(self.body, self.line, random.Random(1))
        self.device.start()

    def say(self, frame: str, head: str = HEAD) -> None:
        self.line.say(bytes.fromhex(head + frame))

    def fault(self, text: str) -> None:
        self.device.fault(parse_fault(text, self.body.faults))

    async def ask(self, frame: str, head: str = HEAD) -> str:
        """What it says to that, without the head of its only frame."""
        self.line.came.clear()
        self.say(frame, head)
        await asyncio.sleep(0.5)
        return self.line.stream.hex().upper().removeprefix(HEAD.replace(" ", ""))


def told(frames: str) -> str:
    return frames.replace(" ", "")


@pytest.mark.parametrize(
    ("options", "dialogue"),
    [
        ([], [(VERIFY, DONE), (COUNT, "07 0005 00 0000 000C"), (IMAGE, NO_FINGER), (FEATURES, "07 0003 15 001F")]),
        (["password=00000001"], [(COUNT, "07 0003 21 002B"), (VERIFY, "07 0003 13 001D")]),
        (
            ["password=00000001"],
            [("01 0007 13 00000001 001C", DONE), (COUNT, "07 0005 00 0000 000C")],
        ),
        (
            ["capacity=200"],
            [("01 0003 0F 0013", "07 0013 00 0000 0009 00C8 0003 FFFFFFFF 0002 0006 04F2")],
        ),
        (
            ["templates=1,2,3"],
            [(COUNT, "07 0005 00 0003 000F"), ("01 0004 1F 00 0024", "07 0023 00 0E" + "00" * 31 + "0038")],
        ),
        (["finger=7"], [(IMAGE, DONE), (FEATURES, DONE), (SEARCH, "07 0007 09 0000 0000 0017")]),
        ([], [("01 0003 53 0057", "07 0003 55 005F"), ("01 0003 7F 0083", "07 0003 01 000B")]),
        (["family=r503"], [("01 0007 35 02 80 02 02 00C3", DONE), ("01 0008 1B 01 0000 00C8 00ED", "07 0003 01 000B")]),
        (["capacity=40"], [("01 0006 06 01 002A 0038", "07 0003 0B 0015")]),
        ([], [("01 0007 0C 002A 0001 003F", DONE), ("01 0003 0D 0011", DONE), ("01 0003 05 0009", "07 0003 0A 0014")]),
    ],
)
def test_it_answers_as_the_manuals_say(options: list[str], dialogue: list[tuple[str, str]]) -> None:
    async def story() -> None:
        module = Module(*options)
        for asked, answer in dialogue:
            assert await module.ask(asked) == told(answer)

    run(story())


def test_what_is_not_for_it_or_damaged() -> None:
    async def story() -> None:
        module = Module("address=00000001")
        assert await module.ask(COUNT) == ""
        assert await module.ask(COUNT, "EF01 00000001") == told("EF01 00000001 07 0005 00 0000 000C")
        assert await module.ask("01 0003 1D 0022", "EF01 00000001") == told("EF01 00000001 07 0003 01 000B")
        assert await module.ask("00 1234" + COUNT, "EF01 00000001 EF01 00000001 00") == ""
        module.line.say(bytes.fromhex("EF01 00000001 01 00"))
        await asyncio.sleep(1)
        assert await module.ask(COUNT, "EF01 00000001") != "", "the half frame was forgotten"

    run(story())


def test_what_outlives_its_power() -> None:
    async def story() -> None:
        module = Module("family=as608", "templates=7", "finger=7", "password=00000001")
        assert await module.ask("01 0007 13 00000001 001C") == told(DONE)
        assert await module.ask("01 0024 18 01" + "AB" * 32 + "159E") == told(DONE)
        assert await module.ask(IMAGE) == told(DONE)
        module.fault("power-cycle=100")
        await asyncio.sleep(0.15)
        assert module.line.stream.hex().upper() == told(HEAD + DONE), "it says nothing while it starts"
        await asyncio.sleep(1)
        assert module.line.stream.endswith(b"\x55")
        assert await module.ask(COUNT) == told("07 0003 21 002B"), "the password is to be verified again"
        await module.ask("01 0007 13 00000001 001C")
        assert await module.ask(FEATURES) == told("07 0003 15 001F"), "the image has gone"
        assert await module.ask("01 0004 19 01 001F") == told("07 0023 00" + "AB" * 32 + "158A")
        assert await module.ask("01 0004 1F 00 0024") == told("07 0023 00 80" + "00" * 31 + "00AA")

    run(story())


def test_the_finger_is_put_on_and_lifted_in_turn() -> None:
    async def story() -> None:
        module = Module("finger=7", "touch_ms=1000")
        seen = [await module.ask(IMAGE) for _ in range(8)]
        assert seen == [told(one) for one in (DONE, DONE, NO_FINGER, NO_FINGER) * 2]

    run(story())


def test_an_image_comes_in_packets_and_takes_its_time() -> None:
    async def story() -> None:
        module = Module("family=r503", "finger=7")
        await module.ask(IMAGE)
        module.line.came.clear()
        module.say("01 0003 0A 000E")
        began_s = asyncio.get_running_loop().time()
        await asyncio.sleep(10)
        first, *packets = [frame for _, frame in module.line.came]
        assert first.hex().upper() == told(HEAD + DONE)
        assert sum(len(packet) - 11 for packet in packets) == 192 * 192 // 2
        assert {packet[6] for packet in packets[:-1]} == {2}
        assert packets[-1][6] == 8
        assert 3.3 < module.line.came[-1][0] - began_s < 3.6, "139 bytes take 24 ms at 57600 baud"

    run(story())


def test_a_new_rate_holds_from_the_next_command_on() -> None:
    async def story() -> None:
        module = Module()
        module.line.baud = 57600
        assert await module.ask("01 0005 0E 04 0C 0024") == told(DONE)
        assert await module.ask(COUNT) == ""
        module.line.baud = 115200
        assert await module.ask(COUNT) == told("07 0005 00 0000 000C")
        assert await module.ask("01 0005 0E 04 0D 0025") == told("07 0003 1A 0024")

    run(story())


def test_its_own_faults() -> None:
    async def story() -> None:
        module = Module("templates=7", "finger=7", "family=r503")
        module.fault("miscount=1")
        assert await module.ask(COUNT) == told("07 0005 00 0002 000E")
        assert await module.ask(COUNT) == told("07 0005 00 0001 000D")
        module.fault("locked=1")
        assert await module.ask(COUNT) == told("07 0003 21 002B")
        module.fault("restarts")
        assert await module.ask(COUNT) == told("55" + HEAD + "07 0005 00 0001 000D")
        await module.ask(IMAGE)
        module.fault("unclear=1")
        assert await module.ask(FEATURES) in (told("07 0003 06 0010"), told("07 0003 07 0011"))
        assert await module.ask(FEATURES) == told(DONE)
        module.fault("low-score=1")
        low, high = int((await module.ask(SEARCH))[-8:-4], 16), int((await module.ask(SEARCH))[-8:-4], 16)
        assert low <= 20 < high
        module.fault("full=1")
        assert await module.ask("01 0006 06 01 002A 0038") == told("07 0003 18 0022")
        module.fault("lifted=1")
        assert await module.ask(FEATURES) == told("07 0003 15 001F")
        module.fault("other-module")
        await asyncio.sleep(1)
        assert await module.ask(COUNT) == told("07 0005 00 0000 000C")
        module.device.clear()
        await asyncio.sleep(1)
        assert await module.ask(COUNT) == told("07 0005 00 0001 000D")
        module.fault("factory-reset")
        module.device.clear()
        await asyncio.sleep(1)
        assert await module.ask(COUNT) == told("07 0005 00 0000 000C")

    run(story())


@pytest.mark.parametrize(
    "option", ["baud=1234", "password=12", "address=zz000000", "templates=1000", "finger=x", "family=r504"]
)
def test_an_option_that_cannot_be_is_refused(option: str) -> None:
    with pytest.raises(OptionError, match="allowed are"):
        Module(option)


def test_a_fault_without_argument_takes_none() -> None:
    with pytest.raises(FaultError, match="other-module takes no argument"):
        parse_fault("other-module=3", ZfmFingerReader.faults)
