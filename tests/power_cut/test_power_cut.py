"""The real files: all that the real daemon writes during a visit, a change of the roster and two acknowledgements is
recorded, the power is cut at each step, and journal and roster are opened with what is left.

With --every-cut the daemon itself is started from each disk that a cut can leave, which takes about 20 minutes."""

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

from cabinet.control.client import Client
from cabinet.journal import checkpoint, note
from cabinet.journal.errors import JournalError
from cabinet.journal.note import COSIGNATURE, Note, Signer
from cabinet.journal.reader import JournalReader
from cabinet.journal.tree import Frontier
from cabinet.roster.store import Roster
from cabinet.roster.tables import RosterUnusable
from cabinet.vault import device_key
from cabinet.vault.pin import PinCost
from tests.daemon.harness import BIN, LOOK_AGAIN_S, Cabinet, configured
from tests.daemon.lines import PATIENCE_S
from tests.daemon.people import LIN, SEVERIN
from tests.daemon.records import Records
from tests.daemon.template import make_state
from tests.power_cut import recording
from tests.power_cut.disk import Disk, digest, put
from tests.power_cut.recording import Event, LetOut, Synced

HOWS = ("nothing", "everything", "some 1", "some 2")
STARTS = 3
"""Of the real daemon, without --every-cut."""
EVERY = 4
"""So many steps from one cut to the next; --every-cut cuts at each."""
FLASH_ON = b"\x05\x02"
"""Function and first byte of the address of the command that gives a coil current."""

pytestmark = pytest.mark.skipif(recording.why_not() is not None, reason=str(recording.why_not()))


COLLECTOR = Signer("collector.demo/one", bytes(range(32)), COSIGNATURE)
CONFIG = configured() + f'\n[upstream]\ndelivery_keys = ["{COLLECTOR.vkey}"]\n'


@dataclass(frozen=True, slots=True)
class Left:
    """What a disk holds after a cut: all leaves, the root at each size, how far upstream has acknowledged, and the
    version of the roster."""

    leaves: list[dict[str, Any]]
    roots: list[bytes]
    acked: int
    roster: int


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
    with Cabinet(config=CONFIG, state=template, daemon=False) as cabinet:
        state = cabinet.state
        cabinet.start(command=[*recording.STRACE, "-o", str(log), "--", *daemon])
        cabinet.mark()
        cabinet.badge(LIN.cards[0])
        cabinet.world("press 1#")
        cabinet.take(1)
        with Client(cabinet.uplink) as uplink:
            deliver(uplink)
            cabinet.change("person.suspend", person=SEVERIN.id)
            cabinet.put_back(1)
            deliver(uplink)
        cabinet.close_door()
        assert cabinet.end() == 0
        until(lambda: recording.is_whole(log), "the end of the recording")
        leaves = [json.dumps(leaf).encode() for leaf in Records(cabinet.folder).check()]
        events = recording.read(log, state)
    return Recorded(state, template, events, leaves)


def deliver(uplink: Client) -> None:
    """As the uplink does it: all that upstream has not acknowledged goes there, and is acknowledged."""
    head = uplink.call("upstream.head")
    while head["acked"] < head["size"]:
        batch = uplink.call("upstream.batch", {"from": head["acked"]})
        signed = note.parse(batch["checkpoint"].encode())
        cosigned = Note(signed.text, (*signed.signatures, COLLECTOR.cosign(signed.text, 1_767_225_600)))
        assert uplink.call("upstream.ack", {"note": cosigned.encode().decode()})["counted"]
        head = uplink.call("upstream.head")


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


def _messages(out: list[bytes]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in b"".join(one for one in out if one.startswith(b'{"')).splitlines()]


def _told(messages: list[dict[str, Any]]) -> dict[int, Any]:
    """Leaves that `watch` has told somebody of, by index."""
    told = (message["params"] for message in messages if message.get("method") == "leaf")
    return {params["n"]: params["leaf"] for params in told}


def _left(files: dict[str, bytes], visit: Recorded, folder: Path) -> Left:
    """Raises JournalError, RosterUnusable, AssertionError for what is no journal and roster any more."""
    put(files, visit.state, folder / "state")
    leaves, state = Records(folder).check(), folder / "state"
    frontier = Frontier()
    roots = [frontier.root()]
    with JournalReader(state) as reader:
        for stored in reader.leaves():
            frontier.push(stored.hash)
            roots.append(frontier.root())
        acked = reader.acknowledged()
    keys = device_key.open_or_create(state, journal_exists=True)
    roster = Roster.open(state / "roster.db", keys, "demo", first_pin_cost=lambda: PinCost(1))
    roster.close()
    return Left(leaves, roots, acked, roster.version)


