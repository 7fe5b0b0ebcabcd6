"""How long the simulation takes: a simulated hour, and a crash with its recovery, each on one core."""

from __future__ import annotations

from itertools import islice
from time import perf_counter

from bench.figure import Figure
from simulator.harness.crash import Explorer
from simulator.harness.run import run_days, warm_up
from simulator.story import read_story

HOURS, WIRE_HOURS = 96, 0.25
CRASHES = 1_000
SCENARIO = "take-and-return"


def run() -> list[Figure]:
    warm_up()
    days, wire = run_days(1, HOURS), run_days(1, WIRE_HOURS, "wire")
    began = perf_counter()
    points = list(islice(Explorer(read_story(SCENARIO), 1).walk(2), CRASHES))
    took_s = perf_counter() - began
    runs = sum(point.played for point in points)
    return [
        Figure(
            "simulated hour, devices as capabilities",
            days.real_s / days.hours,
            0.05,
            "s",
            f"{days.hours / days.real_s:.1f} hours/s; byte for byte {wire.hours / wire.real_s:.2f} hours/s",
        ),
        Figure(
            "crash and recovery",
            took_s / runs * 1000,
            5.0,
            "ms",
            f"{runs / took_s:.0f} runs/s, {len(points) / took_s:.0f} crash points/s; scenario {SCENARIO}, depth 2",
        ),
    ]
