"""What two people do together at a cabinet: one approves, or takes over, what the other wants or has."""

from __future__ import annotations

from typing import Final

from simulator.harness.people.manners import (
    CAMERA,
    CHOOSE,
    OPEN,
    PIN,
    REFUSED,
    face_the_camera,
    follow,
    offered_on,
    slot_on,
    take,
    wrong,
)
from simulator.harness.people.visitor import Visitor

APPROVE: Final = ("more to approve", "人批准")
HAND_OVER: Final = ("who takes it over", "接收人")


async def with_approval(visitor: Visitor) -> None:
    """Takes what others have to approve, if anything; those who come by do, and some who may not, and some twice."""
    await visitor.badge()
    for _ in range(6):
        shown = await visitor.read(*OPEN, *APPROVE, *PIN, *CAMERA, *CHOOSE, *REFUSED)
        if shown in OPEN:
            slot = slot_on(visitor.screen)
            if slot is not None and await visitor.unlocked(slot):
                await bring_back(visitor, slot)
            break
        if shown is None or shown in REFUSED:
            break
        if shown in CHOOSE:
            offered = offered_on(visitor.screen)
            await visitor.type(f"{max(offered, default=1)}#")
        elif shown in CAMERA:
            await face_the_camera(visitor)
        elif shown in PIN:
            await visitor.type(f"{visitor.person.pin or '0000'}#")
        else:
            await _identify(visitor.beside(visitor.random.choice(list(visitor.cabinet.plan.cast.values()))))
        await visitor.pause(0.6, 0.9)
    await visitor.type("*")
    visitor.close_door()


async def two_at_once(visitor: Visitor) -> None:
    """Somebody else badges while the first one is served, and does what the display asks when it is their turn."""
    await visitor.badge()
    await visitor.pause(0.2, 3.0)
    other = visitor.beside(visitor.random.choice(list(visitor.cabinet.plan.cast.values())))
    await other.badge()
    await visitor.pause()
    slot = await follow(visitor)
    if slot is not None and await visitor.unlocked(slot) and (fob := visitor.lift(slot)) is not None:
        await visitor.pause()
        visitor.seat(slot, fob)
    await visitor.type("**")
    await visitor.pause(1.0, 4.0)
    slot = await follow(other)
    if slot is not None and await other.unlocked(slot) and (fob := other.lift(slot)) is not None:
        await other.pause()
        other.seat(slot, fob)
    await other.type("**")
    other.close_door()


async def return_as_asked(visitor: Visitor) -> None:
    """Takes a key and brings it back as its rule asks, or not quite so."""
    slot = await take(visitor)
    if slot is not None and await visitor.unlocked(slot):
        await bring_back(visitor, slot)
    visitor.close_door()


async def bring_back(visitor: Visitor, slot: int) -> None:
    """Badges before or after the fob is seated, or not at all, and does what the display then asks; now and then it is
    somebody else who does."""
    fob = visitor.lift(slot)
    if fob is None:
        return
    await visitor.pause()
    visitor.close_door()
    await visitor.be_away(visitor.random.choice((20, 300, 3_000, 9_000)))
    people = list(visitor.cabinet.plan.cast.values())
    who = visitor if visitor.random.random() < 0.8 else visitor.beside(visitor.random.choice(people))
    when = visitor.random.choice(("before", "after", "after", "never"))
    if when == "before":
        await who.badge()
        await visitor.pause(0.5, 1.0)
    visitor.seat(slot, fob)
    await visitor.pause(0.5, 40.0)
    visitor.close_door()
    if when == "after":
        await who.badge()
    for _ in range(4):
        shown = await visitor.read(*APPROVE, *PIN, within_s=1.0)
        if shown is None:
            break
        if shown in PIN:
            await who.type(f"{who.person.pin or '0000'}#")
        else:
            await _identify(visitor.beside(visitor.random.choice(people)))
        await visitor.pause(0.6, 0.9)
    await visitor.type("**")


async def hand_over(visitor: Visitor) -> None:
    """Takes a key, comes back with somebody else and gives it to them, who may have it or not."""
    slot = await take(visitor)
    if slot is None or not await visitor.unlocked(slot) or (fob := visitor.lift(slot)) is None:
        visitor.close_door()
        return
    await visitor.pause()
    visitor.close_door()
    await visitor.be_away(visitor.random.choice((30, 600, 9_000)))
    await visitor.badge()
    await visitor.pause(0.5, 1.0)
    await visitor.type(f"{slot}#")
    if await visitor.read(*HAND_OVER) is not None:
        other = visitor.beside(visitor.random.choice(list(visitor.cabinet.plan.cast.values())))
        await _identify(other)
        await visitor.pause(1.0, 1.5)
    await visitor.type("**")
    await visitor.be_away(visitor.random.choice((10, 1_000)))
    visitor.seat(slot, fob)
    await visitor.pause()
    visitor.close_door()


async def _identify(visitor: Visitor) -> None:
    """As a second person: with the card, or with the number; and the PIN, now and then a wrong one."""
    if visitor.random.random() < 0.8:
        await visitor.badge()
    else:
        await visitor.type(f"{visitor.person.id}#")
    if await visitor.read(*PIN, within_s=1.0) is not None:
        pin = visitor.person.pin if visitor.random.random() < 0.9 else None
        await visitor.type(f"{pin or wrong(visitor)}#")
