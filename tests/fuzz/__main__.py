"""Fuzzes every decoder on all processors: `python -m tests.fuzz --seconds 300 --seed 1`.

With `--inputs 10000000 --done FILE` so many of each, which takes hours: FILE keeps what has been tried, and the same
command goes on from there."""

from __future__ import annotations

import argparse
import json
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Final

from tests.fuzz.exact import flips, frames_a_second, steepness
from tests.fuzz.hunt import Tally, Target, hunt
from tests.fuzz.messages import MESSAGES
from tests.fuzz.streams import STREAMS, StreamTarget

TARGETS: tuple[Target, ...] = (*STREAMS, *MESSAGES)
PART: Final = 100_000
"""Inputs that are tried and kept at a time."""


def main() -> int:
    """Prints a line for each decoder. Exit code 1 when one has failed, with the inputs that show it."""
    chosen = _arguments()
    names = [target.name for target in TARGETS if chosen.only in (None, target.name)]
    with ProcessPoolExecutor(chosen.processes) as pool:
        if chosen.inputs is None:
            each_s = chosen.seconds * chosen.processes / len(names)
            tallies = list(pool.map(partial(_for_seconds, seed=chosen.seed, seconds=each_s), names))
        else:
            tallies = _until_done(pool, names, chosen.inputs, chosen.seed, chosen.done)
        for tally, exact in zip(tallies, pool.map(_exactly, names), strict=True):
            tally.failures += exact[0]
            print(f"{tally.name:18} {tally.inputs:11,} inputs {tally.messages:11,} good", end="")
            print(f" {len(tally.failures):3} failures {exact[1]}".rstrip(), flush=True)
            for failure in tally.failures:
                print(f"    {failure}")
    failed = sum(bool(tally.failures) for tally in tallies)
    inputs = sum(tally.inputs for tally in tallies)
    print(f"decoders {len(names)} inputs {inputs} failed {failed} seed {chosen.seed}")
    return 1 if failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Fuzzes every decoder.")
    parser.add_argument("--seconds", type=float, default=60, metavar="N", help="in all; default 60")
    parser.add_argument("--inputs", type=int, metavar="N", help="so many of each decoder, in place of --seconds")
    parser.add_argument("--done", type=Path, metavar="FILE", help="what --inputs has tried so far; goes on from there")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the inputs; default 1")
    parser.add_argument("--only", metavar="NAME", choices=[target.name for target in TARGETS], help="one decoder")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, metavar="N", help="default: one a core")
    return parser.parse_args()


def _until_done(pool: ProcessPoolExecutor, names: list[str], inputs: int, seed: int, path: Path | None) -> list[Tally]:
    """One decoder after the other, in parts that FILE has or gets. A part is the same inputs whenever it is tried."""
    done = json.loads(path.read_text()) if path is not None and path.exists() else {}
    tallies = [Tally(**done.get(f"{name}, seed {seed}", {"name": name})) for name in names]
    for tally in tallies:
        parts = range(tally.inputs // PART, -(-inputs // PART))
        for more in pool.map(partial(_part, tally.name, seed), parts):
            tally.add(more)
            done[f"{tally.name}, seed {seed}"] = asdict(tally)
            if path is not None:
                path.write_text(json.dumps(done, indent=1))
    return tallies


def _part(name: str, seed: int, part: int) -> Tally:
    return hunt(_target(name), seed, part, inputs=PART)


def _for_seconds(name: str, seed: int, seconds: float) -> Tally:
    return hunt(_target(name), seed, seconds=seconds)


def _exactly(name: str) -> tuple[list[str], str]:
    """Failures, and how fast it reads, and which flipped bits pass."""
    target = _target(name)
    told = f"{frames_a_second(target):9,.0f} frames/s"
    if not isinstance(target, StreamTarget):
        return [], told
    failures = steepness(target).failures
    if target.undetected is not None:
        counted = flips(target)
        failures += counted.tally.failures
        told += f", of {counted.doubles:,} double flips {counted.double} pass"
        if counted.single or counted.double != target.undetected:
            failures.append(f"single flips that pass: {counted.single}, double ones not {target.undetected}")
    return failures, told


def _target(name: str) -> Target:
    """Targets have functions that no pipe carries, so they are found by name in each process."""
    return next(one for one in TARGETS if one.name == name)


if __name__ == "__main__":
    sys.exit(main())
