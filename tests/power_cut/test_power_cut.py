"""The real files: all that the real daemon writes during a visit is recorded, the power is cut at each step, and the
journal is opened with what is left.

With --every-cut the daemon itself is started after each cut, some 700 times, which takes about 20 minutes."""

from __future__ import annotations

import json
import select
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

import pytest

from cabinet.journal.errors import JournalError
from tests.daemon.harness import BIN, LOOK_AGAIN_S, Cabinet
from tests.daemon.lines import PATIENCE_S
from tests.daemon.people import LIN
from tests.daemon.records import Records
from tests.daemon.template import make_state
from tests.power_cut import recording
from tests.power_cut.disk import Disk, put
from tests.power_cut.recording import Event, LetOut, Synced

HOWS = ("nothing", "everything", "some 1", "some 2")
STARTS = 3
"""Of the real daemon, without --every-cut."""
FLASH_ON = b"\x05\x02"
"""Function and first byte of the address of the command that gives a coil current."""

pytestmark = pytest.mark.skipif(recording.why_not() is not None, reason=str(recording.why_not()))


@dataclass(frozen=True, slots=True)
class Recorded:
    """A visit: the files before it, what happened to them, and all leaves in the end."""

    state: Path
    before: Path
    events: list[Event]
    leaves: list[bytes]


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_state(tmp_path_factory.mktemp("template"))


@pytest.fixture(scope="module")
def visit(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    return _record(template, tmp_path_factory.mktemp("visit"), [str(BIN / "cabinetd")])


def _record(template: Path, folder: Path, daemon: list[str]) -> Recorded:
    log = folder / "strace.log"
    with Cabinet(state=template, daemon=False) as cabinet:
        state = cabinet.state
        cabinet.start(command=[*recording.STRACE, "-o", str(log), "--", *daemon])
        cabinet.mark()
        cabinet.badge(LIN.cards[0])
        cabinet.world("press 1#")
        cabinet.take(1)
        cabinet.put_back(1)
        cabinet.close_door()
        assert cabinet.end() == 0
        until(lambda: recording.is_whole(log), "the end of the recording")
        leaves = [json.dumps(leaf).encode() for leaf in Records(cabinet.folder).check()]
        events = recording.read(log, state)
    return Recorded(state, template, events, leaves)


def until(holds: Callable[[], bool], what: str) -> None:
    end_s = monotonic() + PATIENCE_S
    while not holds():
        assert monotonic() < end_s, f"{what}: not within {PATIENCE_S:g} s"
        select.select([], [], [], LOOK_AGAIN_S)


def _cuts(visit: Recorded) -> Iterator[tuple[int, Disk, list[bytes]]]:
    """Before each event and after the last: its number, the disk, and what was let out until then."""
    disk, out = Disk.of(visit.before), list[bytes]()
    disk.files = {str(visit.state / Path(path).relative_to(visit.before)): data for path, data in disk.files.items()}
    for number, event in enumerate(visit.events):
        if not isinstance(event, LetOut):
            yield number, disk, out
        if isinstance(event, LetOut):
            out.append(event.data)
        disk.take(event)
    yield len(visit.events), disk, out


def _told(out: list[bytes]) -> dict[int, Any]:
    """Leaves that `watch` has told somebody of, by index."""
    found = {}
    for line in b"".join(one for one in out if one.startswith(b'{"')).splitlines():
        message = json.loads(line)
        if message.get("method") == "leaf":
            found[message["params"]["n"]] = message["params"]["leaf"]
    return found


def _lost(files: dict[str, bytes], visit: Recorded, out: list[bytes], folder: Path) -> str | None:
    """What is wrong with what a power cut left, None: nothing."""
    put(files, visit.state, folder / "state")
    try:
        leaves = Records(folder).check()
    except (JournalError, AssertionError) as error:
        return f"not verified: {error}"
    last = [json.loads(leaf) for leaf in visit.leaves]
    if leaves != last[: len(leaves)]:
        return "other leaves than were written"
    for n, leaf in _told(out).items():
        if n >= len(leaves) or leaves[n] != leaf:
            return f"leaf {n} was told of, and is gone"
    pulses = sum(one[1:3] == FLASH_ON for one in out if len(one) == 8)
    if (granted := sum(leaf["ev"] == "item.granted" for leaf in leaves)) < pulses:
        return f"{pulses} pulses, and {granted} grants"
    return None


def test_nothing_is_lost_wherever_the_power_is_cut(visit: Recorded, tmp_path: Path) -> None:
    points = 0
    for number, disk, out in _cuts(visit):
        for how in HOWS:
            lost = _lost(disk.after_a_cut(how), visit, out, tmp_path)
            assert lost is None, f"power cut before {visit.events[number]}, {how} of the rest is kept: {lost}"
            points += 1
    synced = sum(isinstance(event, Synced) for event in visit.events)
    assert synced >= 8
    assert points > 4 * synced
    assert len(_told(out)) >= 4
    assert any(one[1:3] == FLASH_ON for one in out if len(one) == 8)


def test_the_daemon_starts_from_what_is_left(visit: Recorded, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    cuts = list(_left(visit))
    every = 1 if request.config.getoption("--every-cut") else max(1, len(cuts) // STARTS)
    for number, how, files, told in cuts[every // 2 :: every]:
        put(files, visit.state, tmp_path / "left")
        with Cabinet(state=tmp_path / "left", forked=True) as cabinet:
            leaves = cabinet.all_leaves()
            assert {n: leaves[n] for n in told} == told, f"{number} {how}"
            cabinet.mark()
            cabinet.badge(LIN.cards[0])
            cabinet.world("press 1#")
            cabinet.take(1)
            cabinet.put_back(1)
            cabinet.close_door()
            cabinet.at_rest()


def _left(visit: Recorded) -> Iterator[tuple[int, str, dict[str, bytes], dict[int, Any]]]:
    for number, disk, out in _cuts(visit):
        for how in HOWS[:3]:
            yield number, how, disk.after_a_cut(how), _told(out)


def test_a_journal_that_does_not_sync_is_found_out(template: Path, tmp_path: Path) -> None:
    """The same daemon, with one word of SQLite's settings changed."""
    unsynced = (
        "import sys; from cabinet.journal import connection; connection.WRITER_PRAGMAS['synchronous'] = 0;"
        "from cabinet.app import main; sys.exit(main(sys.argv[1:]))"
    )
    visit = _record(template, tmp_path, [sys.executable, "-c", unsynced])
    found = [_lost(disk.after_a_cut("nothing"), visit, out, tmp_path) for _, disk, out in _cuts(visit)]
    assert any(one is not None and "was told of, and is gone" in one for one in found)
