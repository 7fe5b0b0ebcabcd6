"""From the last byte or edge of a device to the event of its capability: each driver, beside a bare echo.

`python -m bench.latency` alone takes half a minute. The device lives in another process and notes when it sends
something; the driver runs on its real bus. The echo is a frame there and back: it crosses between processes twice."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from contextlib import ExitStack, suppress
from pathlib import Path
from statistics import median
from time import perf_counter

from bench.devices import ACTS, Drivers, Twins, twins
from bench.figure import Figure, table
from bench.floor import Echo
from hal.capabilities import Reading
from hal.registry import DEVICE_TYPES

ROUNDS, WARM_ROUNDS = 15, 1
GOAL, SILENCE_GOAL_MS = 12.0, 5.0
WAIT_S, AGAIN = 2.0, 5


class Measured:
    """Each driver, and what it is waited for."""

    def __init__(self, names: list[str], there: Twins) -> None:
        self._there = there
        self._told: dict[str, asyncio.Future[float]] = {}
        self.drivers = Drivers(names, there, self._hear)

    async def round(self, name: str, n: int) -> float:
        """Seconds from the last thing that the device said, without the silence that its protocol asks for.

        What is said once may be torn on a busy machine: then it is said again."""
        for again in range(AGAIN):
            with suppress(TimeoutError):
                async with asyncio.timeout(WAIT_S):
                    return await self._round(name, n + 2 * again)
        raise RuntimeError(f"{name}: nothing came of round {n} in {AGAIN} times {WAIT_S:g} s")

    async def _round(self, name: str, n: int) -> float:
        act, driver = ACTS[name], self.drivers.by_name[name]
        await self.drivers.up[name].wait()
        await asyncio.sleep(act.rest_s)
        told = self._told[name] = asyncio.get_running_loop().create_future()
        if act.touch:
            self._there.touch(name, n)
        if act.ask is None:
            return await told - act.silence_s
        called_s = perf_counter()
        await act.ask(driver, n)
        if not act.seen:
            return perf_counter() - self._there.said_s(name)
        while (seen_s := self._there.said_s(name)) < called_s:  # noqa: ASYNC110 - by another process
            await asyncio.sleep(0.002)
        return seen_s - called_s

    def _hear(self, name: str, reading: Reading) -> None:
        told = self._told.get(name)
        if told is not None and not told.done() and isinstance(reading, ACTS[name].tells or ()):
            told.set_result(perf_counter() - self._there.said_s(name))


def run(names: list[str] | None = None, rounds: int = ROUNDS, warm_rounds: int = WARM_ROUNDS) -> list[Figure]:
    """All of the registry unless named. Each round: the two echoes, then each driver once."""
    chosen = list(DEVICE_TYPES) if names is None else names
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        there = stack.enter_context(twins(chosen, folder))
        echoes = {"pty": stack.enter_context(Echo("pty")), "socket": stack.enter_context(Echo("socket"))}
        times = asyncio.run(_rounds(chosen, there, echoes, rounds, warm_rounds))
    return [_figure(name, times) for name in chosen]


async def _rounds(
    names: list[str], there: Twins, echoes: dict[str, Echo], rounds: int, warm_rounds: int
) -> dict[str, list[float]]:
    times: dict[str, list[float]] = {name: [] for name in (*echoes, *names)}
    measured = Measured(names, there)
    async with measured.drivers:
        for n in range(warm_rounds + rounds):
            took = {name: echo.round() for name, echo in echoes.items()}
            took |= {name: await measured.round(name, n) for name in names}
            for name, seconds in took.items() if n >= warm_rounds else ():
                times[name].append(seconds)
    return times


def _figure(name: str, times: dict[str, list[float]]) -> Figure:
    echo = "socket" if DEVICE_TYPES[name].bus in ("gpio", "i2c", "socket") else "pty"
    took_s, floor_s = median(times[name]), median(times[echo])
    if silence_s := ACTS[name].silence_s:
        how = f"beyond {silence_s * 1000:g} ms in which a frame ends or a contact settles"
        return Figure(f"event, {name}", took_s * 1000, SILENCE_GOAL_MS, "ms", how)
    how = f"{took_s * 1e6:.0f} us, {echo} echo {floor_s * 1e6:.0f} us"
    return Figure(f"event, {name}", took_s / floor_s, GOAL, "x", how)


if __name__ == "__main__":
    print(table(run(sys.argv[1:] or None)))
