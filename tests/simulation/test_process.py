"""Processes on one loop: SIGKILL ends all of one, and nothing of another."""

from __future__ import annotations

import asyncio

from simulator.harness.process import Killed, Process, born, current, may_run, outside
from simulator.harness.virtual_loop import VirtualLoop


def _loop() -> VirtualLoop:
    return VirtualLoop.make(may_run, born)


def test_nothing_of_a_killed_process_runs_any_more() -> None:
    loop, heard = _loop(), list[str]()

    async def ticks(name: str) -> None:
        asyncio.get_running_loop().call_later(2.5, heard.append, f"{name} timer")
        for second in range(4):
            await asyncio.sleep(1)
            heard.append(f"{name} {second}")

    async def story() -> None:
        one, other = Process("one", loop), Process("other", loop)
        one.spawn(ticks("one"))
        other.spawn(ticks("other"))
        await asyncio.sleep(1.5)
        one.kill()
        assert not one.alive
        assert other.alive
        await asyncio.sleep(4)
        assert one.tasks == other.tasks == 0

    loop.run(story())
    assert heard == ["one 0", "other 0", "other 1", "other timer", "other 2", "other 3"]


def test_what_a_finally_still_does_reaches_nobody() -> None:
    loop, heard = _loop(), list[str]()

    async def tidy() -> None:
        try:
            await asyncio.sleep(100)
        finally:
            asyncio.get_running_loop().call_soon(heard.append, "tidied up")
            await asyncio.sleep(1)
            heard.append("waited")

    async def story() -> None:
        process = Process("one", loop)
        process.spawn(tidy())
        await asyncio.sleep(1)
        process.kill()
        await asyncio.sleep(10)

    loop.run(story())
    assert heard == []


def test_what_it_set_going_in_the_world_goes_on() -> None:
    loop, heard = _loop(), list[object]()

    async def pulse() -> None:
        outside(asyncio.get_running_loop().call_later, 5, lambda: heard.append(current()))

    async def story() -> None:
        process = Process("one", loop)
        process.spawn(pulse())
        await asyncio.sleep(1)
        process.kill()
        await asyncio.sleep(10)

    loop.run(story())
    assert heard == [None]


def test_a_kill_in_the_middle_of_its_own_code_unwinds_it() -> None:
    loop, heard = _loop(), list[str]()

    async def suicidal(process: Process) -> None:
        heard.append("before")
        process.kill()
        process.unwind()
        heard.append("after")

    async def story() -> None:
        process = Process("one", loop)
        task = process.spawn(suicidal(process))
        await asyncio.sleep(1)
        assert not task.done() or isinstance(task.exception(), Killed)

    loop.run(story())
    assert heard == ["before"]
