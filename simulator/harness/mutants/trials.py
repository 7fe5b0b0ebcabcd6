"""Where a planted bug has to be caught: each trial is a part of the simulation that is clean without it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol

from simulator.harness.crash import Explorer, Point
from simulator.harness.finding import Finding, find
from simulator.harness.random_days import RandomDays
from simulator.harness.run import settings_of
from simulator.harness.simulation import Simulation
from simulator.story import read_story

SEED: Final = 1


@dataclass(frozen=True, slots=True)
class Caught:
    """`again` looks at the same place once more; there it is clean without the bug."""

    finding: Finding
    seed: int
    again: Callable[[], Finding | None]


class Trial(Protocol):
    def look(self) -> Caught | None:
        """Blocks. None: nothing is found."""
        ...


@dataclass(frozen=True, slots=True)
class Days:
    seed: int
    hours: float

    def look(self) -> Caught | None:
        finding = self._play()
        return None if finding is None else Caught(finding, self.seed, self._play)

    def _play(self) -> Finding | None:
        replay = f"python -m simulator run --seed {self.seed} --hours {self.hours:g}"
        return find(Simulation(self.seed, settings=settings_of(self.seed)), RandomDays(self.hours).play, replay)


@dataclass(frozen=True, slots=True)
class Crashed:
    """A story, as it is written and then with a crash at each boundary, until something is found."""

    scenario: str
    level: str = "capability"

    def look(self) -> Caught | None:
        explorer = Explorer(read_story(self.scenario), SEED, self.level)
        for point in explorer.walk(1):
            if point.finding is not None:
                return Caught(point.finding, SEED, partial(_again, explorer, point))
        return None


def _again(explorer: Explorer, point: Point) -> Finding | None:
    return explorer.play(point.path).finding


@dataclass(frozen=True, slots=True)
class Plot:
    """What no story has words for."""

    play: Callable[[Simulation], Coroutine[Any, Any, None]]
    level: str = "capability"

    def look(self) -> Caught | None:
        finding = self._play()
        return None if finding is None else Caught(finding, SEED, self._play)

    def _play(self) -> Finding | None:
        return find(Simulation(SEED, self.level), self.play, f"no command; the plot is {self.play.__name__}")


@dataclass(frozen=True, slots=True)
class Weeks:
    """A cabinet that goes back to its backups."""

    seed: int
    acts: int

    def look(self) -> Caught | None:
        finding = self._live()
        return None if finding is None else Caught(finding, self.seed, self._live)

    def _live(self) -> Finding | None:
        from simulator.harness.restoring import live  # with all that reads and writes databases: for these alone

        return live(self.seed, self.acts, f"python -m simulator restores --seed {self.seed} --acts {self.acts}")[1]
