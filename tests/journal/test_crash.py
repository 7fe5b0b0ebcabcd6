"""Killed without warning: whatever append had answered is there afterwards, and the file verifies."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from cabinet.journal.reader import JournalReader
from cabinet.journal.tree import Frontier
from cabinet.journal.verify import verify
from tests.journal.making import SIGNER, opened

APPENDING = """
import sys
from pathlib import Path
from tests.journal.making import entry, opened

journal = opened(Path(sys.argv[1]))
while True:
    number = journal.size
    commit = journal.append([entry(number + offset) for offset in range(number % 4 + 1)], {"last": b"%d" % number})
    print(commit.first, commit.size, journal.root.hex(), flush=True)
"""


def test_kill_minus_nine(tmp_path: Path) -> None:
    size = 0
    for answers in (1, 7, 40):
        reported = _killed_after(tmp_path, answers)
        assert reported, "it went on where the last one was cut"
        first, last, root = reported[-1]
        assert reported[0][0] >= size
        size = _check(tmp_path, int(first), int(last), root)
    journal = opened(tmp_path)
    assert journal.size == size
    journal.close()


def _killed_after(folder: Path, answers: int) -> list[tuple[int, int, str]]:
    """What a child reported before SIGKILL hit it in the middle of something."""
    process = subprocess.Popen(
        [sys.executable, "-c", APPENDING, str(folder)], cwd=Path(__file__).parents[2], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(answers)]
    process.send_signal(signal.SIGKILL)
    lines += process.stdout.readlines()
    process.stdout.close()
    assert process.wait(10) == -signal.SIGKILL
    whole = [line.split() for line in lines if line.endswith("\n")]
    return [(int(first), int(last), root) for first, last, root in whole]


def _check(folder: Path, first: int, size: int, root: str) -> int:
    with JournalReader(folder) as reader:
        verdict = verify(reader, SIGNER.vkey)
        assert verdict.result == "verified", verdict
        assert size <= verdict.size <= size + 4, "at most the transaction that was not answered yet"
        assert Frontier.read(size, reader.node).root().hex() == root
        assert int(reader.state()["last"]) >= first
        return verdict.size
