"""The custodian, who changes the roster while people come and go."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from cabinet.control.protocol import ControlError
from cabinet.core.ledger import EPOCH_STEP
from simulator.fobs import number_of
from simulator.harness import happenings as seen
from simulator.harness.oracle import qualifications, rows
from simulator.harness.simulation import Simulation

FINGERPRINT: Final = "fingerprint"
ENROLLED_S: Final = 200.0


async def suspend(simulation: Simulation, name: str, *, suspended: bool) -> str | None:
    """Somebody, or ends it; gives why it was not possible. The oracle hears of it only when it is done."""
    cabinet, oracle = simulation.cabinet, simulation.checks.oracle
    oracle.people[name].suspended = None
    change = {"kind": "person.suspend", "person": cabinet.plan.cast[name].id, "suspended": suspended}
    why = await _change(simulation, change)
    roster = cabinet.plan.shelf.open()
    person = roster.snapshot(cabinet.plan.config.zone).people.get(roster.pseudonym_of(cabinet.plan.cast[name].id) or "")
    oracle.people[name].suspended = person is not None and person.suspended
    return why


async def disclose(simulation: Simulation, name: str) -> str | None:
    """Gives somebody what is kept on them, page by page; gives why it was not possible."""
    cabinet = simulation.cabinet
    why, found, at = None, [], [1, 0]
    try:
        begun: Any = await cabinet.call("person.export", {"person": cabinet.plan.cast[name].id})
        while at is not None:
            where = {"export": begun["export"], "epoch": at[0], "first": at[1]}
            page: Any = await cabinet.call("person.events", where)
            found += [(event["epoch"], event["index"]) for event in page["events"]]
            at = page["next"]
        epoch, n = divmod(begun["export"], EPOCH_STEP)
        told = max(epoch, 1), n
        cabinet.witness.tell(seen.Disclosed(name, begun["person"]["pseudonym"], told, tuple(found)))
    except ControlError as error:
        why = error.message
    cabinet.witness.tell(seen.Asked("person.export", f"refused: {why}" if why else "done"))
    return why


async def erase(simulation: Simulation, name: str) -> str | None:
    """Somebody, for good; gives why it was not possible. The oracle reads of it in the journal."""
    params: dict[str, object] = {"person": simulation.cabinet.plan.cast[name].id, "reason": "asked for it"}
    return await _ask(simulation, "person.erase", params)


async def welcome(simulation: Simulation, name: str) -> str | None:
    """Whoever was erased, as the roster files have them, with card and PIN; no right names them any more."""
    cabinet, oracle = simulation.cabinet, simulation.checks.oracle
    row = next(row for row in rows(cabinet.plan.files["people.csv"]) if row["id"] == cabinet.plan.cast[name].id)
    lists = ("groups", "cards", "roles", "qualifications")
    person = {key: cell.split(";") if key in lists else cell for key, cell in row.items() if cell}
    oracle.people[name].erased, oracle.people[name].suspended = False, False
    oracle.people[name].qualifications = qualifications(row["qualifications"])
    simulation.checks.truth.pins.pop(name, None)
    why = await _change(simulation, {"kind": "person.put", "person": person})
    if why is None and (pin := cabinet.plan.cast[name].pin) is not None:
        why = await _change(simulation, {"kind": "pin.set", "person": row["id"], "pin": pin})
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


async def agree(
    simulation: Simulation, name: str, purpose: str = FINGERPRINT, *, withdrawn: bool = False
) -> str | None:
    """Records that somebody agrees to something, or does not any more; gives why it was not possible."""
    cabinet = simulation.cabinet
    day = datetime.fromtimestamp(cabinet.wall.shown_ms / 1000, UTC).date().isoformat()
    person = cabinet.plan.cast[name].id
    change = {"kind": "person.consent", "person": person, "purpose": purpose, "day": day, "withdrawn": withdrawn}
    return await _change(simulation, change)


async def enrol_finger(simulation: Simulation, name: str) -> str | None:
    """Somebody's, who stands at the cabinet; gives why nothing came of it."""
    return await _ask(simulation, "finger.enrol", {"person": simulation.cabinet.plan.cast[name].id}, ENROLLED_S)


async def revoke_fingers(simulation: Simulation, name: str) -> str | None:
    return await _change(simulation, {"kind": "finger.revoke", "person": simulation.cabinet.plan.cast[name].id})


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
    return await _ask(simulation, "roster.change", {"change": change})


async def _ask(simulation: Simulation, method: str, params: dict[str, object], within_s: float = 15) -> str | None:
    why = None
    try:
        await simulation.cabinet.call(method, params, within_s)
    except ControlError as error:
        why = error.message
    simulation.cabinet.witness.tell(seen.Asked(method, f"refused: {why}" if why else "done"))
    return why
