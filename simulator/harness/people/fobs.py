"""What people do with fobs where they are told apart: they hang them elsewhere, and bring strange ones."""

from __future__ import annotations

import contextlib
from typing import Final

from simulator.harness.people.manners import take
from simulator.harness.people.visitor import Visitor
from simulator.world import NotPossible

STRANGE_FROM: Final = 100
"""Fobs that belong to no item are called F-100 and so on."""


async def leave_elsewhere(visitor: Visitor) -> None:
    """Hangs what they took into another slot, comes back, takes it from there, by right or by force, and puts it
    home."""
    slot = await take(visitor)
    if slot is None or not await visitor.unlocked(slot) or (fob := visitor.lift(slot)) is None:
        visitor.close_door()
        return
    await visitor.be_away(visitor.random.choice((5, 60, 900)))
    other = _empty(visitor, but=slot)
    if other is None or not visitor.seat(other, fob):
        visitor.seat(slot, fob)
        visitor.close_door()
        return
    await visitor.pause(0.5, 3)
    visitor.close_door()
    await visitor.be_away(visitor.random.choice((10, 300, 3_000)))
    opened = await take(visitor, other)
    await visitor.pause()
    if opened == other:
        await visitor.unlocked(other)
    if visitor.cabinet.world.fob_in(other) == fob:
        visitor.lift(other) or visitor.force(other)
        await visitor.pause()
    visitor.seat(slot, fob)
    visitor.close_door()


async def strange_fob(visitor: Visitor) -> None:
    """Hangs a fob that nobody knows into an empty slot, and tears it out again after a while."""
    slot = _empty(visitor)
    if slot is None:
        return
    fob = f"F-{STRANGE_FROM + visitor.random.randrange(10**6)}"
    with contextlib.suppress(NotPossible):  # unless it has been here before
        visitor.cabinet.world.bring(fob)
    visitor.seat(slot, fob)
    await visitor.pause(0.5, 4)
    visitor.close_door()
    await visitor.be_away(visitor.random.choice((5, 120, 600)))
    if visitor.cabinet.world.fob_in(slot) == fob:
        visitor.force(slot)
    visitor.close_door()


def _empty(visitor: Visitor, but: int = 0) -> int | None:
    world, slots = visitor.cabinet.world, visitor.cabinet.plan.config.table.slots
    told_apart = [slot.number for slot in slots if slot.fob_reader is not None]
    empty = [slot for slot in told_apart if slot != but and world.fob_in(slot) is None]
    return visitor.random.choice(empty) if empty else None
