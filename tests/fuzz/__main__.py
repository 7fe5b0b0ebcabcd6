"""Fuzzes every decoder on all processors: `python -m tests.fuzz --seconds 300 --seed 1`."""

from __future__ import annotations

import argparse
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.fuzz.hunt import Tally, Target, flips, hunt, speed
from tests.fuzz.messages import MESSAGES
from tests.fuzz.streams import STREAMS, StreamTarget

TARGETS: tuple[Target, ...] = (*STREAMS, *MESSAGES)


def main() -> int:
    """Prints a line for each decoder. Exit code 1 when one has failed, with the inputs that show it."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzzes every decoder.")
    parser.add_argument("--seconds", type=float, default=60, metavar="N", help="in all; default 60")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the inputs; default 1")
    parser.add_argument("--only", metavar="NAME", choices=[target.name for target in TARGETS], help="one decoder")
    chosen = parser.parse_args()
    names = [target.name for target in TARGETS if chosen.only in (None, target.name)]
    processors = os.cpu_count() or 1
    each_s = chosen.seconds * processors / len(names)
    failed = inputs = 0
    with ProcessPoolExecutor(processors) as pool:
        for tally in pool.map(partial(_work, seconds=each_s, seed=chosen.seed), names):
            rate = f"{tally.frames_a_second:9,.0f} frames/s" if tally.frames_a_second else ""
            counts = f"{tally.inputs:11,} inputs {tally.messages:11,} good"
            print(f"{tally.name:18} {counts} {len(tally.failures):3} failures {rate}", flush=True)
            for failure in tally.failures:
                print(f"    {failure}")
            failed += bool(tally.failures)
            inputs += tally.inputs
    print(f"decoders {len(names)} inputs {inputs} failed {failed} seed {chosen.seed}")
    return 1 if failed else 0


def _work(name: str, seconds: float, seed: int) -> Tally:
    """In a process of its own; targets have functions that no pipe carries, so they are found by name."""
    target = next(one for one in TARGETS if one.name == name)
    tally = hunt(target, seed, seconds=seconds)
    if isinstance(target, StreamTarget):
        for more in (flips(target, seed), speed(target)):
            tally.inputs += more.inputs
            tally.messages += more.messages
            tally.failures += more.failures
            tally.frames_a_second = tally.frames_a_second or more.frames_a_second
    return tally


if __name__ == "__main__":
    sys.exit(main())
