"""What a run has found, and how it is told: what, when, what happened before, and how to see it again."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from simulator.harness.simulation import Simulation
from simulator.harness.witness import Violated


@dataclass(frozen=True, slots=True)
class Finding:
    what: str
    invariant: int | None
    """None: the run itself came to grief."""
    report: str
    replay: str


def find(
    simulation: Simulation, play: Callable[[Simulation], Coroutine[Any, Any, None]], replay: str
) -> Finding | None:
    """Plays it; `replay` is the command that plays it again. Blocks; never raises for what the run does."""
    error: Exception | None
    try:
        error = simulation.run(play)
    except Exception as raised:  # noqa: BLE001 - whatever it is, it is found
        error = raised
    if error is None:
        return None
    violated = error if isinstance(error, Violated) else None
    what = str(violated) if violated else "".join(traceback.format_exception(error)).rstrip()
    lines = simulation.witness.lines
    trace = "\n".join(f"  {line}" for line in lines)
    report = (
        f"VIOLATED {what}\n"
        f"seed {simulation.seed}, level {simulation.level}, at {simulation.loop.time():.6f} s\n"
        f"the last {len(lines)} lines of the trace:\n{trace}\n"
        f"replay: {replay}"
    )
    return Finding(what, violated.check.number if violated else None, report, replay)
