"""Runs and crashes of more and more seeds, on all processors, as long as there is time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import count, islice
from time import monotonic

from simulator.harness.crash import FINDINGS_MAX, Explorer, Point
from simulator.harness.run import Run, run_days
from simulator.harness.shares import share
from simulator.story import names, read_story

WIRE_HOURS = 0.25
"""Byte for byte takes a hundred times as long; a short run each time does not let it rot."""
CRASHES_A_ROUND = 8_000
DEPTH = 2
DEPTH_UPSTREAM = 1
"""Where all has to arrive upstream, a run takes minutes of simulated time."""


@dataclass(slots=True)
class Tally:
    """`hours` are simulated; `findings` failure reports, at most FINDINGS_MAX."""

    seeds: int = 0
    hours: float = 0.0
    wire_hours: float = 0.0
    visits: int = 0
    events: int = 0
    crashes: int = 0
    crash_runs: int = 0
    violations: int = 0
    findings: list[str] = field(default_factory=list)

    def add(self, other: Tally) -> None:
        for name in ("seeds", "hours", "wire_hours", "visits", "events", "crashes", "crash_runs", "violations"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.findings = (self.findings + other.findings)[:FINDINGS_MAX]

    def ran(self, run: Run) -> None:
        if run.level == "wire":
            self.wire_hours += run.hours
        else:
            self.hours += run.hours
        self.visits += run.visits
        self.events += run.events
        self._found(run.finding)

    def crashed(self, point: Point) -> None:
        self.crashes += 1
        self.crash_runs += point.played
        self._found(point.finding.report if point.finding else None)

    def _found(self, report: str | None) -> None:
        self.violations += report is not None
        if report is not None and len(self.findings) < FINDINGS_MAX:
            self.findings.append(report)


def simulate(seed: int, hours: float, minutes: float | None = None, shares: int | None = None) -> Tally:
    """A round on each processor, the first with `seed`; with `minutes` rounds until then. Days that have begun
    are brought to their end. Blocks."""
    until_s = None if minutes is None else monotonic() + minutes * 60

    def work(index: int, of: int) -> dict[str, object]:
        tally, crashes = Tally(), _crashes(seed, index, of)
        for one in count(seed + index, of):
            tally.seeds += 1
            tally.ran(run_days(one, hours))
            tally.ran(run_days(one, WIRE_HOURS, "wire"))
            for point in islice(crashes, CRASHES_A_ROUND):
                tally.crashed(point)
                if until_s is not None and monotonic() >= until_s:
                    break
            if until_s is None or monotonic() >= until_s:
                break
        return asdict(tally)

    total = Tally()
    for part in share(work, shares):
        total.add(Tally(**part))
    return total


def _crashes(seed: int, index: int, of: int) -> Iterator[Point]:
    """Without end: all scenarios with a seed, then with the next. Each share begins elsewhere."""
    for one in count(seed):
        known = names()
        first = index * len(known) // of
        for name in (*known[first:], *known[:first]):
            story = read_story(name)
            depth = DEPTH_UPSTREAM if story.is_about_upstream else DEPTH
            walk = Explorer(story, one).walk(depth, index, of)
            yield from (point for point in walk if point.path)
