"""`devices`: what can be simulated, for people."""

from __future__ import annotations

import argparse

from simulator.faults import FAULTS, FaultKind
from simulator.types import SIMULATED, body_class, bus_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """It has none."""


def run(arguments: argparse.Namespace) -> int:
    for name in SIMULATED:
        body = body_class(name)
        print(f"{name} ({bus_of(name)}): {body.title}")
        for option, line in body.options.items():
            print(f"  --option {option}=: {line}")
        for fault in (fault for fault in FAULTS if fault in body.faults):
            print(f"  --fault {fault}{_argument(FAULTS[fault])}: {FAULTS[fault].title}")
    return 0


def _argument(kind: FaultKind) -> str:
    default = "" if kind.default is None else f", {kind.default} if not given"
    return "" if kind.argument == "none" else f"[={kind.argument.upper()}{default}]"
