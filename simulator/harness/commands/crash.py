"""`crash --scenario NAME [--depth K]`: kill and power cut at every boundary of a story."""

from __future__ import annotations

import argparse
from time import perf_counter

from simulator.harness.commands.arguments import add_level, add_seed, scenario
from simulator.harness.crash import Exploration, Explorer, Path, parse_path
from simulator.harness.witness import line
from simulator.story import read_story

DEPTH_MAX = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--scenario", type=scenario, required=True, metavar="NAME", help="`scenarios` lists them")
    parser.add_argument(
        "--depth", type=int, choices=range(DEPTH_MAX + 1), default=1, help="crashes in one run, at most; default 1"
    )
    add_seed(parser)
    add_level(parser)
    parser.add_argument(
        "--at", type=_path, metavar="CRASHES", help="only this run, with its whole trace: 17:kill,4:power-cut"
    )


def run(arguments: argparse.Namespace) -> int:
    from simulator.harness.run import warm_up

    explorer = Explorer(read_story(arguments.scenario), arguments.seed, arguments.level)
    if arguments.at is not None:
        finding = explorer.play(arguments.at, lambda at_s, happening: print(line(at_s, happening))).finding
        print(finding.report if finding else f"scenario {arguments.scenario} seed {arguments.seed} runs 1 violations 0")
        return int(finding is not None)
    warm_up()
    began_s = perf_counter()
    done = explorer.explore(arguments.depth)
    for report in done.findings:
        print(report, end="\n\n")
    print(figures(arguments, done, perf_counter() - began_s))
    return int(bool(done.findings))


def figures(arguments: argparse.Namespace, done: Exploration, real_s: float) -> str:
    by_depth = " ".join(f"points-{depth} {count}" for depth, count in enumerate(done.points) if depth)
    return (
        f"scenario {arguments.scenario} seed {arguments.seed} level {arguments.level} depth {arguments.depth} "
        f"{by_depth} runs {done.runs} violations {done.violations} "
        f"seconds {real_s:.1f} runs/s {done.runs / real_s:.0f} points/s {sum(done.points) / real_s:.0f}"
    )


def _path(text: str) -> Path:
    try:
        return parse_path(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
