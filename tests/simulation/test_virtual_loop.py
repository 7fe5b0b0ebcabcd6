"""The loop on which everything is played: time jumps, order is fixed, and standing still is found."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.harness.virtual_loop import Deadlock, Spinning, VirtualLoop, run


def test_hours_pass_at_once_and_to_the_microsecond() -> None:
    async def story() -> float:
        await asyncio.sleep(36_000.000_001)
        return asyncio.get_running_loop().time()

    assert run(story()) == 36_000.000_001


@given(st.lists(st.floats(0, 1_000), max_size=20))
def test_timers_ring_in_the_order_of_their_times_and_of_their_making(delays: list[float]) -> None:
    async def story() -> list[tuple[float, int]]:
        rung: list[tuple[float, int]] = []
        loop = asyncio.get_running_loop()
        for number, delay in enumerate(delays):
            loop.call_later(delay, lambda number=number: rung.append((loop.time(), number)))
        await asyncio.sleep(1_001)
        return rung

    rung = run(story())
    assert rung == sorted(rung)
    assert sorted(number for _, number in rung) == list(range(len(delays)))
    assert all(at_s >= delays[number] - 1e-6 for at_s, number in rung)


def test_a_cancelled_timer_does_not_ring() -> None:
    async def story() -> list[str]:
        rung: list[str] = []
        loop = asyncio.get_running_loop()
        loop.call_later(1, rung.append, "one").cancel()
        loop.call_later(2, rung.append, "two")
        await asyncio.sleep(3)
        return rung

    assert run(story()) == ["two"]


def test_time_outs_and_waits_are_those_of_asyncio() -> None:
    async def story() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await asyncio.Event().wait()
        return asyncio.get_running_loop().time()

    assert run(story()) == 5.0


def test_everybody_waiting_without_a_timer_is_a_deadlock() -> None:
    async def story() -> None:
        await asyncio.sleep(7)
        await asyncio.Event().wait()

    with pytest.raises(Deadlock, match=r"at 7\.\d+ s everybody waits and no timer is set"):
        run(story())


def test_a_loop_that_never_lets_time_go_on_is_found() -> None:
    async def story() -> None:
        while await asyncio.sleep(0, True):
            pass

    with pytest.raises(Spinning, match="time stands still"):
        run(story())


def test_a_callback_that_fails_stops_nobody_and_is_kept() -> None:
    async def story() -> list[str]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        loop.call_soon(lambda: 1 / 0)
        await asyncio.sleep(1)
        return [type(one["exception"]).__name__ for one in loop.unhandled]

    assert run(story()) == ["ZeroDivisionError"]


def test_nothing_real_can_be_reached() -> None:
    async def story() -> None:
        await asyncio.get_running_loop().run_in_executor(None, print)

    with pytest.raises(NotImplementedError):
        run(story())
