"""Cards that prove their key, and what others make of them."""

from __future__ import annotations

from typing import Literal

from simulator.cast import Person
from simulator.harness.people import manners
from simulator.harness.people.visitor import Visitor


async def by_strong_card(visitor: Visitor) -> None:
    """Takes with it, and brings back at once; who has none comes with whoever has."""
    owner = visitor.beside(_owner(visitor))
    await owner.badge(owner.person.strong_card, "strong")
    slot = await manners.follow(owner)
    if slot is not None and await owner.unlocked(slot) and (fob := owner.lift(slot)) is not None:
        await owner.pause(1, 5)
        owner.seat(slot, fob)
    await owner.pause()
    owner.close_door()


async def copied(visitor: Visitor) -> None:
    """Has copied somebody's strong card, and learns that its number is not enough."""
    await _try(visitor, "plain")


async def forged(visitor: Visitor) -> None:
    """Has built something that answers."""
    await _try(visitor, "forged")


async def _try(visitor: Visitor, how: Literal["plain", "forged"]) -> None:
    """Again and again; now and then the owner comes in between."""
    owner = _owner(visitor)
    for _ in range(visitor.random.randint(1, 5)):
        await visitor.badge(owner.strong_card, how)
        await visitor.pause(0.5, 5)
    if visitor.random.random() < 0.3:
        await visitor.beside(owner).badge(owner.strong_card, "strong")
        await visitor.pause(0.5, 2)


def _owner(visitor: Visitor) -> Person:
    if visitor.person.strong_card is not None:
        return visitor.person
    return visitor.random.choice([one for one in visitor.cabinet.plan.cast.values() if one.strong_card is not None])
