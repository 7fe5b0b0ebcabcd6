"""`cabinet --config FILE --run-dir DIR`: all devices of a configuration, and the world behind them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from simulator.world import RELATCH_S

MISCONFIGURED = 78


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", type=Path, required=True, metavar="FILE", help="as the daemon's")
    parser.add_argument("--run-dir", type=Path, required=True, metavar="DIR", help="for links and world.sock")
    parser.add_argument("--seed", type=int, default=1, help="of all that is random; default 1")
    parser.add_argument(
        "--relatch-s",
        type=_seconds,
        default=RELATCH_S,
        metavar="S",
        help=f"a pulsed bolt latches again after this; default {RELATCH_S:g}",
    )


def run(arguments: argparse.Namespace) -> int:
    from hal.problems import ConfigError
    from simulator.assembly import NotSimulated
    from simulator.cabinet import SimulatedCabinet
    from simulator.commands.until_signal import serve
    from simulator.configuration import read_table

    run_dir: Path = arguments.run_dir
    try:
        table = read_table(arguments.config)
        return serve(lambda: SimulatedCabinet(table, run_dir, arguments.seed, arguments.relatch_s), ready=str(run_dir))
    except (ConfigError, NotSimulated) as error:
        print(error, file=sys.stderr)
        return MISCONFIGURED
    except OSError as error:
        print(f"simulator: {error}", file=sys.stderr)
        return 1


def _seconds(text: str) -> float:
    seconds = float(text)
    if not 0 < seconds <= 3600:
        raise argparse.ArgumentTypeError("allowed are more than 0 to 3600 seconds")
    return seconds
