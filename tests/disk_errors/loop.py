"""The daemon under simulation over real files, once for every call to the disk that can fail: from there on all calls
fail, or that one alone, until people have tried in vain for a while; then the disk works again.

    DISK_PLAN=... LD_PRELOAD=... python -m tests.disk_errors.loop ERROR:HOW:FIRST:STEP[:MOST] ...

plays every STEP-th call from FIRST on, at most so many, and writes one JSON object a line: counts, and reports of what
was found. Judged by the
invariants of the simulation, and at the end by a full check of the journal and of roster.db."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from cabinet.core.ledger_rows import from_rows
from cabinet.journal.errors import JournalError
from cabinet.journal.leaf import glance
from cabinet.journal.note import Signer
from cabinet.journal.reader import JournalReader
from cabinet.journal.verify import verify
from cabinet.roster.store import Roster
from simulator.harness import happenings as seen
from simulator.harness.blueprint import blueprint
from simulator.harness.finding import find
from simulator.harness.memory_roster import CHEAPEST, KEYS, SIGNING_SEED, RosterShelf
from simulator.harness.simulation import Simulation
from simulator.harness.story_player import StoryPlayer
from simulator.story import Story, read_story
from tests.daemon.records import folded
from tests.disk_errors.injected import ERRORS, FOREVER, Error, Injected
from tests.disk_errors.real_files import ROSTER, FileShelf, RealFiles

HOWS: Final = {"once": 1, "on": FOREVER}
START_MS: Final = 1_773_133_200_000
"""2026-03-10 10:00 in Zurich."""
SEED: Final = 1


@dataclass(slots=True)
class Count:
    """`points`: calls at which the errors began. `calls`: how many there are in a run without any."""

    calls: int = 0
    points: int = 0
    failed: int = 0
    refused: int = 0
    """Runs in which a person was told that nothing can be recorded."""
    alarms: int = 0
    """Runs in which the journal tells of it afterwards."""
    restarts: int = 0
    findings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Played:
    seen: int
    failed: int
    refused: bool
    alarm: bool
    restarts: int
    finding: str | None


class FailingPlayer(StoryPlayer):
    """The disk fails from some call on; whether it still does is not for the story to say."""

    def __init__(self, story: Story, injected: Injected, error: Error, first: int, count: int) -> None:
        super().__init__(story, strict=False)
        self._injected = injected
        self._how = error, first, count

    async def play(self, simulation: Simulation) -> None:
        self._injected.begin(*self._how)
        simulation.witness.tell(seen.Broken("disk", self._how[0].name))
        await super().play(simulation)

    def _break(self, what: str, fault: str | None) -> None:
        if what == "disk":
            self._injected.end()
        super()._break(what, fault)


def explore(error: Error, how: str, first: int, step: int, most: int | None = None) -> Count:
    """Every `step`-th call from `first` on, at most so many. Blocks."""
    story = read_story("disk-errors", Path(__file__).parent)
    injected = Injected.here()
    undisturbed = _forked(lambda: _play(story, injected, error, FOREVER, 0))
    assert undisturbed.finding is None, undisturbed.finding
    count = Count(calls=undisturbed.seen)
    for at in range(first, count.calls, step)[:most]:
        played = _forked(lambda at=at: _play(story, injected, error, at, HOWS[how]))  # type: ignore[misc]
        count.points += 1
        count.failed += played.failed
        count.refused += played.refused
        count.alarms += played.alarm
        count.restarts += played.restarts
        if played.finding is not None:
            count.findings.append(f"{error.name} {how} {at}: {played.finding}")
    return count


def _play(story: Story, injected: Injected, error: Error, first: int, count: int) -> Played:
    with tempfile.TemporaryDirectory(dir=_in_memory()) as name:
        folder, plan = Path(name), blueprint()
        injected.watch(folder)
        assert isinstance(plan.shelf, RosterShelf)
        slots = [slot.number for slot in plan.config.table.slots]
        shelf = FileShelf(plan.shelf, folder, plan.config.cabinet.site, slots, injected)
        with injected.aside():
            shelf.restore()
        disk = RealFiles(folder, injected)
        simulation = Simulation(SEED, start_ms=START_MS, disk=disk, shelf=shelf)
        refusals: list[str] = []
        simulation.witness.listeners.append(lambda _, what: _refusal(what, refusals))
        finding = find(simulation, FailingPlayer(story, injected, error, first, count).play, f"first {first}")
        seen_, failed = injected.seen, injected.failed
        with injected.aside():
            leaves, wrong = _checked(folder, plan.config.cabinet.site, slots)
        return Played(
            seen_,
            failed,
            bool(refusals),
            any(leaf.get("code") == "journal.failed" for leaf in leaves),
            sum(leaf["ev"] == "cabinet.started" for leaf in leaves) - 1,
            finding.report if finding is not None else wrong,
        )


def _checked(folder: Path, site: str, slots: list[int]) -> tuple[list[dict[str, Any]], str | None]:
    """All leaves, and what is wrong with what lies in the folder."""
    try:
        with JournalReader(folder) as reader:
            verdict = verify(reader, Signer(blueprint().config.origin, SIGNING_SEED).vkey)
            leaves = [glance(one.data) for one in reader.leaves() if one.data is not None]
            rows = reader.state()
    except JournalError as error:
        return [], str(error)
    if verdict.result != "verified":
        return leaves, f"the journal: {verdict}"
    if from_rows(rows) != folded(leaves):
        return leaves, "the state is not what the leaves say"
    # A copy: what was opened while the disk was read-only is so for all of this process.
    copy = folder / "copy"
    copy.mkdir()
    for path in folder.glob(f"{ROSTER}*"):
        if not path.name.endswith("-shm"):
            shutil.copy(path, copy)
    roster = Roster.open(copy / ROSTER, KEYS, site, first_pin_cost=lambda: CHEAPEST, slots=slots)
    said = [(leaf["roster"], leaf["digest"]) for leaf in leaves if "roster" in leaf]
    if said and said[-1] != (roster.version, roster.digest):
        return leaves, f"roster.db is of version {roster.version}, the journal says {said[-1][0]}"
    roster.close()
    return leaves, None


def _refusal(what: object, refusals: list[str]) -> None:
    if isinstance(what, seen.Screen) and what.text.startswith(("The cabinet cannot record", "暂时无法记录")):
        refusals.append(what.text)


def _forked(play: Callable[[], Played]) -> Played:
    """Each in a process of its own: whatever one leaves open is gone."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            with os.fdopen(theirs, "w") as pipe:
                json.dump(asdict(play()), pipe)
            os._exit(0)
        except Exception:  # noqa: BLE001 - the parent is told by the status
            traceback.print_exc()
        finally:
            os._exit(1)
    os.close(theirs)
    with os.fdopen(ours) as pipe:
        told = pipe.read()
    _, status = os.waitpid(child, 0)
    assert status == 0, "a run came to grief; its traceback is above"
    return Played(**json.loads(told))


def _in_memory() -> str | None:
    """No sync needs to reach a disk here."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


def main(arguments: list[str]) -> None:
    blueprint()
    for argument in arguments:
        name, how, *numbers = argument.split(":")
        print(json.dumps(asdict(explore(ERRORS[name], how, *map(int, numbers)))), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
