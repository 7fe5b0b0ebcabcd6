"""Plots against a cabinet that no story has words for."""

from __future__ import annotations

import asyncio
import contextlib

from cabinet.control.protocol import ControlError
from cabinet.journal.checkpoint import Checkpoint
from cabinet.journal.note import Signer
from simulator.harness import happenings as seen
from simulator.harness.blueprint import COSIGNER
from simulator.harness.memory_roster import SIGNING_SEED
from simulator.harness.network.troubles import STRANGER, TOPICS
from simulator.harness.people.custodian import enrol_finger
from simulator.harness.people.reliable import RELIABLE
from simulator.harness.people.visitor import Lobby, Visitor
from simulator.harness.random_days import ARRIVED_S
from simulator.harness.simulation import Simulation
from simulator.types import seeded

SOON_S = 10.0
LATE_VISITS = 40
SHIFT_S = 0.07
"""So much later each next one begins: whatever the beats are, they meet."""
LATE_MS = 660
"""An answer to a question before a pulse comes after the pulse has been given up, and before its coil is off."""
DOORS = 5
"""So many times the door opens and closes, so that more leaves are missing than may be on their way."""


async def a_clone_is_confirmed(simulation: Simulation) -> None:
    """Somebody has copied the cabinet's key: upstream confirms what the copy has signed."""
    await _ahead_of_upstream(simulation)
    _confirm(simulation, COSIGNER, bytes(range(32)))
    await asyncio.sleep(SOON_S)


async def a_copy_is_found_out(simulation: Simulation) -> None:
    """Upstream has confirmed what a copy of the cabinet signed: it goes on in its next epoch, and what it has given up
    arrives, marked as that."""
    await _ahead_of_upstream(simulation)
    _confirm(simulation, COSIGNER, bytes(range(32)))
    await asyncio.sleep(SOON_S)
    simulation.upstream.start()
    await asyncio.sleep(ARRIVED_S)
    simulation.checks.upstream.arrived()
    simulation.witness.at_rest()


async def a_stranger_confirms(simulation: Simulation) -> None:
    """The journal's own tree, under the signature of somebody who holds none of its leaves."""
    await _ahead_of_upstream(simulation)
    _confirm(simulation, STRANGER, None)
    await asyncio.sleep(SOON_S)


async def a_finger_is_taken_unasked(simulation: Simulation) -> None:
    """Somebody puts a finger on twice while the display still asks whether they agree, and says nothing to it."""
    await _begin(simulation)
    lobby = Lobby(simulation.cabinet.world)
    visitor = Visitor(simulation.cabinet, lobby, simulation.cabinet.plan.cast["Max"], seeded(1, "max"))
    asked = asyncio.ensure_future(enrol_finger(simulation, visitor.name))
    for _ in range(4):
        await asyncio.sleep(1)
        await visitor.touch()
    await asked


async def a_batch_is_swallowed(simulation: Simulation) -> None:
    """The broker takes it, says so, and passes nothing on."""
    await _begin(simulation)
    simulation.broker.lie("swallows")
    await _doors(simulation)
    simulation.broker.lies.clear()
    await asyncio.sleep(ARRIVED_S)
    simulation.checks.upstream.arrived()


async def a_change_is_cut_short(simulation: Simulation) -> None:
    """The journal has a new roster, and the daemon is killed before that is in force; then the disk is full."""
    cabinet = simulation.cabinet
    await _begin(simulation)

    def killed(_: float, happening: object) -> None:
        if isinstance(happening, seen.Leaf) and "roster" in happening.content:
            simulation.witness.listeners.remove(killed)
            cabinet.disk.failure = "full"
            simulation.loop.call_soon(cabinet.kill)

    simulation.witness.listeners.append(killed)
    person = next(iter(cabinet.plan.cast.values())).id
    with contextlib.suppress(ControlError):
        await cabinet.call("roster.change", {"change": {"kind": "person.suspend", "person": person, "suspended": True}})
    await asyncio.sleep(2 * SOON_S)
    cabinet.disk.failure = None
    await asyncio.sleep(2 * SOON_S)
    simulation.witness.at_rest()


async def answers_come_late(simulation: Simulation) -> None:
    """Those of the relay board, so that one to a poll comes in the middle of a pulse: sooner or later, as visits and
    polls have not the same beat. The journal says each time who took the key."""
    cabinet, lobby = simulation.cabinet, Lobby(simulation.cabinet.world)
    await _begin(simulation)
    lin = Visitor(cabinet, lobby, cabinet.plan.cast[RELIABLE], seeded(1, RELIABLE))
    for number in range(LATE_VISITS):
        cabinet.fault("relays", f"late={LATE_MS}")
        await lin.badge()
        await lin.type("1#")
        await lin.unlocked(1)
        fob = lin.lift(1)
        await asyncio.sleep(2)
        cabinet.clear("relays")
        if fob is not None:
            lin.seat(1, fob)
        lin.close_door()
        await asyncio.sleep(SOON_S + number * SHIFT_S)
    simulation.witness.at_rest()


async def _begin(simulation: Simulation) -> None:
    simulation.cabinet.power_on()
    await asyncio.sleep(SOON_S)


async def _ahead_of_upstream(simulation: Simulation) -> None:
    """The cabinet has leaves that upstream has not."""
    await _begin(simulation)
    simulation.upstream.crash()
    await _doors(simulation)


async def _doors(simulation: Simulation) -> None:
    world = simulation.cabinet.world
    for _ in range(DOORS):
        world.open_door()
        await asyncio.sleep(1)
        world.close_door()
        await asyncio.sleep(1)


def _confirm(simulation: Simulation, by: Signer, root: bytes | None) -> None:
    """All that the cabinet has, as this tree; without a root as its own."""
    image = simulation.cabinet.disk.images[max(simulation.cabinet.disk.images)]
    signer = Signer(simulation.cabinet.plan.config.origin, SIGNING_SEED)
    size = image.sizes[-1]
    note = image.notes[size] if root is None else Checkpoint(signer.name, size, root).signed(signer)
    text = note.decode().partition("\n\n")[0] + "\n"
    simulation.broker.send(f"{TOPICS}/journal/ack", note + by.cosign(text, 1).line().encode(), retain=False)
