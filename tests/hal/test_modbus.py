"""A Modbus line: frames that boards' makers publish, and what may count as an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hal.errors import DeviceRefused, DeviceTimeout, LinkLost, OutcomeUnknown
from hal.modbus import RtuLine
from hal.transactions import SUSPECT_S, WAITING_MAX, UnitCounters
from simulator.harness.virtual_loop import run
from tests.hal.boards import Board, crc, framed
from tests.hal.links import MemoryLink, Peer, chopped, cut_after, delayed, lossy, silent

Calls = Callable[[RtuLine], Awaitable[object]]
EIGHT_OFF = (False,) * 8

# Waveshare Modbus RTU Relay and Modbus RTU IO 8CH, command tables of their maker's pages.
PUBLISHED: list[tuple[str, Calls, str, str, object]] = [
    ("on", lambda line: line.write_coil(1, 0, 0xFF00), "01 05 00 00 FF 00 8C 3A", "", None),
    ("off", lambda line: line.write_coil(1, 0, 0), "01 05 00 00 00 00 CD CA", "", None),
    ("all on", lambda line: line.write_coil(1, 0xFF, 0xFF00), "01 05 00 FF FF 00 BC 0A", "", None),
    ("toggle", lambda line: line.write_coil(1, 0, 0x5500), "01 05 00 00 55 00 F2 9A", "", None),
    ("flash 700 ms", lambda line: line.write_coil(1, 0x200, 7), "01 05 02 00 00 07 8D B0", "", None),
    ("mask", lambda line: line.write_coils(1, 0, [True] * 8), "01 0F 00 00 00 08 01 FF BE D5", "", None),
    (
        "coils",
        lambda line: line.read_coils(1, 0, 8),
        "01 01 00 00 00 08 3D CC",
        "01 01 01 01 90 48",
        (True, *EIGHT_OFF[1:]),
    ),
    (
        "inputs",
        lambda line: line.read_inputs(1, 0, 8),
        "01 02 00 00 00 08 79 CC",
        "01 02 01 85 60 2B",
        (True, False, True, False, False, False, False, True),
    ),
    # Eletechsup R4D8: state of relay 1.
    (
        "register",
        lambda line: line.read_registers(1, 1, 1),
        "01 03 00 01 00 01 D5 CA",
        "01 03 02 00 01 79 84",
        (1,),
    ),
]


@pytest.mark.parametrize(("call", "request_hex", "reply_hex", "answer"), [row[1:] for row in PUBLISHED])
def test_published_frames(call: Calls, request_hex: str, reply_hex: str, answer: object) -> None:
    request = bytes.fromhex(request_hex)
    reply = bytes.fromhex(reply_hex) if reply_hex else request[:6] + crc(request[:6])
    assert ask(lambda _: [(0.01, reply)], call) == (answer, [request])


def test_a_flash_on_whose_echo_has_another_time_is_no_answer() -> None:
    with pytest.raises(DeviceTimeout, match="unit 1: unusable answer"):
        ask(lambda _: [(0.01, framed(bytes.fromhex("01 05 02 00 FF 00")))], flash_on)


def test_an_exception_reply_is_a_refusal_at_once() -> None:
    async def story() -> tuple[str, float, int]:
        line, link = await opened(lambda _: [(0.01, bytes.fromhex("01 81 02 C1 91"))])
        with pytest.raises(DeviceRefused) as refused:
            await line.read_coils(1, 0, 8)
        assert refused.value.code == 2
        return refused.value.hint, asyncio.get_running_loop().time(), len(link.written)

    hint, took_s, sent = run(story())
    assert hint == "unit 1: exception 2: it has no such address; check type and profile of the board"
    assert took_s == pytest.approx(0.01)
    assert sent == 1


def test_a_broadcast_cannot_be_asked() -> None:
    with pytest.raises(ValueError, match="broadcast"):
        ask(silent, lambda line: line.write_coil(0, 0, 0))


def test_a_silent_board_is_asked_twice_for_a_reading_and_told_once_to_act() -> None:
    for call, sent in ((read_inputs, 2), (flash_on, 1), (mask_off, 1)):

        async def story(call: Calls = call) -> int:
            line, link = await opened(silent)
            with pytest.raises(DeviceTimeout, match="unit 1: no answer"):
                await call(line)
            await asyncio.sleep(10)
            return len(link.written)

        assert run(story()) == sent


def test_a_board_that_was_silent_gets_one_try_until_it_answers() -> None:
    async def story() -> list[int]:
        board = Board()
        line, link = await opened(silent)
        sent = []
        for peer in (silent, silent, board, silent):
            link.peer = peer
            link.written.clear()
            await asyncio.gather(line.read_inputs(1, 0, 8), return_exceptions=True)
            sent.append(len(link.written))
        return sent

    assert run(story()) == [2, 1, 1, 2]


def test_silence_after_a_failure_before_anyone_is_asked() -> None:
    async def story() -> list[float]:
        line, link = await opened(Board(unit=2))
        await asyncio.gather(line.write_coil(1, 0, 0), line.read_inputs(2, 0, 8), return_exceptions=True)
        return [at for at, _ in link.written]

    first, second = run(story())
    # On the wire 16 characters, 300 ms for the answer, then the latency of 50 ms and t3.5.
    assert second - first == pytest.approx(16 * 11 / 9600 + 0.300 + 0.050 + 3.5 * 11 / 9600, abs=5e-6)


@pytest.mark.parametrize(("baud", "gap_ms"), [(9600, 4.01), (19200, 2.005), (38400, 1.75), (115200, 1.75)])
def test_gap_between_transactions_and_none_on_an_idle_line(baud: int, gap_ms: float) -> None:
    async def story() -> tuple[float, float]:
        line, link = await opened(Board(), baud=baud)
        await line.read_inputs(1, 0, 8)
        answered_s = asyncio.get_running_loop().time()
        await line.read_inputs(1, 0, 8)
        await asyncio.sleep(1)
        idle_s = asyncio.get_running_loop().time()
        await line.read_inputs(1, 0, 8)
        return link.written[1][0] - answered_s, link.written[2][0] - idle_s

    gap_s, idle_wait_s = run(story())
    assert gap_s * 1000 == pytest.approx(gap_ms, abs=0.01)
    assert idle_wait_s == 0


def test_the_answer_counts_as_soon_as_it_is_whole() -> None:
    async def story() -> float:
        line, _ = await opened(Board(delay_s=0.02))
        await line.read_inputs(1, 0, 8)
        return asyncio.get_running_loop().time()

    assert run(story()) == pytest.approx(0.02)


NOT_ANSWERS = {
    "another unit": framed(bytes.fromhex("02 03 02 00 01")),
    "another function": framed(bytes.fromhex("01 04 02 00 01")),
    "another count": framed(bytes.fromhex("01 03 04 00 01 00 01")),
    "byte count too small": framed(bytes.fromhex("01 03 01 00 01")),
    "shorter answer and one byte more": framed(bytes.fromhex("01 03 01 00")) + b"\x00",
    "byte count too great": framed(bytes.fromhex("01 03 F0 00 01")),
    "bad checksum": framed(bytes.fromhex("01 03 02 00 01"))[:-1] + b"\x00",
    "truncated": framed(bytes.fromhex("01 03 02 00 01"))[:-1],
    "one byte": b"\x01",
    "zeros": bytes(16),
}


@pytest.mark.parametrize("reply", NOT_ANSWERS.values(), ids=NOT_ANSWERS.keys())
def test_what_is_no_answer_and_that_the_line_is_in_step_again(reply: bytes) -> None:
    async def story() -> tuple[UnitCounters, tuple[int, ...]]:
        line, link = await opened(lambda _: [(0.01, reply)])
        with pytest.raises(DeviceTimeout):
            await line.read_registers(1, 1, 1)
        counters = replace(line.counters[1])
        link.peer = Board()
        await asyncio.sleep(SUSPECT_S)
        return counters, await line.read_registers(1, 5, 1)

    counters, answer = run(story())
    assert counters == UnitCounters(asked=2, bad=2)
    assert answer == (5,)


def test_bits_of_another_count_are_no_answer() -> None:
    with pytest.raises(DeviceTimeout):
        ask(lambda _: [(0.01, framed(bytes.fromhex("01 02 01 85")) + b"\x00")], lambda line: line.read_inputs(1, 0, 16))


def test_noise_before_the_answer_costs_nothing() -> None:
    for noise in (b"\xff", b"\x00\x00", b"\x01\x02", b"\x01\x02\x01", b"\x01\x82", bytes(40)):

        async def story(noise: bytes = noise) -> tuple[object, float, int]:
            board = Board()
            line, link = await opened(lambda request: [(0.002, noise), *board(request)])
            answer = await line.read_inputs(1, 0, 8)
            return answer, asyncio.get_running_loop().time(), len(link.written)

        answer, took_s, sent = run(story())
        assert answer == (True, False, True, False, False, False, False, True)
        assert took_s == pytest.approx(0.01)
        assert sent == 1


def test_a_garbled_answer_fails_before_the_time_out() -> None:
    async def story() -> float:
        line, _ = await opened(lambda _: [(0.01, NOT_ANSWERS["bad checksum"])])
        with pytest.raises(DeviceTimeout):
            await line.write_coil(1, 0, 0)
        return asyncio.get_running_loop().time()

    assert run(story()) < 0.35


def test_an_answer_may_come_in_any_pieces() -> None:
    for size in range(1, 8):

        async def story(size: int = size) -> tuple[int, ...]:
            line, link = await opened(Board())
            chopped(link, size)
            return await line.read_registers(1, 0x102, 20)

        assert run(story()) == tuple(range(0x102, 0x102 + 20))


def test_the_late_answer_to_one_question_is_never_taken_for_the_next() -> None:
    """However late: a board that always needs as long must never answer register 500 with what 100 holds."""
    for late_ms in range(250, 1200, 10):

        async def story(late_ms: int = late_ms) -> list[object]:
            line, link = await opened(Board(delay_s=0))
            delayed(link, late_ms / 1000)
            answers: list[object] = []
            for register in (100, 500, 700):
                answers += await asyncio.gather(line.read_registers(1, register, 1), return_exceptions=True)
            return answers

        for register, answer in zip((100, 500, 700), run(story()), strict=True):
            assert answer == (register,) or isinstance(answer, DeviceTimeout), f"{late_ms} ms: {answer}"


def test_one_late_answer_is_never_taken_for_another_and_is_forgotten() -> None:
    for late_s in (0.31, 0.36, 0.40, 0.5, 0.7, 0.9):

        async def story(late_s: float = late_s) -> tuple[object, object]:
            board = Board()
            line, link = await opened(lambda request: [(late_s, frame) for _, frame in board(request)])
            first = asyncio.ensure_future(line.read_registers(1, 100, 1))
            await asyncio.sleep(0.01)
            link.peer = board
            await asyncio.gather(first, return_exceptions=True)
            (second,) = await asyncio.gather(line.read_registers(1, 500, 1), return_exceptions=True)
            await asyncio.sleep(SUSPECT_S)
            return second, await line.read_registers(1, 500, 1)

        second, third = run(story())
        assert second == (500,) or isinstance(second, DeviceTimeout)
        assert third == (500,)


def test_an_answered_command_ends_the_suspicion() -> None:
    """Boards answer in order, so the reading after it is believed at once: it decides whether a bolt moved."""

    async def story() -> tuple[object, float]:
        line, link = await opened(silent)
        await asyncio.gather(read_coils(line), return_exceptions=True)
        link.peer = Board(delay_s=0.005)
        await line.write_coil(1, 3, 0xFF00)
        asked_s = asyncio.get_running_loop().time()
        return await line.read_coils(1, 3, 1, urgent=True), asyncio.get_running_loop().time() - asked_s

    _, took_s = run(story())
    assert took_s == pytest.approx(0.005 + 3.5 * 11 / 9600, abs=2e-6)


def test_a_reading_after_a_lost_answer_waits_for_the_late_one() -> None:
    """Asked again, the first answer that comes may be the old one: the last before silence counts."""

    async def story() -> tuple[object, float]:
        line, link = await opened(silent)
        link.send(framed(b"\x01\x02\x01\x00"), 0.40)
        link.peer = lambda _: [(0.05, framed(b"\x01\x02\x01\xff"))] if len(link.written) == 2 else []
        answer = await line.read_inputs(1, 0, 8)
        return answer, asyncio.get_running_loop().time()

    answer, took_s = run(story())
    assert answer == (True,) * 8
    assert took_s < 0.5


def test_a_late_reading_does_not_disturb_a_command() -> None:
    async def story() -> tuple[float, float]:
        board = Board(delay_s=0.005)
        line, link = await opened(lambda request: [(0.37, frame) for _, frame in board(request)])
        reading = asyncio.ensure_future(line.read_inputs(1, 0, 8))
        await asyncio.sleep(0.01)
        link.peer = board
        await line.write_coil(1, 0x200, 7)
        done_s = asyncio.get_running_loop().time()
        assert await reading == (True, False, True, False, False, False, False, True)
        return link.written[1][0], done_s

    sent_s, done_s = run(story())
    assert done_s - sent_s == pytest.approx(0.005)


def test_an_answer_that_comes_twice_answers_once() -> None:
    async def story() -> list[tuple[int, ...]]:
        board = Board()
        line, _ = await opened(lambda request: [(at, frame * 2) for at, frame in board(request)])
        return [await line.read_registers(1, register, 1) for register in (1, 2, 3)]

    assert run(story()) == [(1,), (2,), (3,)]


def test_the_echo_of_the_adapter_is_dropped_once() -> None:
    async def story(peer: Peer) -> object:
        line, _ = await opened(peer, echo=True)
        return await asyncio.gather(flash_on(line), read_inputs(line), return_exceptions=True)

    board = Board()
    with_board = run(story(lambda request: [(0.001, request), *board(request)]))
    assert with_board == [None, (True, False, True, False, False, False, False, True)]
    alone = run(story(lambda request: [(0.001, request)]))
    assert [type(answer) for answer in alone] == [DeviceTimeout, DeviceTimeout]
    (no_echo, _) = run(story(silent))
    assert "not even the echo came" in str(no_echo)


def test_a_cancelled_caller_leaves_the_question_to_finish_and_nobody_gets_its_answer() -> None:
    async def story() -> tuple[list[bytes], object, UnitCounters]:
        line, link = await opened(Board())
        caller = asyncio.ensure_future(line.read_registers(1, 100, 1))
        await asyncio.sleep(0.005)
        caller.cancel()
        answer = await line.read_registers(1, 500, 1)
        return link.frames, answer, line.counters[1]

    frames, answer, counters = run(story())
    assert [int.from_bytes(frame[2:4], "big") for frame in frames] == [100, 500]
    assert answer == (500,)
    assert counters == UnitCounters(asked=2, answered=2)


def test_a_cancelled_command_that_still_waits_is_never_sent() -> None:
    async def story() -> list[bytes]:
        line, link = await opened(Board())
        reading = asyncio.ensure_future(line.read_inputs(1, 0, 8))
        await asyncio.sleep(0.005)
        command = asyncio.ensure_future(line.write_coil(1, 0x200, 7))
        await asyncio.sleep(0)
        command.cancel()
        await reading
        await asyncio.sleep(1)
        return link.frames

    assert [frame[1] for frame in run(story())] == [2]


def test_urgent_questions_overtake_those_that_wait_and_keep_their_order() -> None:
    async def story() -> list[tuple[int, int]]:
        line, link = await opened(Board())
        polls = [asyncio.ensure_future(line.read_inputs(1, address, 8)) for address in (1, 2, 3)]
        await asyncio.sleep(0.005)
        await asyncio.gather(
            line.write_coil(1, 4, 0), line.read_coils(1, 5, 8, urgent=True), line.write_coils(1, 6, [False]), *polls
        )
        return [(frame[1], frame[3]) for frame in link.frames]

    assert run(story()) == [(2, 1), (5, 4), (1, 5), (15, 6), (2, 2), (2, 3)]


def test_a_command_waits_for_no_second_try_of_a_poll() -> None:
    async def story() -> list[int]:
        line, link = await opened(Board(unit=2))
        poll = asyncio.ensure_future(line.read_inputs(1, 0, 8))
        await asyncio.sleep(0.01)
        await line.write_coil(2, 0, 0)
        await asyncio.gather(poll, return_exceptions=True)
        return [frame[1] for frame in link.frames]

    assert run(story()) == [2, 5, 2]


def test_no_more_questions_wait_than_the_line_can_answer() -> None:
    async def story() -> tuple[int, int]:
        line, _ = await opened(Board())
        asking = [line.read_inputs(1, 0, 8) for _ in range(WAITING_MAX + 10)]
        answers = await asyncio.gather(*asking, return_exceptions=True)
        refused = [answer for answer in answers if isinstance(answer, DeviceTimeout)]
        return len(answers) - len(refused), len(refused)

    answered, refused = run(story())
    assert answered == WAITING_MAX
    assert refused == 10


def test_a_hang_up_reaches_everyone_who_waits_and_a_new_opening_heals() -> None:
    async def story() -> tuple[list[object], object]:
        line, link = await opened(Board())
        asking = [asyncio.ensure_future(line.read_inputs(1, 0, 8)) for _ in range(3)]
        await asyncio.sleep(0.005)
        link.hang_up()
        answers = await asyncio.gather(*asking, return_exceptions=True)
        with pytest.raises(LinkLost):
            await line.read_inputs(1, 0, 8)
        await line.close()
        await line.open()
        return answers, await line.read_registers(1, 7, 1)

    answers, after = run(story())
    assert [type(answer) for answer in answers] == [LinkLost] * 3
    assert after == (7,)


def test_a_hang_up_leaves_the_outcome_of_an_act_unknown_only_if_it_was_sent() -> None:
    async def story() -> list[object]:
        line, link = await opened(silent)
        acts = [asyncio.ensure_future(line.write_coil(1, 0x0200 + coil, 5)) for coil in range(2)]
        await asyncio.sleep(0.005)
        link.hang_up()
        return await asyncio.gather(*acts, return_exceptions=True)

    assert [type(answer) for answer in run(story())] == [OutcomeUnknown, LinkLost]


def test_closing_ends_every_wait() -> None:
    async def story() -> list[object]:
        line, _ = await opened(silent)
        asking = [asyncio.ensure_future(line.read_inputs(1, 0, 8)) for _ in range(3)]
        await asyncio.sleep(0.005)
        await line.close()
        await line.close()
        return await asyncio.gather(*asking, return_exceptions=True)

    assert [type(answer) for answer in run(story())] == [LinkLost] * 3


def test_a_babbling_line_stops_nobody_for_ever() -> None:
    async def story() -> tuple[object, float]:
        line, link = await opened(Board())
        loop = asyncio.get_running_loop()

        def babble() -> None:
            link.send(b"\x55\xaa")
            loop.call_later(0.001, babble)

        babble()
        await asyncio.sleep(0.5)
        return await line.read_registers(1, 7, 1), loop.time() - 0.5

    answer, took_s = run(story())
    assert answer == (7,)
    assert took_s < 0.1


@settings(max_examples=60, deadline=None)
@given(junk=st.lists(st.binary(max_size=300), max_size=4), question=st.integers(0, 4))
def test_no_junk_breaks_the_line_or_passes_for_an_answer(junk: list[bytes], question: int) -> None:
    async def story() -> tuple[object, object]:
        line, link = await opened(lambda _: [(0.001 * k, chunk) for k, chunk in enumerate(junk) if chunk])
        calls = (read_inputs, flash_on, mask_off, lambda line: line.read_registers(1, 1, 3), read_coils)
        (answer,) = await asyncio.gather(calls[question](line), return_exceptions=True)
        link.peer = Board()
        return answer, await line.read_registers(1, 7, 1)

    answer, after = run(story())
    assert isinstance(answer, DeviceTimeout | DeviceRefused)
    assert after == (7,)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), share=st.sampled_from([0.02, 0.2, 0.5]))
def test_lost_bytes_never_change_an_answer(seed: int, share: float) -> None:
    async def story() -> list[object]:
        line, link = await opened(Board())
        lossy(link, seed, share)
        asking: Iterable[Awaitable[object]] = (line.read_registers(1, register, 2) for register in range(0, 40, 4))
        return [(await asyncio.gather(one, return_exceptions=True))[0] for one in asking]

    for k, answer in enumerate(run(story())):
        assert answer == (4 * k, 4 * k + 1) or isinstance(answer, DeviceTimeout)


def test_a_wire_cut_in_the_middle_of_an_answer() -> None:
    async def story() -> list[type]:
        line, link = await opened(Board())
        cut_after(link, 10)
        return [type((await asyncio.gather(read_inputs(line), return_exceptions=True))[0]) for _ in range(3)]

    assert run(story()) == [tuple, DeviceTimeout, DeviceTimeout]


async def opened(peer: Peer, **settings: object) -> tuple[RtuLine, MemoryLink]:
    link = MemoryLink(peer)
    line = RtuLine(link, **settings)
    await line.open()
    return line, link


def ask(peer: Peer, call: Calls) -> tuple[object, list[bytes]]:
    async def story() -> tuple[object, list[bytes]]:
        line, link = await opened(peer)
        return await call(line), link.frames

    return run(story())


async def flash_on(line: RtuLine) -> None:
    await line.write_coil(1, 0x200, 7)


async def mask_off(line: RtuLine) -> None:
    await line.write_coils(1, 0, EIGHT_OFF)


async def read_inputs(line: RtuLine) -> tuple[bool, ...]:
    return await line.read_inputs(1, 0, 8)


async def read_coils(line: RtuLine) -> tuple[bool, ...]:
    return await line.read_coils(1, 0, 8)
