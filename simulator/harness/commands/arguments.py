"""What several commands take."""

from __future__ import annotations

import argparse
from typing import get_args

from simulator.harness.simulation import LEVELS
from simulator.harness.troubles import GROUPS, Group
from simulator.story import names


def add_seed(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="decides everything that is random; default 1")


def add_level(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--level", choices=LEVELS, default=LEVELS[0], help="devices as capabilities (default), or byte for byte"
    )


def scenario(text: str) -> str:
    if text not in names():
        raise argparse.ArgumentTypeError(f"there is no scenario {text!r}; there are: {', '.join(names())}")
    return text


def faults(text: str) -> frozenset[Group]:
    """`all`, `none`, or some of the groups with commas between them."""
    if text in ("all", "none"):
        return GROUPS if text == "all" else frozenset()
    known = {str(group): group for group in get_args(Group)}
    if unknown := set(text.split(",")) - known.keys():
        raise argparse.ArgumentTypeError(f"no faults {min(unknown)!r}; there are: all, none, {', '.join(known)}")
    return frozenset(known[name] for name in text.split(","))


def positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"{text!r} is no number above 0")
    return value
