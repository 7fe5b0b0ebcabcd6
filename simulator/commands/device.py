"""`device TYPE --link PATH`: one simulated device, so that any program's driver can be run against it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from simulator.faults import FaultError
from simulator.options import OptionError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("type", metavar="TYPE", help="as in the configuration; `devices` lists them")
    parser.add_argument("--link", type=Path, required=True, metavar="PATH", help="where the device is to be found")
    parser.add_argument("--option", action="append", default=[], metavar="K=V", help="may be repeated")
    parser.add_argument("--fault", action="append", default=[], metavar="NAME[=ARG]", help="may be repeated")
    parser.add_argument("--seed", type=int, default=1, help="of all that is random; default 1")


def run(arguments: argparse.Namespace) -> int:
    from simulator.commands.until_signal import serve
    from simulator.lone_device import LoneDevice
    from simulator.types import SIMULATED

    if arguments.type not in SIMULATED:
        print(f"simulator: no type {arguments.type[:40]!r}; there are: {', '.join(SIMULATED)}", file=sys.stderr)
        return 2
    try:
        device = LoneDevice(arguments.type, arguments.link, arguments.option, arguments.fault, arguments.seed)
    except (OptionError, FaultError) as error:
        print(f"simulator: {arguments.type}: {error}", file=sys.stderr)
        return 2
    return serve(lambda: device, str(arguments.link))
