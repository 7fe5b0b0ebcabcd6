"""The tutorial is played as written: every command in it runs against the cabinet that `make demo` leaves standing."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulator.demo.processes import Lines

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "docs" / "tutorial" / "first-visit.md"
BIN = Path(sys.executable).parent
ONLY_FOR_PEOPLE = ("make demo", "export PATH", "RUN=", "cabinetctl --config $RUN/cabinet.toml watch")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, list[str]]]:
    """The run directory of a demo that stays, and what it had printed until then."""
    command = [sys.executable, "-m", "simulator", "demo", "--runs", str(tmp_path_factory.mktemp("runs"))]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        printed: list[str] = []
        lines = Lines(process.stdout)
        while not (printed and printed[-1].startswith("run directory: ")):
            line = lines.next(30)
            assert line is not None, f"the demo stopped after: {printed}"
            printed.append(line)
        yield Path(printed[-1].removeprefix("run directory: ")), printed
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        process.stdout.close()


def test_every_command_of_the_tutorial_runs(demo: tuple[Path, list[str]], tmp_path: Path) -> None:
    folder, printed = demo
    assert any("item.returned" in line for line in printed)
    commands = list(_commands())
    assert len(commands) > 20
    exported = tmp_path / "export"
    for command, fails in commands:
        done = subprocess.run(
            command.replace("/tmp/journal", str(exported)),
            shell=True,
            cwd=ROOT,
            env={**os.environ, "RUN": str(folder), "PATH": f"{BIN}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        assert (done.returncode != 0) is fails, f"{command}\n{done.stdout}{done.stderr}"
    assert {"checkpoint", "vkey", "leaves.jsonl", "inclusion.json"} <= {path.name for path in exported.iterdir()}
    shutil.rmtree(exported)


def test_the_readme_shows_what_the_demo_prints(demo: tuple[Path, list[str]]) -> None:
    """What each line is about, in order; times, pseudonyms, indexes and how batches fall differ from run to run."""
    _, printed = demo
    shown = re.findall(r"^ +[\d.]+ s  (\w+ .*)$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert len(shown) > 10
    for who in ("person", "display", "bolt", "journal", "mqtt"):
        steps = iter([_shape(line) for line in printed if f" s  {who} " in line])
        missing = [line for line in map(_shape, shown) if line.startswith(who) and line not in steps]
        assert not missing


def _shape(line: str) -> str:
    line = re.sub(r"^ +[\d.]+ s  ", "", line)
    line = re.sub(r"\b\d+\b", "N", line) if line.startswith(("journal", "mqtt")) else line
    return re.sub(r"(due=|holder=|authoriser=|grant=|Due back )[^=]*?(?= \w+=|$)", r"\1", line)


def _commands() -> Iterator[tuple[str, bool]]:
    """Each line of the shell blocks, and whether its comment says that it is refused."""
    for block in re.findall(r"```sh\n(.*?)```", TUTORIAL.read_text(), re.DOTALL):
        for line in block.splitlines():
            if not line.startswith(ONLY_FOR_PEOPLE):
                command, _, comment = line.partition("  #")
                yield command.strip(), comment.strip().startswith("error")
