"""The next epoch of the journal, with the power cut at each step: the old one as it was, or the new one whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cabinet.journal.reader import JournalReader
from cabinet.journal.verify import verify
from tests.journal.making import ORIGIN, SIGNER, filled, opened
from tests.power_cut import recording
from tests.power_cut.disk import Disk, put
from tests.power_cut.recording import LetOut

HOWS = ("nothing", "everything", "some 1")
OPENS = """
import sys
from pathlib import Path
from cabinet.journal.opening import open_epoch
from cabinet.journal.sqlite_epoch import SqliteFolder
from tests.journal.making import DEVICE, ORIGIN, SIGNER, entry
entries = [entry(n, text="x" * 5_000) for n in range(7)]
open_epoch(SqliteFolder(Path(sys.argv[1])), 2, DEVICE, SIGNER.named(f"{ORIGIN}/e2"), entries, {"door/door": b"closed"})
"""

pytestmark = pytest.mark.skipif(recording.why_not() is not None, reason=str(recording.why_not()))


def test_the_old_one_or_the_new_one_whole(tmp_path: Path) -> None:
    state, log = tmp_path / "state", tmp_path / "strace.log"
    filled(state, 7)
    disk = Disk.of(state)
    command = [*recording.STRACE, "-o", str(log), "--", sys.executable, "-c", OPENS, str(state)]
    subprocess.run(command, check=True, timeout=60, cwd=Path(__file__).parents[2])
    found: list[int] = []
    seen: list[dict[str, bytes]] = []
    events = [event for event in recording.read(log, state) if not isinstance(event, LetOut)]
    for number, event in enumerate([*events, None]):
        for how in HOWS:
            files = disk.after_a_cut(how)
            if files not in seen:
                put(files, state, tmp_path / "left")
                seen.append(files)
                found.append(_goes_on(tmp_path / "left", f"cut {number} before {event}, {how}"))
        if event is not None:
            disk.take(event)
    assert set(found) == {1, 2}
    put(disk.after_a_cut("nothing"), state, tmp_path / "left")
    assert _goes_on(tmp_path / "left", "the end") == 2, "it is there for sure"


def _goes_on(folder: Path, when: str) -> int:
    journal = opened(folder)
    epoch, size, rows = journal.epoch, journal.size, journal.state()
    journal.close()
    assert (epoch, size, rows) in ((1, 7, {}), (2, 7, {"door/door": b"closed"})), when
    with JournalReader(folder) as reader:
        origin = ORIGIN if epoch == 1 else f"{ORIGIN}/e{epoch}"
        assert verify(reader, SIGNER.named(origin).vkey).result == "verified", when
    return epoch
