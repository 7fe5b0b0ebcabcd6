"""One run of random days, and what it was like."""

from __future__ import annotations

import gc
from dataclasses import dataclass
from time import perf_counter

from simulator.harness.blueprint import READERS, Settings, blueprint
from simulator.harness.finding import find
from simulator.harness.random_days import RandomDays
from simulator.harness.simulation import Simulation
from simulator.harness.troubles import GROUPS, Group
from simulator.harness.witness import Digest, Listener

_GC_EVERY = 50_000


@dataclass(frozen=True, slots=True)
class Run:
    seed: int
    level: str
    hours: float
    """Simulated."""
    visits: int
    leaves: int
    events: int
    """Lines of the trace."""
    faults: int
    digest: str
    real_s: float
    finding: str | None
    """A failure report."""

    def figures(self) -> str:
        return (
            f"seed {self.seed} level {self.level} hours {self.hours:.3g} visits {self.visits} leaves {self.leaves} "
            f"events {self.events} faults {self.faults} violations {int(self.finding is not None)} "
            f"seconds {self.real_s:.1f} hours/s {self.hours / max(self.real_s, 1e-9):.1f}"
        )


def warm_up() -> None:
    """What all simulations of this process share is made, and left to itself by the garbage collector."""
    blueprint()
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GC_EVERY, 20, 100)


def run_days(
    seed: int,
    hours: float,
    level: str = "capability",
    faults: frozenset[Group] = GROUPS,
    listener: Listener | None = None,
) -> Run:
    """Blocks."""
    days, digest = RandomDays(hours, faults), Digest()
    simulation = Simulation(seed, level, settings=settings_of(seed, level))
    simulation.witness.listeners.append(digest)
    if listener is not None:
        simulation.witness.listeners.append(listener)
    began_s = perf_counter()
    finding = find(simulation, days.play, _command(seed, hours, level, faults))
    return Run(
        seed,
        level,
        simulation.loop.time() / 3600,
        days.tally.visits,
        len(simulation.checks.truth.leaves),
        simulation.witness.count,
        days.troubles.count,
        digest.hex(),
        perf_counter() - began_s,
        None if finding is None else finding.report,
    )


def settings_of(seed: int, level: str = "capability") -> Settings:
    """Every fourth seed plays days of an introduction, another fourth has quiet hours, and another keeps nothing about
    somebody for more than a day. Every eighth one, and each that is played byte for byte, has readers of every kind."""
    settings: dict[int, Settings] = {
        0: (("cabinet.mode", "monitor"),),
        1: (("retention.personal_days", "1"),),
        2: (("cabinet.quiet", "20:00-07:30"),),
    }
    if level == "capability" and seed % 8 == 7:
        return (READERS,)
    return settings.get(seed % 4, ()) + ((READERS,) if level == "wire" else ())


def _command(seed: int, hours: float, level: str, faults: frozenset[Group]) -> str:
    words = [f"python -m simulator run --seed {seed} --hours {hours:g}"]
    if level != "capability":
        words.append(f"--level {level}")
    if faults != GROUPS:
        words.append(f"--faults {','.join(sorted(faults)) or 'none'}")
    return " ".join(words)
