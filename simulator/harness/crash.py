"""The crash explorer: a story is played again and again, and each time it crashes at another boundary, by SIGKILL or by
a power cut; and with more depth once more at each boundary of the recovery.

A boundary is a step at which a run could end with something else on the disk, on a coil or on a screen: before,
during and after a write, and at each effect. Nothing but the seed and the places of the crashes decides what happens,
so a run is played again from these.

A crash before a lamp is lit and one after it leave the same disk and the same bolts: of boundaries with nothing but
lamps and tones between them only the first is played, and the others count as covered by it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from simulator.harness.finding import Finding, find
from simulator.harness.shares import share
from simulator.harness.simulation import Simulation
from simulator.harness.story_player import StoryPlayer, cabinet_of
from simulator.harness.witness import Listener
from simulator.story import Story

How = Literal["kill", "power-cut"]
HOWS: Final[tuple[How, ...]] = ("kill", "power-cut")
DARK_S: Final = 3.0
"""How long the power is away."""
RECOVERY_S: Final = 12.0
"""So long after a crash a boundary is one of the recovery: the board has booted, and every device is found."""
FINDINGS_MAX: Final = 20
UNFELT: Final = frozenset(("effect Light", "effect Sound"))
"""What only waits for its device when the boundary is passed: nobody has seen or heard it yet."""


@dataclass(frozen=True, slots=True)
class Crash:
    """`at`: the boundaries since the crash before it, or since the beginning, count from 0."""

    at: int
    how: How

    def __str__(self) -> str:
        return f"{self.at}:{self.how}"


Path = tuple[Crash, ...]


def parse_path(text: str) -> Path:
    """`17:kill,4:power-cut`. Raises ValueError."""
    path = []
    for part in text.split(","):
        at, _, how = part.partition(":")
        if not (at.isascii() and at.isdigit()) or how not in HOWS:
            raise ValueError(f"{part!r} is no crash; one is a number, a colon, and {' or '.join(HOWS)}")
        path.append(Crash(int(at), "kill" if how == "kill" else "power-cut"))
    return tuple(path)


@dataclass(slots=True)
class Exploration:
    """`points`: crashes covered, by how many there were in one run. Findings are failure reports."""

    points: list[int]
    runs: int = 0
    violations: int = 0
    findings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Point:
    """`played` False: covered by an earlier one that ends in the same state."""

    path: Path
    finding: Finding | None
    played: bool


@dataclass(frozen=True, slots=True)
class Played:
    """`groups`: the boundaries since the last crash; those of one group are the same to all that outlives a crash."""

    groups: list[list[int]]
    finding: Finding | None


class Explorer:
    """Of one story, level and seed."""

    def __init__(self, story: Story, seed: int, level: str = "capability") -> None:
        self._story = story
        self._seed = seed
        self._level = level

    def explore(self, depth: int, shares: int | None = None) -> Exploration:
        """All crashes, up to `depth` in one run, on all processors. Blocks."""

        def work(index: int, of: int) -> tuple[list[int], int, int, list[str]]:
            done = Exploration([0] * (depth + 1))
            for point in self.walk(depth, index, of):
                # Each share plays it without a crash, to know the places; it counts once.
                done.points[len(point.path)] += bool(point.path) or index == 0
                done.runs += point.played
                if point.finding is not None:
                    done.violations += 1
                    done.findings = [*done.findings, point.finding.report][:FINDINGS_MAX]
            return done.points, done.runs, done.violations, done.findings

        total = Exploration([0] * (depth + 1))
        for points, runs, violations, findings in share(work, shares):
            total.points = [sum(pair) for pair in zip(total.points, points, strict=True)]
            total.runs += runs
            total.violations += violations
            total.findings += [one for one in findings if one not in total.findings]
        return total

    def walk(self, depth: int, index: int = 0, of: int = 1) -> Iterator[Point]:
        """One run after the other, that without a crash first; of the first crashes every `of`-th group."""
        played = self.play(())
        yield Point((), played.finding, True)
        for group in played.groups[index::of] if depth else ():
            yield from self._crashes((), group, depth)

    def play(self, path: Path, listener: Listener | None = None) -> Played:
        """One run with these crashes. Blocks."""
        simulation = cabinet_of(self._story, self._seed, self._level)
        if listener is not None:
            simulation.witness.listeners.append(listener)
        player = CrashingPlayer(self._story, path)
        finding = find(simulation, player.play, self._command(path))
        return Played(player.groups, finding)

    def _crashes(self, before: Path, group: list[int], depth: int) -> Iterator[Point]:
        for how in HOWS:
            tree = []
            for point in self._tree((*before, Crash(group[0], how)), depth):
                tree.append(point.path[len(before) + 1 :])
                yield point
            for at in group[1:]:
                yield from (Point((*before, Crash(at, how), *rest), None, False) for rest in tree)

    def _tree(self, path: Path, depth: int) -> Iterator[Point]:
        played = self.play(path)
        yield Point(path, played.finding, True)
        for group in played.groups if len(path) < depth else ():
            yield from self._crashes(path, group, depth)

    def _command(self, path: Path) -> str:
        return " ".join(self._words(path))

    def _words(self, path: Path) -> Iterator[str]:
        yield f"python -m simulator crash --scenario {self._story.name} --seed {self._seed}"
        if self._level != "capability":
            yield f"--level {self._level}"
        yield f"--at {','.join(map(str, path))}" if path else "--depth 0"


class CrashingPlayer(StoryPlayer):
    """Crashes at the places of `path`."""

    def __init__(self, story: Story, path: Path) -> None:
        super().__init__(story, strict=False)
        self.groups: list[list[int]] = []
        """Boundaries since the last crash."""
        self._boundaries = 0
        self._passed: tuple[str, tuple[int, int]] = "", (0, 0)
        self._path = path
        self._crashes = 0
        self._crashed_s = float("-inf")

    async def play(self, simulation: Simulation) -> None:
        simulation.cabinet.boundaries.append(self._passes)
        await super().play(simulation)

    def _ends_early(self) -> bool:
        """Deep ones are too many to be played to the end: after the last recovery all is said."""
        return self._crashes > 1 and self._crashes == len(self._path) and not self._recovers()

    async def _prove(self) -> None:
        if self._crashes <= 1:
            await super()._prove()

    def _recovers(self) -> bool:
        return self._simulation.loop.time() <= self._crashed_s + RECOVERY_S

    def _passes(self, boundary: str) -> None:
        if boundary == "published" or self.stage == "afterwards" or not self._cabinet.powered:
            return
        if self._crashes and not self._recovers():
            return
        at, self._boundaries = self._boundaries, self._boundaries + 1
        if self._crashes < len(self._path) and self._path[self._crashes].at == at:
            self._crash(self._path[self._crashes])
            return
        (before, turn), self._passed = self._passed, (boundary, self._simulation.loop.turn)
        if before in UNFELT and boundary.startswith("effect ") and self._passed[1] == turn:
            self.groups[-1].append(at)
        else:
            self.groups.append([at])

    def _crash(self, crash: Crash) -> None:
        self._crashes += 1
        self._boundaries, self.groups, self._passed = 0, [], ("", (0, 0))
        self._crashed_s = self._simulation.loop.time()
        if crash.how == "kill":
            self._cabinet.kill()
        else:
            self._cabinet.power_fails(DARK_S)
