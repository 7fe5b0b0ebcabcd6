"""What a line of boards needs beyond Modbus: commands that nobody answers, slow answers, and what comes unasked."""

from __future__ import annotations

import asyncio

import pytest

from hal.board_line import SerialBoardLine
from hal.errors import DeviceTimeout, LinkLost, OutcomeUnknown
from hal.questions import Question
from simulator.harness.virtual_loop import run
from tests.hal.links import MemoryLink, Peer, silent


def question(frame: bytes = b"ask", *, answer_s: float | None = None, asks: int = 1) -> Question[bytes]:
    return Question(1, frame, ((b"ans", 5),), bytes, asks, urgent=False, answer_s=answer_s)


def command(frame: bytes) -> Question[str]:
    return Question(1, frame, (), lambda _: "sent", 1, urgent=True)


async def opened(peer: Peer) -> tuple[SerialBoardLine, MemoryLink]:
    link = MemoryLink(peer)
    line = SerialBoardLine(link)
    await line.open()
    return line, link


def time_s() -> float:
    return asyncio.get_running_loop().time()


def test_a_command_that_is_not_answered_is_over_when_it_is_sent_and_the_board_is_left_alone_for_a_while() -> None:
    async def story() -> None:
        line, link = await opened(lambda frame: [(0.01, b"ans..")] if frame == b"ask" else [])
        assert await line.ask(command(b"open")) == "sent"
        assert time_s() == 0
        assert await line.ask(question()) == b"ans.."
        (sent_s, _), (asked_s, _) = link.written
        assert (sent_s, round(asked_s, 4)) == (0, 0.0592)  # 4 characters, 50 ms and 5 ms
        assert line.counters[1].answered == 2

    run(story())


def test_a_slow_answer_is_waited_for_whatever_comes_before_it() -> None:
    async def story() -> None:
        line, _ = await opened(lambda _: [(0.1, b"pushed"), (0.6, b"ans..")])
        assert await line.ask(question(answer_s=1.0)) == b"ans.."
        assert time_s() == pytest.approx(0.6)
        with pytest.raises(DeviceTimeout):
            await line.ask(question())

    run(story())


def test_a_silent_board_is_given_up_after_its_own_time() -> None:
    async def story() -> None:
        line, link = await opened(silent)
        with pytest.raises(DeviceTimeout):
            await line.ask(question(answer_s=1.2))
        assert time_s() == pytest.approx(1.2083, abs=0.001)
        assert link.frames == [b"ask"]

    run(story())


def test_a_listener_hears_answers_and_what_comes_while_nobody_asks() -> None:
    async def story() -> None:
        heard: list[tuple[float, bytes]] = []
        line, link = await opened(lambda _: [(0.01, b"ans.."), (1.0, b"later")])
        line.listen(lambda data: heard.append((round(time_s(), 3), data)))
        assert await line.ask(question()) == b"ans.."
        await asyncio.sleep(2)
        assert heard == [(0.01, b"ans.."), (1.0, b"later")]
        asked_s = time_s()
        assert await line.ask(question()) == b"ans.."
        assert link.written[-1][0] == asked_s, "an idle line is spoken on at once"

    run(story())


def test_a_loss_is_seen_while_nobody_asks() -> None:
    async def story() -> None:
        line, link = await opened(silent)
        line.listen(lambda data: None)
        await asyncio.sleep(1)
        link.hang_up()
        await asyncio.sleep(0)
        await asyncio.sleep(0.1)
        with pytest.raises(LinkLost):
            await line.ask(question())
        assert link.frames == []

    run(story())


def test_a_loss_before_a_slow_answer_leaves_the_outcome_open() -> None:
    async def story() -> None:
        line, link = await opened(silent)
        waiting = asyncio.create_task(line.ask(question(answer_s=1.2)))
        await asyncio.sleep(0.3)
        link.hang_up()
        with pytest.raises(OutcomeUnknown):
            await waiting

    run(story())
