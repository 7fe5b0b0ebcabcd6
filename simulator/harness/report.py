"""How a run that failed is told: what, when, what happened before, and how to see it again."""

from __future__ import annotations

import traceback

from simulator.harness.simulation import Simulation
from simulator.harness.witness import Violated


def failure(simulation: Simulation, error: BaseException, command: str) -> str:
    """`command` plays it again."""
    what = str(error)
    if not isinstance(error, Violated):
        what = "".join(traceback.format_exception(error)).rstrip()
    trace = "\n".join(f"  {line}" for line in simulation.witness.lines)
    return (
        f"VIOLATED {what}\n"
        f"seed {simulation.seed}, level {simulation.level}, at {simulation.loop.time():.6f} s\n"
        f"the last {len(simulation.witness.lines)} lines of the trace:\n{trace}\n"
        f"replay: {command}"
    )
