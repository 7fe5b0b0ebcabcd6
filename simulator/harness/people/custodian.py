"""The custodian, who changes the roster while people come and go."""

from __future__ import annotations

from cabinet.control.protocol import ControlError
from simulator.fobs import number_of
from simulator.harness import happenings as seen
from simulator.harness.oracle import qualifications
from simulator.harness.simulation import Simulation


async def suspend(simulation: Simulation, name: str, *, suspended: bool) -> str | None:
    """Somebody, or ends it; gives why it was not possible. The oracle hears of it only when it is done."""
    cabinet, oracle = simulation.cabinet, simulation.checks.oracle
    oracle.people[name].suspended = None
    change = {"kind": "person.suspend", "person": cabinet.plan.cast[name].id, "suspended": suspended}
    why = await _change(simulation, change)
    stands = cabinet.plan.shelf.open().snapshot(cabinet.plan.config.zone)
    pseudonym = next(who for who, called in cabinet.plan.ids.items() if called == name)
    oracle.people[name].suspended = stands.people[pseudonym].suspended
    return why


async def train(simulation: Simulation, name: str, what: str, until: str | None) -> str | None:
    """Records what somebody has learnt, or takes it away (`until` None); gives why it was not possible."""
    cabinet, oracle = simulation.cabinet, simulation.checks.oracle
    person = cabinet.plan.cast[name].id
    change: dict[str, object] = {"kind": "person.unqualify", "person": person, "name": what}
    if until is not None:
        change = {"kind": "person.qualify", "person": person, "qualification": f"{what}:{until}"}
    why = await _change(simulation, change)
    people = cabinet.plan.shelf.open().people(None, 200)["people"]
    assert isinstance(people, list)
    [learnt] = [row["qualifications"] for row in people if row["id"] == person]
    oracle.people[name].qualifications = qualifications(";".join(learnt))
    return why


async def replace_fob(simulation: Simulation, item: str, fob: str) -> str | None:
    """Puts another on an item, in the roster; gives why it was not possible."""
    cabinet, checks = simulation.cabinet, simulation.checks
    checks.fobs.replacing(item, fob)
    why = await _change(simulation, {"kind": "fob.replace", "item": item, "fob": number_of(fob).hex(":")})
    stands = cabinet.plan.shelf.open().snapshot(cabinet.plan.config.zone)
    checks.fobs.replaced(item, stands.items[item].fob or "")
    return why


async def _change(simulation: Simulation, change: dict[str, object]) -> str | None:
    """Gives why it was not possible."""
    why = None
    try:
        await simulation.cabinet.call("roster.change", {"change": change})
    except ControlError as error:
        why = error.message
    simulation.cabinet.witness.tell(seen.Asked("roster.change", f"refused: {why}" if why else "done"))
    return why
