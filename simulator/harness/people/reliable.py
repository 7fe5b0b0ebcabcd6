"""Lin, who comes when everything is in order: whether a visit works, and how fast."""

from __future__ import annotations

import asyncio
from typing import Final

from simulator.harness.cabinet import Cabinet
from simulator.harness.people.visitor import Lobby, Visitor
from simulator.harness.simulation import Simulation
from simulator.types import seeded

RELIABLE: Final = "Lin"
_RELEASES: Final = (1, 2)
"""Slots that Lin may open with her card alone."""


async def try_visit(simulation: Simulation, lobby: Lobby, dead: str | None = None) -> bool:
    """She takes a key with her card and puts it back, without looking at the display. False where nothing is there
    for her, so nothing was tried. `dead` is a device that this does not need and that does not answer."""
    cabinet, checks = simulation.cabinet, simulation.checks
    slot = next((one for one in _RELEASES if _stands(cabinet, one)), None)
    if slot is None or not cabinet.running:
        return False
    lin = Visitor(cabinet, lobby, cabinet.plan.cast[RELIABLE], seeded(1, "lin"))
    await lin.badge()
    await asyncio.sleep(0.5)
    await lin.type(f"{slot}")
    asked_s = simulation.loop.time()
    await lin.type("#")
    opened = await lin.unlocked(slot)
    checks.recovery.tried(RELIABLE, opened, lin.screen)
    checks.latency.measured(checks.truth.slots[slot].coil_on_s - asked_s, dead)
    await asyncio.sleep(1)
    fob = lin.lift(slot)
    await asyncio.sleep(1)
    assert fob is not None
    lin.seat(slot, fob)
    await asyncio.sleep(1)
    lin.close_door()
    await asyncio.sleep(2)
    return True


def _stands(cabinet: Cabinet, slot: int) -> bool:
    """It hangs there, and the journal has nobody who took it."""
    out = cabinet.daemon.runner.state.ledger.outs.get(slot) if cabinet.daemon is not None else None
    return cabinet.world.seated(slot) and out is None
