"""`python -m simulator say DIR COMMAND…`: one command to a running world, as world.sock takes it."""

from __future__ import annotations

import argparse
import socket
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", type=Path, metavar="DIR", help="the run directory")
    parser.add_argument("words", nargs="+", metavar="COMMAND", help="for example: present card 0006547886")


def run(arguments: argparse.Namespace) -> int:
    """0 when the world did it, 1 with its reason when not."""
    with socket.socket(socket.AF_UNIX) as world:
        try:
            world.connect(str(arguments.folder / "world.sock"))
        except OSError as error:
            print(f"{arguments.folder / 'world.sock'}: {error.strerror}; is the simulator running?", file=sys.stderr)
            return 1
        world.sendall(" ".join(arguments.words).encode() + b"\n")
        answer = world.makefile(encoding="utf-8").readline().strip()
    print(answer)
    return int(answer.startswith("error"))
