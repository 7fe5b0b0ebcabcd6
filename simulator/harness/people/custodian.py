"""The custodian, who changes the roster while people come and go."""

from __future__ import annotations

from cabinet.control.protocol import ControlError
from simulator.harness import happenings as seen
from simulator.harness.simulation import Simulation


async def suspend(simulation: Simulation, name: str, *, suspended: bool) -> str | None:
    """Somebody, or ends it; gives why it was not possible. The oracle hears of it only when it is done."""
    cabinet, oracle = simulation.cabinet, simulation.checks.oracle
    oracle.people[name].suspended = None
    change = {"kind": "person.suspend", "person": cabinet.plan.cast[name].id, "suspended": suspended}
    why = None
    try:
        await cabinet.call("roster.change", {"change": change})
    except ControlError as error:
        why = error.message
    cabinet.witness.tell(seen.Asked("roster.change", f"refused: {why}" if why else "done"))
    stands = cabinet.plan.shelf.open().snapshot(cabinet.plan.config.zone)
    pseudonym = next(who for who, called in cabinet.plan.ids.items() if called == name)
    oracle.people[name].suspended = stands.people[pseudonym].suspended
    return why
