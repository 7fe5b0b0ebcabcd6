"""The page about adding a device, followed to the letter in a copy of this program: then nothing is missing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.contract.parts import missing

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "how-to" / "add-a-device.md"
BLOCK = re.compile(r"^(`{3,})(\w+)\n(.*?)^\1$", re.MULTILINE | re.DOTALL)
WHERE = re.compile(r"(?:#|<!--) ([\w./-]+?)(?:, (behind|before) the line: (.+?))?(?: -->)?")
COPIED = ("hal", "drivers", "simulator", "tests", "bench", "config", "docs", "CHANGELOG.md", "pyproject.toml")
SUITES = (
    *("tests/contract/test_parts.py", "tests/contract/test_every_device.py", "tests/contract/test_card_readers.py"),
    *("tests/fuzz/test_fuzz.py", "tests/wire/test_acme.py", "tests/drivers/test_acme_reader.py"),
    *("tests/simulator/test_command_line.py", "tests/docs/test_decoders.py"),
)


@dataclass(frozen=True)
class Block:
    """`where`: None for a whole file, else behind or before the first line that begins with `line`."""

    path: str
    where: str | None
    line: str
    text: str

    def put_into(self, folder: Path) -> None:
        path = folder / self.path
        if self.where is None:
            assert not path.exists(), f"{self.path} is there already"
            path.write_text(self.text)
            return
        lines = path.read_text().splitlines(keepends=True)
        [at, *_] = [n for n, line in enumerate(lines) if line.strip().startswith(self.line)] or [None]
        assert at is not None, f"{self.path} has no line {self.line}"
        at += self.where == "behind"
        path.write_text("".join([*lines[:at], self.text, *lines[at:]]))


def blocks() -> list[Block]:
    """Those that say where they belong; the others are commands."""
    found = []
    for _, _, text in BLOCK.findall(PAGE.read_text()):
        first, _, rest = text.partition("\n")
        if where := WHERE.fullmatch(first):
            found.append(Block(where[1], where[2], where[3] or "", rest))
    return found


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    for name in COPIED:
        source = ROOT / name
        shutil.copytree(source, tmp_path / name) if source.is_dir() else shutil.copy2(source, tmp_path / name)
    shutil.copy2(ROOT / ".importlinter", tmp_path)
    for name in ("cabinet", "sync"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", *arguments]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    environment["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"  # these tests need none, and they take their time
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_who_follows_the_page_has_a_whole_device(copy: Path) -> None:
    for block in blocks():
        block.put_into(copy)
    done = run(copy, "pytest", "-q", "-p", "no:cacheprovider", "-k", "acme", *SUITES)
    assert done.returncode == 0, done.stdout[-3000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) >= 60


def test_whoever_leaves_out_a_step_is_told_which(copy: Path) -> None:
    """With codec, driver and registry alone, each of the other steps is named."""
    for block in blocks():
        if block.path.startswith(("drivers/", "hal/")):
            block.put_into(copy)
    done = run(copy, "tests.contract.parts", "acme-reader")
    assert done.returncode == 1
    told = done.stdout.splitlines()
    for step in (
        "codec: no tests/wire/test_acme.py, with frames from outside",
        "codec: tests/fuzz/streams.py has no target for drivers/wire/acme.py",
        "driver: no tests/drivers/test_acme_reader.py",
        "driver: drivers.acme_reader is not among those in .importlinter that the simulator must not import",
        "simulated device: no line of SIMULATED in simulator/types.py",
        "contract: no line of ROWS in tests/contract/rows.py",
        "measures: no line of ACTS in bench/devices.py",
        "words: no [[device]] in config/cabinet.example.toml",
        "words: docs/reference/configuration.md does not name it",
        "words: CHANGELOG.md does not name it",
    ):
        assert f"acme-reader: {step}" in told
    assert any(line.startswith("acme-reader: page: ") for line in told)
    assert missing("no-reader") == ["registry: no-reader stands in no line of DEVICE_TYPES in hal/registry.py"]
