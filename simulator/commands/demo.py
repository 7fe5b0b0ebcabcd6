"""`python -m simulator demo`: a few stories against the real daemon, told step by step."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

from simulator.demo.processes import BIN, DemoFailed, Processes
from simulator.demo.stage import Stage
from simulator.demo.visit import Visits, verdict
from simulator.story import read_story

STORIES = ("take-and-return", "two-approve", "told-why", "misplaced")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--once", action="store_true", help="end after them; the run directory stays")
    parser.add_argument("--runs", type=Path, default=Path("run"), metavar="DIR", help="where run directories go (run)")


def run(arguments: argparse.Namespace) -> int:
    folder = _folder(arguments.runs)
    try:
        with Processes(folder) as processes:
            stage = Stage(folder, processes)
            stage.build()
            Visits(stage, [read_story(name) for name in STORIES]).play()
            print(verdict(stage))
            print(f"run directory: {folder}")
            if not arguments.once:
                _stay(folder, stage.upstream.port)
    except DemoFailed as failure:
        print(f"the demo stopped: {failure}", file=sys.stderr)
        print(f"run directory: {folder}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _folder(runs: Path) -> Path:
    """A fresh one a run, named by the time; its path must stay short, since Unix sockets lie in it."""
    started = datetime.now(tz=UTC)
    for attempt in range(100):
        folder = runs.resolve() / f"demo-{started:%Y%m%d-%H%M%S}{f'-{attempt}' if attempt else ''}"
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise DemoFailed(f"{runs}: too many runs in one second")


def _stay(folder: Path, port: int) -> None:
    ctl = f"{BIN / 'cabinetctl'} --config {folder / 'cabinet.toml'}"
    print(f"""
The cabinet goes on. In another terminal:
  {ctl} status
  {ctl} watch
  {BIN / "python"} -m simulator say {folder} press 1001#
  {ctl} slot release 7 --reason "trying it out"
  mosquitto_sub -p {port} -t 'kc/#' -v
  {BIN / "cabinet-collector"} --config {folder / "collector.toml"} list
End it with Ctrl-C.""")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt):
        signal.pause()
