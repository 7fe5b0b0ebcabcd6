"""The crash explorer: a story is played again and again, and each time it crashes at another boundary, by SIGKILL or by
a power cut; and with more depth once more at each boundary of the recovery.

A boundary is a step at which a run could end with something else on the disk, on a coil or on a screen: before,
during and after a write, and at each effect. Nothing but the seed and the places of the crashes decides what happens,
so a run is played again from these.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Literal

from simulator.harness.finding import Finding, find
from simulator.harness.shares import share
from simulator.harness.simulation import Simulation
from simulator.harness.story_player import StoryPlayer, starts_ms
from simulator.harness.witness import Listener
from simulator.story import Story

How = Literal["kill", "power-cut"]
HOWS: Final[tuple[How, ...]] = ("kill", "power-cut")
DARK_S: Final = 3.0
"""How long the power is away."""
RECOVERY_S: Final = 12.0
"""So long after a crash a boundary is one of the recovery: the board has booted, and every device is found."""
FINDINGS_MAX: Final = 20


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
    """`points`: crashes tried, one run each, by how many there were in it. Findings are failure reports."""

    points: list[int]
    findings: list[str] = field(default_factory=list)

    @property
    def runs(self) -> int:
        return sum(self.points)


class Explorer:
    """Of one story, level and seed."""

    def __init__(self, story: Story, seed: int, level: str = "capability") -> None:
        self._story = story
        self._seed = seed
        self._level = level

    def explore(self, depth: int, shares: int | None = None) -> Exploration:
        """All crashes, up to `depth` in one run, on all processors. Blocks."""

        def work(index: int, of: int) -> tuple[list[int], list[str]]:
            done = Exploration([0] * (depth + 1))
            for path, finding in self.walk(depth, index, of):
                # Each share plays it without a crash, to know the places; it counts once.
                done.points[len(path)] += bool(path) or index == 0
                if finding is not None and len(done.findings) < FINDINGS_MAX:
                    done.findings.append(finding.report)
            return done.points, done.findings

        total = Exploration([0] * (depth + 1))
        for points, findings in share(work, shares):
            total.points = [sum(pair) for pair in zip(total.points, points, strict=True)]
            total.findings += [one for one in findings if one not in total.findings]
        return total

    def walk(self, depth: int, index: int = 0, of: int = 1) -> Iterator[tuple[Path, Finding | None]]:
        """One run after the other, that without a crash first; of the first crashes every `of`-th place."""
        boundaries, finding = self.play(())
        yield (), finding
        for at in range(index, boundaries, of):
            for how in HOWS:
                yield from self._deepen((Crash(at, how),), depth)

    def play(self, path: Path, listener: Listener | None = None) -> tuple[int, Finding | None]:
        """One run with these crashes: how many boundaries came after the last of them, and what was found. Blocks."""
        simulation = Simulation(self._seed, self._level, start_ms=starts_ms(self._story))
        if listener is not None:
            simulation.witness.listeners.append(listener)
        player = CrashingPlayer(self._story, path)
        finding = find(simulation, player.play, self._command(path))
        return player.boundaries, finding

    def _deepen(self, path: Path, depth: int) -> Iterator[tuple[Path, Finding | None]]:
        boundaries, finding = self.play(path)
        yield path, finding
        if len(path) < depth:
            for at in range(boundaries):
                for how in HOWS:
                    yield from self._deepen((*path, Crash(at, how)), depth)

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
        self.boundaries = 0
        """Since the last crash."""
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
        at, self.boundaries = self.boundaries, self.boundaries + 1
        if self._crashes < len(self._path) and self._path[self._crashes].at == at:
            self._crash(self._path[self._crashes])

    def _crash(self, crash: Crash) -> None:
        self._crashes += 1
        self.boundaries = 0
        self._crashed_s = self._simulation.loop.time()
        if crash.how == "kill":
            self._cabinet.kill()
        else:
            self._cabinet.power_fails(DARK_S)
