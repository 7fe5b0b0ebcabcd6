"""Who uses a finger, and who has theirs enrolled."""

from __future__ import annotations

import asyncio
from typing import Final

from simulator.harness.people.custodian import enrol_finger
from simulator.harness.people.manners import follow
from simulator.harness.people.visitor import Visitor
from simulator.harness.simulation import Simulation

AGREE: Final = ("may the reader keep", "是否同意读头保存")
PUT: Final = (
    "Put one finger",
    "The same finger",
    "That was not",
    "请将一根手指",
    "同一手指",
    "未能看清",
    "不是同一手指",
)
LIFT: Final = ("Lift it", "请抬起")
OVER: Final = (
    *("this finger is known here", "known already", "No finger came", "could not store", "Goodbye", "cannot record"),
    *("此指纹已", "没有检测到", "未能保存", "再见", "暂时无法"),
)


async def by_finger(visitor: Visitor) -> None:
    """In the place of a card; now and then another finger than the one that is known."""
    await visitor.touch(visitor.person.finger + (visitor.random.random() < 0.2))
    slot = await follow(visitor)
    if slot is None or not await visitor.unlocked(slot):
        await visitor.type("*")
        return
    fob = visitor.lift(slot)
    await visitor.pause()
    if fob is not None:
        visitor.seat(slot, fob)
    visitor.close_door()


async def let_it_know(simulation: Simulation, visitor: Visitor) -> None:
    """With a custodian beside them: agrees, mostly, and does what the display asks, mostly."""
    asked = asyncio.ensure_future(enrol_finger(simulation, visitor.name))
    chance = visitor.random.random()
    shown = await visitor.read(*AGREE, *PUT, within_s=5.0)
    if shown in AGREE:
        await visitor.pause()
        await visitor.type("2#" if chance < 0.1 else "1#")
    for _ in range(7):
        shown = await visitor.read(*PUT, *OVER, within_s=3.0)
        if shown is None or shown in OVER or visitor.random.random() < 0.08:
            break
        other = visitor.random.random() < 0.08
        await visitor.touch(visitor.person.finger + other)
        await visitor.pause(0.2, 0.6)
    await asked
