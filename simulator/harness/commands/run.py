"""`run --seed N --hours H`: days of a cabinet with people and faults; all invariants hold, or it says how not."""

from __future__ import annotations

import argparse

from simulator.harness.commands.arguments import add_level, add_seed, faults, positive
from simulator.harness.witness import line


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_seed(parser)
    parser.add_argument("--hours", type=positive, default=24.0, metavar="H", help="simulated; default 24")
    add_level(parser)
    parser.add_argument(
        "--faults", type=faults, default="all", metavar="SET", help="groups with commas between them, all, or none"
    )
    parser.add_argument("--trace", action="store_true", help="print every line of the trace")


def run(arguments: argparse.Namespace) -> int:
    from simulator.harness.run import run_days, warm_up

    warm_up()
    listener = (lambda at_s, happening: print(line(at_s, happening))) if arguments.trace else None
    done = run_days(arguments.seed, arguments.hours, arguments.level, arguments.faults, listener)
    if done.finding is not None:
        print(done.finding)
    print(f"digest {done.digest}")
    print(done.figures())
    return int(done.finding is not None)