def _lost(left: Left, visit: Recorded, out: list[bytes]) -> str | None:
    """What somebody was told or given and is not there any more, None: nothing."""
    messages = _messages(out)
    last = [json.loads(leaf) for leaf in visit.leaves]
    if left.leaves != last[: len(left.leaves)]:
        return "other leaves than were written"
    for n, leaf in _told(messages).items():
        if n >= len(left.leaves) or left.leaves[n] != leaf:
            return f"leaf {n} was told of, and is gone"
    pulses = sum(one[1:3] == FLASH_ON for one in out if len(one) == 8)
    if (granted := sum(leaf["ev"] == "item.granted" for leaf in left.leaves)) < pulses:
        return f"{pulses} pulses, and {granted} grants"
    for result in (message["result"] for message in messages if isinstance(message.get("result"), dict)):
        if "checkpoint" in result:
            sent = checkpoint.parse(note.parse(result["checkpoint"].encode()).text)
            if sent.size >= len(left.roots) or left.roots[sent.size] != sent.root:
                return f"a checkpoint of {sent.size} leaves was sent, and is not of this tree"
        if result.get("counted") and left.acked < result["acked"]:
            return f"acknowledged up to {result['acked']}, and only {left.acked} are known to be"
        if "summary" in result and left.roster < result["version"]:
            return f"version {result['version']} of the roster was confirmed, and {left.roster} is there"
    announced = max((leaf["roster"] for leaf in left.leaves if "roster" in leaf), default=0)
    if left.roster > announced:
        return f"the roster is of version {left.roster}, and the journal knows of {announced}"
    return None


def _judge(visit: Recorded, folder: Path) -> Callable[[dict[str, bytes], list[bytes]], str | None]:
    """What a disk holds is looked up once, however many cuts leave it."""
    known: dict[bytes, Left | str] = {}

    def judge(files: dict[str, bytes], out: list[bytes]) -> str | None:
        name = digest(files)
        if name not in known:
            try:
                known[name] = _left(files, visit, folder)
            except (JournalError, RosterUnusable, OSError, AssertionError) as error:
                known[name] = f"not verified: {error}"
        left = known[name]
        return left if isinstance(left, str) else _lost(left, visit, out)

    return judge


def test_nothing_is_lost_wherever_the_power_is_cut(
    visit: Recorded, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    judge, points, every = _judge(visit, tmp_path), 0, 1 if request.config.getoption("--every-cut") else EVERY
    for number, disk, out in _cuts(visit):
        for how in HOWS if number % every == 0 else ():
            lost = judge(disk.after_a_cut(how), out)
            assert lost is None, f"power cut before {visit.events[number]}, {how} of the rest is kept: {lost}"
            points += 1
    synced = sum(isinstance(event, Synced) for event in visit.events)
    assert synced >= 8
    assert points > 4 * synced / every
    messages = _messages(out)
    results = [message["result"] for message in messages if isinstance(message.get("result"), dict)]
    assert len(_told(messages)) >= 4
    assert any(one[1:3] == FLASH_ON for one in out if len(one) == 8)
    assert sum("checkpoint" in result for result in results) >= 2
    assert sum("summary" in result for result in results) == 1
    print(f"{points} cuts, {synced} syncs")


def test_the_daemon_starts_from_what_is_left(visit: Recorded, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    left = list(_disks(visit).values())
    every = 1 if request.config.getoption("--every-cut") else max(1, len(left) // STARTS)
    for number, how, files, told in left[every // 2 :: every]:
        put(files, visit.state, tmp_path / "left")
        with Cabinet(config=CONFIG, state=tmp_path / "left", forked=True) as cabinet:
            leaves = cabinet.all_leaves()
            assert {n: leaves[n] for n in told} == told, f"{number} {how}"
            cabinet.mark()
            cabinet.badge(LIN.cards[0])
            cabinet.world("press 1#")
            cabinet.take(1)
            cabinet.put_back(1)
            cabinet.close_door()
            cabinet.at_rest()
    print(f"started from {len(left[every // 2 :: every])} of {len(left)} disks")


def _disks(visit: Recorded) -> dict[bytes, tuple[int, str, dict[str, bytes], dict[int, Any]]]:
    """Each disk that a cut can leave, once: with the last of its cuts, when most had been told."""
    found = {}
    for number, disk, out in _cuts(visit):
        for how in HOWS[:3]:
            files = disk.after_a_cut(how)
            found[digest(files)] = number, how, files, _told(_messages(out))
    return found


def test_a_journal_that_does_not_sync_is_found_out(template: Path, tmp_path: Path) -> None:
    """The same daemon, with one word of SQLite's settings changed."""
    unsynced = (
        "import sys; from cabinet.journal import connection; connection.WRITER_PRAGMAS['synchronous'] = 0;"
        "from cabinet.app import main; sys.exit(main(sys.argv[1:]))"
    )
    visit = _record(template, tmp_path, [sys.executable, "-c", unsynced])
    judge = _judge(visit, tmp_path)
    found = [judge(disk.after_a_cut("nothing"), out) for _, disk, out in _cuts(visit)]
    assert any(one is not None and "was told of, and is gone" in one for one in found)
