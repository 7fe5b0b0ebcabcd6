"""The Modbus twins against the makers' frames and the standard's rules, on virtual time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from simulator.harness.virtual_loop import run
from simulator.modbus_frames import Requests, crc16
from simulator.modbus_input_board import ModbusInputBoard
from simulator.modbus_relay_board import ModbusRelayBoard
from simulator.options import parse_options
from simulator.serial_device import SerialDevice
from tests.simulator.lines import MemoryLine

# Waveshare wiki, Modbus RTU Relay, development protocol V2
ON_0 = "01 05 00 00 FF 00 8C 3A"
OFF_0 = "01 05 00 00 00 00 CD CA"
TOGGLE_0 = "01 05 00 00 55 00 F2 9A"
ALL_ON = "01 05 00 FF FF 00 BC 0A"
FLASH_0_700_MS = "01 05 02 00 00 07 8D B0"
FLASH_OFF_0_700_MS = "01 05 04 00 00 07 8D 38"
MASK_ALL = "01 0F 00 00 00 08 01 FF BE D5"
READ_RELAYS = "01 01 00 00 00 08 3D CC"
RELAY_0_IS_ON = "01 01 01 01 90 48"
READ_INPUTS = "01 02 00 00 00 08 79 CC"
INPUTS_10100001 = "01 02 01 85 60 2B"
SET_ADDRESS_2 = "00 06 40 00 00 02 1C 1A"
READ_ADDRESS = "00 03 40 00 00 01 90 1B"
READ_VERSION = "00 03 80 00 00 01 AC 1B"
SET_9600 = "00 06 20 00 00 01 42 1B"
ILLEGAL_ADDRESS = "01 81 02 C1 91"


class Host:
    """A master that says frames and takes what comes within 50 ms."""

    def __init__(self, line: MemoryLine) -> None:
        self._line = line

    async def ask(self, request: str | bytes) -> str:
        self._line.came.clear()
        self._line.say(bytes.fromhex(request) if isinstance(request, str) else request)
        await asyncio.sleep(0.05)
        return self._line.stream.hex(" ").upper()

    async def relays(self) -> str:
        """States as `10000000`, relay 0 first."""
        answer = bytes.fromhex(await self.ask(READ_RELAYS))
        assert answer[:3] == b"\x01\x01\x01"
        return f"{answer[3]:08b}"[::-1]


def with_crc(body: str) -> str:
    return (bytes.fromhex(body) + crc16(bytes.fromhex(body))).hex(" ").upper()


def on_a_relay_board(story: Callable[[Host], Awaitable[None]], *options: str) -> None:
    _on_a_board(ModbusRelayBoard, story, options)


def _on_a_board(board: type, story: Callable[[Host], Awaitable[None]], options: tuple[str, ...]) -> None:
    async def play() -> None:
        line = MemoryLine()
        body = board.alone(parse_options(list(options), board.options), random.Random(1))  # type: ignore[attr-defined]
        SerialDevice(body, line, random.Random(1)).start()
        await story(Host(line))

    run(play())


def test_crc_of_the_standards_example() -> None:
    assert crc16(b"\x02\x07") == b"\x41\x12"  # MODBUS over Serial Line 1.02, appendix B


def test_on_off_and_toggle() -> None:
    async def story(host: Host) -> None:
        assert await host.ask(ON_0) == ON_0
        assert await host.ask(READ_RELAYS) == RELAY_0_IS_ON
        assert await host.ask(OFF_0) == OFF_0
        assert await host.relays() == "00000000"
        assert await host.ask(TOGGLE_0) == TOGGLE_0
        assert await host.relays() == "10000000"
        assert await host.ask(TOGGLE_0) == TOGGLE_0
        assert await host.relays() == "00000000"

    on_a_relay_board(story)


def test_all_relays_at_once() -> None:
    async def story(host: Host) -> None:
        assert await host.ask(ALL_ON) == ALL_ON
        assert await host.relays() == "11111111"
        await host.ask(with_crc("01 05 00 FF 00 00"))
        assert await host.relays() == "00000000"
        assert await host.ask(MASK_ALL) == with_crc("01 0F 00 00 00 08")
        assert await host.relays() == "11111111"
        await host.ask(with_crc("01 0F 00 01 00 03 01 05"))
        assert await host.relays() == "11011111"

    on_a_relay_board(story)


def test_a_flash_ends_by_itself() -> None:
    async def story(host: Host) -> None:
        assert await host.ask(FLASH_0_700_MS) == FLASH_0_700_MS
        await asyncio.sleep(0.55)
        assert await host.relays() == "10000000"
        await asyncio.sleep(0.1)
        assert await host.relays() == "00000000"

    on_a_relay_board(story)


def test_a_flash_off_ends_by_itself() -> None:
    async def story(host: Host) -> None:
        await host.ask(ON_0)
        assert await host.ask(FLASH_OFF_0_700_MS) == FLASH_OFF_0_700_MS
        assert await host.relays() == "00000000"
        await asyncio.sleep(0.7)
        assert await host.relays() == "10000000"

    on_a_relay_board(story)


def test_a_new_flash_starts_the_time_again() -> None:
    async def story(host: Host) -> None:
        await host.ask(FLASH_0_700_MS)
        await asyncio.sleep(0.5)
        await host.ask(FLASH_0_700_MS)
        await asyncio.sleep(0.5)
        assert await host.relays() == "10000000"
        await asyncio.sleep(0.2)
        assert await host.relays() == "00000000"

    on_a_relay_board(story)


@pytest.mark.parametrize("command", [OFF_0, with_crc("01 05 00 FF 00 00"), with_crc("01 0F 00 00 00 08 01 00")])
def test_off_ends_a_flash_for_good(command: str) -> None:
    async def story(host: Host) -> None:
        await host.ask(FLASH_OFF_0_700_MS)
        await host.ask(command)
        await asyncio.sleep(1)
        assert await host.relays() == "00000000"

    on_a_relay_board(story)


def test_inputs() -> None:
    async def story(host: Host) -> None:
        assert await host.ask(READ_INPUTS) == INPUTS_10100001
        assert await host.ask(with_crc("01 02 00 02 00 03")) == with_crc("01 02 01 01")

    on_a_relay_board(story, "inputs=10100001")
    _on_a_board(ModbusInputBoard, story, ("inputs=10100001",))


def test_settings_of_the_board() -> None:
    async def story(host: Host) -> None:
        assert await host.ask(READ_ADDRESS) == with_crc("00 03 02 00 01")
        assert await host.ask(READ_VERSION) == with_crc("00 03 02 00 C8")
        assert await host.ask(SET_ADDRESS_2) == ""
        assert await host.ask(READ_RELAYS) == ""
        assert await host.ask(with_crc("02 03 40 00 00 01")) == with_crc("02 03 02 00 02")
        assert await host.ask(with_crc("02 03 20 00 00 01")) == with_crc("02 03 02 00 03")
        assert await host.ask(SET_9600) == ""
        assert await host.ask(with_crc("02 03 20 00 00 01")) == with_crc("02 03 02 00 01")
        assert await host.ask(with_crc("02 06 40 00 00 07")) == with_crc("02 06 40 00 00 07")
        assert await host.ask(with_crc("07 03 40 00 00 01")) == with_crc("07 03 02 00 07")

    on_a_relay_board(story, "baud=38400")


def test_control_modes_are_kept() -> None:
    async def story(host: Host) -> None:
        assert await host.ask(with_crc("01 03 10 00 00 08")) == with_crc("01 03 10" + "0000" * 8)
        assert await host.ask(with_crc("01 06 10 02 00 01")) == with_crc("01 06 10 02 00 01")
        two = with_crc("01 10 10 06 00 02 04 00 03 00 02")
        assert await host.ask(two) == with_crc("01 10 10 06 00 02")
        assert await host.ask(with_crc("01 03 10 00 00 08")) == with_crc(
            "01 03 10 0000 0000 0001 0000 0000 0000 0003 0002"
        )

    on_a_relay_board(story)


@pytest.mark.parametrize(
    ("request_body", "answer_body"),
    [
        ("01 01 00 08 00 01", "01 81 02"),
        ("01 01 00 00 00 09", "01 81 02"),
        ("01 01 00 00 00 00", "01 81 03"),
        ("01 02 00 00 07 D1", "01 82 03"),
        ("01 02 00 07 00 02", "01 82 02"),
        ("01 03 00 00 00 01", "01 83 02"),
        ("01 03 10 00 00 09", "01 83 02"),
        ("01 03 10 00 00 7E", "01 83 03"),
        ("01 04 00 00 00 01", "01 84 01"),
        ("01 05 00 08 FF 00", "01 85 02"),
        ("01 05 00 00 FF 01", "01 85 03"),
        ("01 05 00 00 00 01", "01 85 03"),
        ("01 05 02 00 00 00", "01 85 03"),
        ("01 05 02 00 80 00", "01 85 03"),
        ("01 05 02 08 00 07", "01 85 02"),
        ("01 05 01 00 FF 00", "01 85 02"),
        ("01 05 FF FF FF 00", "01 85 02"),
        ("01 06 10 00 00 04", "01 86 03"),
        ("01 06 40 00 00 00", "01 86 03"),
        ("01 06 20 00 00 08", "01 86 03"),
        ("01 06 80 00 00 00", "01 86 02"),
        ("01 0F 00 00 00 08 02 FF FF", "01 8F 03"),
        ("01 0F 00 01 00 08 01 FF", "01 8F 02"),
        ("01 10 10 00 00 01 01 00", "01 90 03"),
        ("01 2B 0E 01 00", "01 AB 01"),
        ("01 07", "01 87 01"),
    ],
)
def test_refusals(request_body: str, answer_body: str) -> None:
    async def story(host: Host) -> None:
        assert await host.ask(with_crc(request_body)) == with_crc(answer_body)
        assert await host.relays() == "00000000"

    on_a_relay_board(story)


def test_a_refusal_as_the_maker_prints_it() -> None:
    async def story(host: Host) -> None:
        assert await host.ask(with_crc("01 01 00 63 00 01")) == ILLEGAL_ADDRESS

    on_a_relay_board(story)


def test_an_input_board_has_no_relays() -> None:
    async def story(host: Host) -> None:
        assert await host.ask(READ_RELAYS) == with_crc("01 81 01")
        assert await host.ask(ON_0) == with_crc("01 85 01")
        assert await host.ask(MASK_ALL) == with_crc("01 8F 01")

    _on_a_board(ModbusInputBoard, story, ())


def test_broadcast_writes_are_done_without_an_answer() -> None:
    async def story(host: Host) -> None:
        assert await host.ask(with_crc("00 05 00 00 FF 00")) == ""
        assert await host.ask(with_crc("00 0F 00 04 00 02 01 03")) == ""
        assert await host.relays() == "10001100"

    on_a_relay_board(story)


def test_foreign_units_and_bad_checks_are_ignored() -> None:
    async def story(host: Host) -> None:
        assert await host.ask(with_crc("02 05 00 00 FF 00")) == ""
        assert await host.ask("01 05 00 00 FF 00 8C 3B") == ""
        await asyncio.sleep(1)
        assert await host.relays() == "00000000"

    on_a_relay_board(story)


def test_several_boards_share_a_line() -> None:
    async def story() -> None:
        line = MemoryLine()
        for board, option in ((ModbusRelayBoard, "unit=1"), (ModbusInputBoard, "unit=2")):
            body = board.alone(parse_options([option, "inputs=1100"], board.options), random.Random(1))
            SerialDevice(body, line, random.Random(1)).start()
        host = Host(line)
        assert await host.ask(READ_RELAYS) == with_crc("01 01 01 00")
        assert await host.ask(with_crc("02 02 00 00 00 04")) == with_crc("02 02 01 03")
        assert await host.ask(READ_VERSION) == with_crc("00 03 02 00 C8") + " " + with_crc("00 03 02 00 C8")

    run(story())


def test_bytes_may_come_with_gaps() -> None:
    async def story(host: Host) -> None:
        answers = [await host.ask(bytes([byte])) for byte in bytes.fromhex(ON_0)]
        assert answers == [""] * 7 + [ON_0]

    on_a_relay_board(story)


def test_half_a_request_is_forgotten_after_silence() -> None:
    async def story(host: Host) -> None:
        await host.ask(ON_0[:17])
        await asyncio.sleep(0.3)
        await host.ask(ON_0[17:])
        assert await host.relays() == "00000000"

    on_a_relay_board(story)


@given(st.sampled_from([1, 2, 3, 5, 6, 7, 15, 16, 43, 129]), st.binary(min_size=4, max_size=4), st.binary(max_size=40))
def test_any_request_with_a_good_check_is_answered(function: int, head: bytes, data: bytes) -> None:
    counted = bytes([len(data)]) + data if function in (15, 16) else b""
    request = bytes([1, function]) + head + counted

    async def story(host: Host) -> None:
        answer = bytes.fromhex(await host.ask(request + crc16(request)))
        assert answer[0] == 1 or request[2:6] == b"\x40\x00\x00" + answer[:1]
        assert answer[1] & 0x7F == function & 0x7F
        assert crc16(answer[:-2]) == answer[-2:]

    on_a_relay_board(story)


REQUESTS = [bytes.fromhex(line) for line in (ON_0, MASK_ALL, READ_INPUTS, SET_ADDRESS_2)]


@given(st.lists(st.integers(1, 60), max_size=8))
def test_any_chopping(cuts: list[int]) -> None:
    stream, requests = b"".join(REQUESTS), Requests()
    found: list[bytes] = []
    for cut in cuts:
        found += requests.feed(stream[:cut], 0.0)
        stream = stream[cut:]
    assert found + requests.feed(stream, 0.0) == REQUESTS


@given(st.binary(max_size=12))
@settings(max_examples=200)
def test_noise_before_a_request_costs_at_most_that_request(noise: bytes) -> None:
    requests = Requests()
    requests.feed(noise, 0.0)
    requests.feed(REQUESTS[0], 0.01)
    requests.feed(b"", 1.0)
    assert requests.feed(REQUESTS[0], 1.0) == [REQUESTS[0]]


@given(st.lists(st.binary(min_size=1, max_size=300), max_size=10))
@example([b"\xff" * 200] * 3)
def test_junk_is_never_kept(junk: list[bytes]) -> None:
    requests = Requests()
    for chunk in junk:
        requests.feed(chunk, 0.0)
    assert len(requests._buffer) <= 256
