"""`mutants`: every planted bug, and which invariant catches it."""

from __future__ import annotations

import argparse
from time import perf_counter


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these; all without")
    parser.add_argument("--explain", action="store_true", help="what each is, what was found, and its replay")


def run(arguments: argparse.Namespace) -> int:
    from simulator.harness.mutants.hunt import MUTANTS, hunt
    from simulator.harness.run import warm_up

    if unknown := set(arguments.names) - {mutant.name for mutant in MUTANTS}:
        print(f"no planted bug {min(unknown)!r}; there are: {', '.join(mutant.name for mutant in MUTANTS)}")
        return 2
    chosen = tuple(mutant for mutant in MUTANTS if not arguments.names or mutant.name in arguments.names)
    warm_up()
    began_s = perf_counter()
    fates = hunt(chosen)
    for fate in fates:
        caught = f"caught by invariant {fate.invariant} seed {fate.seed}" if fate.invariant else "NOT CAUGHT"
        print(f"{fate.name}: {caught}")
        if arguments.explain or not fate.invariant:
            print(f"    {fate.what}\n    {fate.found}\n    {fate.replay}")
    missed = sum(fate.invariant is None for fate in fates)
    print(f"mutants {len(fates)} caught {len(fates) - missed} escaped {missed} seconds {perf_counter() - began_s:.1f}")
    return int(missed > 0)
