"""Devices unplugged and plugged in again 200 times, and devices that fall silent: when that is known, and when they are
back. Under the daemon's supervisor, each on its real bus, all side by side.

`python -m bench.outages` takes some ten minutes; `--times 20 rdm6300-reader` is short."""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import sys
import tempfile
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from bench.devices import Drivers, Twins, twins
from bench.figure import Figure, p99, table
from hal.capabilities import Reading
from hal.registry import DEVICE_TYPES
from simulator.types import body_class

TIMES, SILENT_TIMES = 200, 10
HELD_S, GONE_S, LONG_GONE_S = (1.1, 1.5), (0.02, 1.0), (1.0, 8.0)
LONG_SHARE = 0.1
BACK_GOAL_S, SILENT_GOAL_S = 1.0, 5.0
WAIT_S = 15.0
PLUGGED = ("serial", "modbus", "rs485", "input")
"""Links that hang on a port. GPIO and I2C are the board's own, a verifier is connected for each question alone."""

Story = Callable[[str, Drivers, Twins, random.Random], Coroutine[Any, Any, float]]


def replugged(names: list[str], times: int = TIMES, held_s: tuple[float, float] = HELD_S) -> list[Figure]:
    """From the port's return to the device in service, p99."""
    took = _side_by_side(names, times, partial(_replug, held_s=held_s))
    return [
        Figure(
            f"back in service, {name}",
            p99(took[name]),
            BACK_GOAL_S,
            "s",
            f"p50 {median(took[name]):.2f} s, slowest {max(took[name]):.2f} s of {times}",
        )
        for name in names
    ]


def silent(names: list[str], times: int = SILENT_TIMES) -> list[Figure]:
    """From its last word to its loss, for those that can be asked."""
    asked = [name for name in names if "silent" in body_class(name).faults and name in ANSWERING]
    took = _side_by_side(asked, times, _silence)
    return [
        Figure(f"silence noticed, {name}", max(took[name]), ANSWERING[name], "s", f"slowest of {times}")
        for name in asked
    ]


ANSWERING = {
    "pn532-reader": 2.0,
    "zfm-finger-reader": 2.0,
    "modbus-relay-board": 5.0,
    "modbus-input-board": 2.0,
    "lock-board": 2.0,
    "ds2482-fobs": 2.0,
}
"""Those that can be asked whether they are there, and within how many seconds it is known that they are not."""


def _side_by_side(names: list[str], times: int, story: Story) -> dict[str, list[float]]:
    with tempfile.TemporaryDirectory() as folder, twins(names, Path(folder)) as there:
        return asyncio.run(_all(names, there, times, story))


async def _all(names: list[str], there: Twins, times: int, story: Story) -> dict[str, list[float]]:
    def hear(name: str, reading: Reading) -> None:
        """What it reads is no part of this."""

    async def one(name: str) -> list[float]:
        chance = random.Random(name)
        took = [await story(name, drivers, there, chance) for _ in range(times)]
        print(f"{name}: done", file=sys.stderr, flush=True)
        return took

    async with Drivers(names, there, hear) as drivers:
        return dict(zip(names, await asyncio.gather(*map(one, names)), strict=True))


async def _replug(
    name: str, drivers: Drivers, there: Twins, chance: random.Random, held_s: tuple[float, float]
) -> float:
    await _within(name, "up", drivers.up[name])
    await asyncio.sleep(chance.uniform(*held_s))
    there.fault(name, "unplug")
    await asyncio.sleep(chance.uniform(*LONG_GONE_S if chance.random() < LONG_SHARE else GONE_S))
    there.clear(name)
    plugged_s = perf_counter()
    await _within(name, "lost", drivers.lost[name])
    await _within(name, "back", drivers.up[name])
    return perf_counter() - plugged_s


async def _silence(name: str, drivers: Drivers, there: Twins, chance: random.Random) -> float:
    await _within(name, "up", drivers.up[name])
    await asyncio.sleep(chance.uniform(*HELD_S))
    there.fault(name, "silent")
    silent_s = perf_counter()
    await _within(name, "lost", drivers.lost[name])
    took_s = perf_counter() - silent_s
    there.clear(name)
    return took_s


async def _within(name: str, what: str, event: asyncio.Event) -> None:
    try:
        async with asyncio.timeout(WAIT_S):
            await event.wait()
    except TimeoutError as error:
        raise RuntimeError(f"{name} is not {what} within {WAIT_S:g} s") from error


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.outages", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="TYPE", help="default: all")
    parser.add_argument("--times", type=int, default=TIMES, metavar="N", help="default 200")
    chosen = parser.parse_args()
    names = chosen.names or [name for name, entry in DEVICE_TYPES.items() if entry.bus in PLUGGED]
    logging.disable()  # each loss would be told
    asked = chosen.names or [*ANSWERING]
    print(table([*replugged(names, chosen.times), *silent(asked, min(SILENT_TIMES, chosen.times))]))


if __name__ == "__main__":
    main()
