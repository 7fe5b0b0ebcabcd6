"""`python -m simulator COMMAND`: each command is a module of simulator.commands, imported when it is used."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

COMMANDS = {
    "device": "one simulated device until SIGTERM",
    "devices": "list types, options and faults",
    "cabinet": "a whole cabinet on links under one directory, with one world behind it",
    "broker": "a small MQTT broker for a demo without mosquitto",
    "say": "one command to the world of a running simulated cabinet",
    "demo": "a few stories against the real daemon, told step by step",
}
SIMULATIONS = {
    "run": "days of a cabinet on virtual time, with faults; checks the invariants",
    "crash": "a scenario, killed and cut off at every boundary",
    "scenarios": "list the scenarios",
    "mutants": "planted bugs, and which invariant catches each",
    "restores": "a cabinet that is backed up and goes back, again and again, on real files",
    "simulate": "runs and crashes of many seeds, on all processors",
}
"""Commands that run the production code: modules of simulator.harness.commands."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit code: 0 ok, 1 a link cannot be opened or an invariant is violated, 2 usage, 78 configuration."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    parser = argparse.ArgumentParser(
        prog="python -m simulator", description="Simulated devices, byte for byte, and simulated days."
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    places = {
        **dict.fromkeys(COMMANDS, "simulator.commands"),
        **dict.fromkeys(SIMULATIONS, "simulator.harness.commands"),
    }
    asked = next((word for word in given if word in places), None)
    for name, title in (COMMANDS | SIMULATIONS).items():
        command = commands.add_parser(name, help=title, description=f"{title[0].upper()}{title[1:]}.")
        if name == asked:
            module = import_module(f"{places[name]}.{name}")
            module.add_arguments(command)
            command.set_defaults(run=module.run)
    chosen = parser.parse_args(given)
    try:
        code: int = chosen.run(chosen)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has seen enough (| head). Without this the interpreter complains when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


if __name__ == "__main__":
    sys.exit(main())
