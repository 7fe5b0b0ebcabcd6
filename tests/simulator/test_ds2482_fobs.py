"""The simulated chip as its data sheet has it, asked byte by byte, and what each of its faults does."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.ds2482_fobs import Ds2482Fobs
from simulator.faults import FaultError, parse_fault
from simulator.fobs import number_of
from simulator.harness.virtual_loop import run
from simulator.i2c_bus import I2cSession
from simulator.i2c_device import I2cDevice
from simulator.i2c_wires import I2cWires, NotAcknowledged, StuckLow
from simulator.options import OptionError, parse_options
from tests.simulator.lines import MemoryLine

CODES = [(0xF0, 0xB8), (0xE1, 0xB1), (0xD2, 0xAA), (0xC3, 0xA3), (0xB4, 0x9C), (0xA5, 0x95), (0x96, 0x8E), (0x87, 0x87)]
"""Of the table "Valid Channel Selection Codes": written, read back."""
BUSY, PRESENCE, SHORT, RST, SBR, TSB, DIR = 0x01, 0x02, 0x04, 0x10, 0x20, 0x40, 0x80
AN27 = bytes.fromhex("02 1C B8 01 00 00 00 A2")


class Bench:
    def __init__(self, *options: str) -> None:
        self.body = Ds2482Fobs.alone(parse_options(list(options), Ds2482Fobs.options), Random(1))
        self.plug = MemoryLine()
        self.wires = I2cWires(asyncio.get_running_loop().time)
        self.chip = I2cDevice(self.body, self.plug)
        self.wires.attach(self.chip)
        self.chip.start()

    async def ask(self, *messages: bytes | int) -> list[bytes]:
        read, duration_s = self.wires.transfer(self.body.address, messages)
        await asyncio.sleep(duration_s)
        return read

    async def status(self, *messages: bytes | int) -> int:
        """After so long that nothing is busy any more."""
        await self.ask(*messages)
        await asyncio.sleep(0.002)
        return (await self.ask(b"\xe1\xf0", 1))[0][0]

    async def set_up(self, channel: int = 1) -> None:
        await self.ask(b"\xf0", b"\xd2\xe1", bytes((0xC3, CODES[channel - 1][0])))

    async def settle(self) -> None:
        """A contact has stopped bouncing."""
        await self.status(b"\xb4")
        await asyncio.sleep(0.05)

    async def number(self) -> bytes:
        await self.status(b"\xb4")
        await self.status(b"\xa5\x33")
        rom = b""
        for _ in range(8):
            await self.status(b"\x96")
            rom += (await self.ask(b"\xe1\xe1", 1))[0]
        return rom

    async def search(self, prefer: bool) -> bytes:
        """One branch of the search tree of application note 187."""
        await self.status(b"\xb4")
        await self.status(b"\xa5\xf0")
        bits = 0
        for place in range(64):
            state = await self.status(b"\x78\x80" if prefer else b"\x78\x00")
            bits |= bool(state & DIR) << place
        return bits.to_bytes(8, "little")

    def fault(self, text: str) -> None:
        self.chip.fault(parse_fault(text, self.body.faults))


def play(story: Callable[[Bench], Awaitable[None]], *options: str) -> None:
    async def on_the_loop() -> None:
        await story(Bench(*options))

    run(on_the_loop())


def test_after_power_and_reset_it_says_so_until_it_is_configured() -> None:
    async def story(bench: Bench) -> None:
        assert (await bench.ask(1))[0][0] & (RST | BUSY) == RST
        assert await bench.ask(b"\xd2\xe1", 1) == [b"\x01"]  # the high half reads as 0
        assert await bench.status() & RST == 0
        assert (await bench.ask(b"\xf0", 1))[0][0] & RST
        assert await bench.ask(b"\xe1\xc3", 1, b"\xe1\xd2", 1) == [b"\x00", b"\xb8"]

    play(story)


def test_each_channel_reads_back_as_another_code() -> None:
    async def story(bench: Bench) -> None:
        for written, read in CODES:
            assert await bench.ask(bytes((0xC3, written)), 1) == [bytes((read,))]

    play(story)


@pytest.mark.parametrize("wrong", ["C3 B8", "E1 00", "D2 E0", "D2 01", "55", "F0 00"])
def test_what_is_not_valid_is_not_acknowledged_and_changes_nothing(wrong: str) -> None:
    async def story(bench: Bench) -> None:
        await bench.set_up(3)
        with pytest.raises(NotAcknowledged):
            await bench.ask(bytes.fromhex(wrong))
        if wrong != "F0 00":  # the reset itself is done
            assert await bench.ask(b"\xe1\xd2", 1, b"\xe1\xc3", 1) == [b"\xaa", b"\x01"]

    play(story)


def test_a_read_goes_on_with_the_same_register_and_shows_when_it_is_no_longer_busy() -> None:
    async def story(bench: Bench) -> None:
        await bench.set_up()
        [states] = await bench.ask(b"\xb4", 80)
        busy = [bool(state & BUSY) for state in states]
        assert 45 <= sum(busy) <= 56  # 1.16 ms of 22.5 us
        assert busy == sorted(busy, reverse=True)

    play(story)


def test_busy_it_takes_nothing_but_a_pointer_and_a_reset() -> None:
    async def story(bench: Bench) -> None:
        await bench.set_up()
        await bench.ask(b"\xb4")
        for command in (b"\xb4", b"\xa5\x33", b"\x96", b"\x87\x80", b"\x78\x80", b"\xc3\xf0", b"\xd2\xe1"):
            with pytest.raises(NotAcknowledged):
                await bench.ask(command)
        assert (await bench.ask(b"\xe1\xf0", 1))[0][0] & BUSY
        assert (await bench.ask(b"\xf0", 1))[0][0] & (BUSY | RST) == RST

    play(story)


def test_presence_and_number_of_what_hangs_there() -> None:
    async def story(bench: Bench) -> None:
        await bench.set_up(2)
        await bench.settle()
        assert await bench.status(b"\xb4") & (PRESENCE | SHORT) == PRESENCE
        assert await bench.number() == AN27
        await bench.ask(b"\xc3\xf0")
        assert await bench.status(b"\xb4") & (PRESENCE | SHORT) == 0
        assert await bench.number() == b"\xff" * 8

    play(story, f"fobs=-,{AN27.hex()},F-7")


def test_the_old_command_and_single_bits() -> None:
    async def story(bench: Bench) -> None:
        await bench.set_up()
        await bench.settle()
        await bench.status(b"\xb4")
        await bench.status(b"\xa5\x0f")
        bits = [bool(await bench.status(b"\x87\x80") & SBR) for _ in range(64)]
        assert bits == [bool(byte >> place & 1) for byte in AN27 for place in range(8)]

    play(story, f"fobs={AN27.hex()}")


def test_a_search_of_one_and_of_two() -> None:
    async def story(bench: Bench) -> None:
        await bench.set_up()
        await bench.settle()
        assert await bench.search(False) == await bench.search(True) == number_of("F-7")
        bench.fault("two-fobs=1")
        await bench.settle()
        found = {await bench.search(False), await bench.search(True)}
        assert len(found) == 2
        assert number_of("F-7") in found
        first, second = found
        both = bytes(one & other for one, other in zip(first, second, strict=True))
        assert await bench.number() == both  # both pull the line low

    play(story, "fobs=F-7")


def test_another_command_silences_the_fob() -> None:
    async def story(bench: Bench) -> None:
        await bench.set_up()
        await bench.settle()
        await bench.status(b"\xb4")
        await bench.status(b"\xa5\xcc")
        await bench.status(b"\x96")
        assert await bench.ask(b"\xe1\xe1", 1) == [b"\xff"]

    play(story, "fobs=F-7")


def test_a_contact_bounces_when_a_fob_comes_and_not_when_the_power_does() -> None:
    async def story(bench: Bench) -> None:
        await bench.set_up()
        assert all([await bench.status(b"\xb4") & PRESENCE for _ in range(40)])
        bench.fault("two-fobs=1")
        states = [await bench.status(b"\xb4") & PRESENCE for _ in range(40)]
        assert 0 in states
        assert all(states[20:])

    play(story, "fobs=F-7")


def test_faults_of_the_lines() -> None:
    async def story(bench: Bench) -> None:
        await bench.set_up()
        await bench.settle()
        bench.fault("short=1")
        assert await bench.status(b"\xb4") & (PRESENCE | SHORT) == SHORT
        assert await bench.number() == bytes(8)
        bench.chip.clear()
        assert await bench.number() == number_of("F-7")
        bench.fault("bad-checksum=1")
        assert await bench.number() == number_of("F-7")[:7] + bytes((number_of("F-7")[7] ^ 0xFF,))
        assert await bench.number() == number_of("F-7")
        bench.fault("noise=2")
        numbers = [await bench.number() for _ in range(20)]
        assert all(sum(one != other for one, other in zip(rom, number_of("F-7"), strict=True)) <= 2 for rom in numbers)
        assert len(set(numbers)) > 10
        with pytest.raises(FaultError, match="the argument is a channel, 1 to 8"):
            bench.fault("short=9")

    play(story, "fobs=F-7")


def test_faults_of_the_chip() -> None:
    async def story(bench: Bench) -> None:
        await bench.set_up()
        bench.fault("silent=2")
        for _ in range(2):
            with pytest.raises(NotAcknowledged):
                await bench.ask(1)
        assert len(await bench.ask(1)) == 1
        bench.fault("stale=1")
        assert await bench.ask(b"\xc3\xe1", 1, b"\xc3\xe1", 1) == [b"\xb8", b"\xb1"]
        bench.fault("busy=1")
        assert await bench.status(b"\xb4") & BUSY
        await asyncio.sleep(10)
        assert await bench.status() & BUSY
        assert await bench.status(b"\xf0") & BUSY == 0
        bench.fault("stuck-low=100")
        with pytest.raises(StuckLow):
            await bench.ask(1)
        await asyncio.sleep(0.2)
        await bench.set_up()
        bench.fault("power-cycle=100")
        with pytest.raises(NotAcknowledged):
            await bench.ask(1)
        await asyncio.sleep(0.2)
        assert (await bench.ask(1, b"\xe1\xc3", 1))[0][0] & RST
        bench.fault("unplug=100")
        assert not bench.plug.plugged
        await asyncio.sleep(0.2)
        assert bench.plug.plugged

    play(story)


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("address=0x20", "allowed are 0x18, 0x19"),
        ("fobs=F-x7", "F-x7: allowed are F-"),
        ("fobs=11:22", "8 bytes in hex"),
        ("fobs=" + ",".join(["-"] * 9), "there are 8 channels, 9 are named"),
    ],
)
def test_options_that_cannot_be(option: str, words: str) -> None:
    with pytest.raises(OptionError) as caught:
        Ds2482Fobs.alone(parse_options([option], Ds2482Fobs.options), Random(1))
    assert words in str(caught.value)


def test_a_conversation_on_the_socket() -> None:
    async def story(bench: Bench) -> None:
        session = I2cSession(bench.wires)

        async def ask(line: str) -> dict[str, object]:
            answer = json.loads(await session.answer(line))
            assert isinstance(answer, dict)
            return answer

        asked = '{"id":1,"op":"transfer","address":28,"messages":["f0","d2e1",1,"c3e1",1]}'
        assert await ask(asked) == {"id": 1, "read": ["01", "b1"]}
        nobody = await ask('{"id":2,"op":"transfer","address":24,"messages":["f0"]}')
        assert nobody == {"id": 2, "error": "address 0x18 does not acknowledge", "failed": "nack"}
        bench.fault("stuck-low")
        held = await ask('{"id":3,"op":"transfer","address":28,"messages":["f0"]}')
        assert held == {"id": 3, "error": "SDA is held low", "failed": "stuck-low"}

    play(story, "address=0x1C")


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ('"op":"read"', '"op" must be transfer'),
        ('"op":"transfer","address":24', '"messages" must be a list'),
        ('"op":"transfer","messages":["f0"]', '"address" must be a whole number, 0 to 127'),
        ('"op":"transfer","address":true,"messages":["f0"]', '"address" must be'),
        ('"op":"transfer","address":128,"messages":["f0"]', '"address" must be'),
        ('"op":"transfer","address":24,"messages":[]', "a list of 1 to 256"),
        ('"op":"transfer","address":24,"messages":["f"]', "a message is bytes to write"),
        ('"op":"transfer","address":24,"messages":[""]', "a message is bytes to write"),
        ('"op":"transfer","address":24,"messages":[0]', "a message is bytes to write"),
        ('"op":"transfer","address":24,"messages":[true]', "a message is bytes to write"),
        ('"op":"transfer","address":24,"messages":[9999]', "at most 8192 bytes"),
        ('"op":"transfer","address":24,"messages":["f0"],"stop":1', '"stop" is not known here'),
    ],
)
def test_requests_that_cannot_be(request_: str, words: str) -> None:
    async def story(bench: Bench) -> None:
        answer = json.loads(await I2cSession(bench.wires).answer('{"id":7,' + request_ + "}"))
        assert answer["id"] == 7
        assert words in answer["error"]

    play(story)


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 300) | st.sampled_from(["", "f0", "c3e1", "B4", "x", "78 80"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=8,
)


@settings(max_examples=40, deadline=None)
@given(
    requests=st.lists(
        st.fixed_dictionaries(
            {}, optional=dict.fromkeys(("id", "address", "messages", "stop"), JUNK) | {"op": st.just("transfer")}
        ),
        max_size=8,
    ),
    transfers=st.lists(st.lists(st.binary(min_size=1, max_size=3) | st.integers(1, 5), min_size=1), max_size=20),
)
def test_nothing_that_is_asked_upsets_it(requests: list[object], transfers: list[list[bytes | int]]) -> None:
    async def story(bench: Bench) -> None:
        session = I2cSession(bench.wires)
        for request in requests:
            answer = json.loads(await session.answer(json.dumps(request)))
            assert "read" in answer or "error" in answer
        for transfer in transfers:
            with contextlib.suppress(NotAcknowledged):
                read = await bench.ask(*transfer)
                assert [len(part) for part in read] == [one for one in transfer if isinstance(one, int)]
        await asyncio.sleep(0.01)
        assert (await bench.ask(b"\xf0", 1))[0][0] & (BUSY | RST) == RST

    play(story, "fobs=F-1,F-2")
