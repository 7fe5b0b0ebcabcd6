"""The reference page: the program it gives to outsiders does what it says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from cabinet.journal import verify as verifying
from cabinet.journal.export import export
from cabinet.journal.reader import JournalReader
from tests.journal.making import OTHER_SIGNER, SIGNER

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "journal.md").read_text()


@pytest.fixture
def exported(seventy: Path, tmp_path: Path) -> Path:
    with JournalReader(seventy) as reader:
        export(reader, tmp_path / "out", [SIGNER.vkey])
    return tmp_path / "out"


def outsider(folder: Path, vkey: str) -> subprocess.CompletedProcess[str]:
    (program,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    command = [sys.executable, "-I", "-c", program, str(folder), vkey]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_an_outsider_verifies_an_export(exported: Path) -> None:
    done = outsider(exported, SIGNER.vkey)
    assert (done.returncode, done.stdout) == (0, "70 leaves of cabinet.demo/lobby-01 are what its key signed\n"), done
    assert outsider(exported, OTHER_SIGNER.vkey).returncode != 0


def test_an_outsider_finds_a_change(exported: Path) -> None:
    leaves = exported / "leaves.jsonl"
    lines = leaves.read_text().splitlines(keepends=True)
    leaves.write_text("".join([*lines[:-2], lines[-1].replace(":69,", ":68,")]))
    assert outsider(exported, SIGNER.vkey).returncode != 0


def test_every_result_and_rule_is_explained() -> None:
    for name in (*get_args(verifying.Result), *get_args(verifying.Rule)):
        assert f"`{name}`" in PAGE
