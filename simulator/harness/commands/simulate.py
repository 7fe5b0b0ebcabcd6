"""`simulate [--seed N] [--hours H] [--minutes M]`: runs and crashes, on all processors."""

from __future__ import annotations

import argparse
from time import perf_counter

from simulator.harness.commands.arguments import add_seed, positive


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_seed(parser)
    parser.add_argument(
        "--hours", type=positive, default=48.0, metavar="H", help="simulated, of each run of days; default 48"
    )
    parser.add_argument(
        "--minutes", type=positive, metavar="M", help="go on with further seeds for so long; without: one round"
    )


def run(arguments: argparse.Namespace) -> int:
    from simulator.harness.run import warm_up
    from simulator.harness.simulate import simulate

    warm_up()
    began_s = perf_counter()
    done = simulate(arguments.seed, arguments.hours, arguments.minutes)
    for report in done.findings:
        print(report, end="\n\n")
    real_s = perf_counter() - began_s
    print(
        f"seeds {arguments.seed}-{arguments.seed + done.seeds - 1} hours {done.hours:.0f} "
        f"wire-hours {done.wire_hours:.2f} visits {done.visits} crash points {done.crashes} "
        f"crash runs {done.crash_runs} events {done.events} "
        f"violations {done.violations} seconds {real_s:.0f}"
    )
    return int(done.violations > 0)
