"""The lock board twin against published frames, on virtual time."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable

import pytest

from simulator.faults import parse_fault
from simulator.harness.virtual_loop import run
from simulator.lock_board import LockBoard
from simulator.serial_device import SerialDevice
from tests.contract.rows import Seen
from tests.simulator.lines import MemoryLine

Story = Callable[["Board"], Awaitable[None]]


class Board:
    def __init__(self, profile: str, unit: int, locks: int) -> None:
        self.line, self.seen = MemoryLine(), Seen()
        self.seen.closed = [True] * 32
        self.body = LockBoard(profile, unit, locks, self.seen, self.seen)
        self.device = SerialDevice(self.body, self.line, random.Random(1))
        self.device.start()

    async def ask(self, request: str, wait_s: float = 0.04) -> str:
        """What comes within so long."""
        self.line.came.clear()
        self.line.say(bytes.fromhex(request))
        await asyncio.sleep(wait_s)
        return self.line.stream.hex(" ").upper()

    def fault(self, text: str) -> None:
        self.device.fault(parse_fault(text, self.body.faults))


def on_a_board(profile: str, unit: int, locks: int, story: Story) -> None:
    async def played() -> None:
        board = Board(profile, unit, locks)
        await story(board)
        board.device.stop()
        assert board.seen.coils_on == set()

    run(played())


def test_8a_answers_after_the_pulse_and_tells_24_of_8_locks() -> None:
    async def story(board: Board) -> None:
        assert await board.ask("80 01 01 33 B3") == "80 01 01 11 91"
        board.seen.closed[:] = [False] * 32
        await asyncio.sleep(0.06)
        assert await board.ask("80 01 00 33 B2") == "80 01 00 00 00 33 B2"
        assert await board.ask("8A 01 01 11 9B", 0.4) == ""
        assert board.seen.coils_on == {1}
        await asyncio.sleep(0.2)
        assert board.line.stream == bytes.fromhex("8A 01 01 00 8A")
        assert board.seen.coils_on == set()
        assert await board.ask("8A 02 01 11 98", 1) == ""
        assert await board.ask("8A 01 01 11 9C", 1) == ""
        assert board.seen.pulses == [1]

    on_a_board("8a", 1, 8, story)


def test_8a_tells_changes_by_itself() -> None:
    async def story(board: Board) -> None:
        board.seen.closed[0] = False
        await asyncio.sleep(0.1)
        board.seen.closed[0] = True
        await asyncio.sleep(0.1)
        assert board.line.stream == bytes.fromhex("81 01 01 00 81 81 01 01 11 90")

    on_a_board("8a", 1, 24, story)


def test_24_locks_of_8a_the_highest_first() -> None:
    async def story(board: Board) -> None:
        board.seen.closed[0] = False
        assert (await board.ask("80 01 00 33 B2")).endswith("80 01 FF FF FE 33 4C")

    on_a_board("8a", 1, 24, story)


def test_cu16_does_not_answer_a_release_and_knows_hooks_and_items() -> None:
    async def story(board: Board) -> None:
        board.seen.closed[19:] = [False] * 13
        assert await board.ask("02 00 30 03 35") == "02 00 35 FF FF 07 00 03 3F"
        board.seen.closed[0] = False
        assert await board.ask("02 00 30 03 35") == "02 00 35 FE FF 07 00 03 3E"
        assert await board.ask("02 0F 31 03 45", 0.2) == ""
        assert board.seen.coils_on == {16}

    on_a_board("cu16", 0, 16, story)


def test_cu48() -> None:
    async def story(board: Board) -> None:
        board.seen.closed[2] = False
        assert await board.ask("02 00 00 60 03 65") == "02 00 00 75 06 FB FF 00 00 00 00 77"
        assert await board.ask("02 00 00 61 03 66") == "02 00 00 75 00 77"
        assert board.seen.coils_on == {1}

    on_a_board("cu48", 0, 16, story)


def test_wkly() -> None:
    async def story(board: Board) -> None:
        board.seen.closed[:4] = [False, True, True, False]
        await asyncio.sleep(0.06)
        assert await board.ask("57 4B 4C 59 08 00 84 85") == "57 4B 4C 59 0E 00 84 00 04 00 01 01 00 87"
        assert await board.ask("57 4B 4C 59 09 00 82 01 83") == "57 4B 4C 59 0B 00 82 00 01 00 81"
        assert board.seen.coils_on == {1}
        board.fault("busy=1")
        assert await board.ask("57 4B 4C 59 09 00 82 02 80") == "57 4B 4C 59 0B 00 82 FF 02 01 7C"
        assert board.seen.pulses == [1]

    on_a_board("wkly", 0, 4, story)


def test_what_must_never_be_sent_works_here_so_that_it_would_be_seen() -> None:
    async def story(board: Board) -> None:
        await board.ask("57 4B 4C 59 08 00 86 87")
        assert board.seen.coils_on == {1, 2, 3, 4}
        await board.ask("57 4B 4C 59 09 00 88 02 8A", 5)
        assert board.seen.coils_on == {2}

    on_a_board("wkly", 0, 4, story)


def test_winnsen() -> None:
    async def story(board: Board) -> None:
        assert await board.ask("90 06 12 00 01 03") == "90 07 92 00 01 00 03"
        assert await board.ask("90 06 05 00 01 03") == "90 07 85 00 01 01 03"
        assert board.seen.coils_on == {1}

    on_a_board("winnsen", 0, 16, story)


def test_requests_come_in_any_pieces_and_noise_is_passed_over() -> None:
    async def story(board: Board) -> None:
        for byte in ["FF", "8A", "80", "80", "01", "01", "33", "B3"]:
            board.line.say(bytes.fromhex(byte))
            await asyncio.sleep(0.01)
        assert board.line.stream == bytes.fromhex("80 01 01 11 91")
        await asyncio.sleep(0.3)
        assert await board.ask("80 01") == ""
        await asyncio.sleep(0.3)
        assert await board.ask("80 01 01 33 B3") == "80 01 01 11 91"

    on_a_board("8a", 1, 8, story)


@pytest.mark.parametrize(
    ("fault", "request_hex", "answer"),
    [
        ("unasked", "80 01 01 33 B3", "81 01 01 11 90 80 01 01 11 91"),
        ("wrong-length", "80 01 00 33 B2", "80 01 FF 33 4D"),
        ("wrong-address", "80 01 01 33 B3", "80 02 01 11 92"),
        ("bad-checksum", "80 01 01 33 B3", "80 01 01 11 6E"),
        ("echo", "80 01 01 33 B3", "80 01 01 33 B3 80 01 01 11 91"),
        ("busy", "80 01 01 33 B3", ""),
    ],
)
def test_faults(fault: str, request_hex: str, answer: str) -> None:
    async def story(board: Board) -> None:
        board.fault(fault)
        assert await board.ask(request_hex) == answer

    on_a_board("8a", 1, 8, story)


def test_a_board_that_boots_in_the_pulse_lets_go_and_does_not_answer() -> None:
    async def story(board: Board) -> None:
        board.line.say(bytes.fromhex("8A 01 01 11 9B"))
        await asyncio.sleep(0.2)
        board.fault("power-cycle=100")
        assert board.seen.coils_on == set()
        await asyncio.sleep(1)
        assert board.line.stream == b""
        assert await board.ask("80 01 01 33 B3") == "80 01 01 11 91"

    on_a_board("8a", 1, 8, story)
