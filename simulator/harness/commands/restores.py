"""`restores [--seed N] [--acts A]`: a cabinet that is backed up and goes back, again and again, on real files."""

from __future__ import annotations

import argparse
from time import perf_counter

from simulator.harness.commands.arguments import add_seed, positive


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_seed(parser)
    parser.add_argument("--acts", type=positive, default=60, metavar="A", help="so many things are done; default 60")
    parser.add_argument("--trace", action="store_true", help="print every act")


def run(arguments: argparse.Namespace) -> int:
    from simulator.harness.restoring import live

    began_s, acts = perf_counter(), int(arguments.acts)
    replay = f"python -m simulator restores --seed {arguments.seed} --acts {acts}"
    weeks, finding = live(arguments.seed, acts, replay, print if arguments.trace else None)
    if finding is not None:
        print(finding.report)
    print(
        f"seed {arguments.seed} acts {acts} restored {weeks.restored} erased {len(weeks.erased)} "
        f"epochs {len(weeks.upstream)} violations {int(finding is not None)} seconds {perf_counter() - began_s:.1f}"
    )
    return int(finding is not None)
