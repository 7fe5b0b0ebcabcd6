"""The reference page: the program it gives to outsiders does what it says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from cabinet.journal import verdict as verifying
from cabinet.journal.export import export
from cabinet.journal.reader import JournalReader
from cabinet.journal.receipt import receipt
from tests.journal.making import ORIGIN, OTHER_SIGNER, SIGNER

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "journal.md").read_text()


@pytest.fixture
def exported(seventy: Path, tmp_path: Path) -> Path:
    with JournalReader(seventy) as reader:
        export(reader, tmp_path / "out", [SIGNER.vkey])
    return tmp_path / "out"


EXPORT_PROGRAM, RECEIPT_PROGRAM = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


def outsider(given: Path, vkey: str, program: str = EXPORT_PROGRAM) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", "-c", program, str(given), vkey]
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


@pytest.mark.parametrize("n", [0, 33, 64, 69])
def test_an_outsider_verifies_a_receipt(seventy: Path, tmp_path: Path, n: int) -> None:
    """The 70 leaves stand in subtrees of 64, 4 and 2: paths of every shape."""
    file = tmp_path / "receipt"
    with JournalReader(seventy) as reader:
        data = receipt(reader, n, [SIGNER.vkey])
        (leaf,) = reader.leaves(n, n + 1)
    assert leaf.data is not None
    file.write_bytes(data)
    done = outsider(file, SIGNER.vkey, RECEIPT_PROGRAM)
    assert (done.returncode, done.stdout) == (0, f"leaf {n} of 70 of {ORIGIN}: {leaf.data.decode()}\n"), done


def test_an_outsider_finds_a_changed_receipt(seventy: Path, tmp_path: Path) -> None:
    file = tmp_path / "receipt"
    with JournalReader(seventy) as reader:
        whole = receipt(reader, 33, [SIGNER.vkey])
    leaf, other = (whole.split(b"\n")[1], whole.replace(b"\n70\n", b"\n71\n"))
    for changed in (whole.replace(leaf, leaf[:-8] + b"AAAAfQ=="), whole.replace(b"index 33", b"index 32"), other):
        assert changed != whole
        file.write_bytes(changed)
        assert outsider(file, SIGNER.vkey, RECEIPT_PROGRAM).returncode != 0
    file.write_bytes(whole)
    assert outsider(file, OTHER_SIGNER.vkey, RECEIPT_PROGRAM).returncode != 0


def test_every_result_and_rule_is_explained() -> None:
    for name in (*get_args(verifying.Result), *get_args(verifying.Rule)):
        assert f"`{name}`" in PAGE
