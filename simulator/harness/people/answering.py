"""Who brings something back with their card first, and is asked about it."""

from __future__ import annotations

from simulator.harness.people.manners import ASKED, answer_to, take
from simulator.harness.people.visitor import Visitor


async def bring_back(visitor: Visitor) -> None:
    """Answers, skips, answers nonsense, or goes away amid the questions."""
    slot = await take(visitor, 6)
    if slot is None or not await visitor.unlocked(slot) or (fob := visitor.lift(slot)) is None:
        visitor.close_door()
        return
    await visitor.pause()
    visitor.close_door()
    await visitor.be_away(visitor.random.choice((20, 900, 8_000)))
    await visitor.badge()
    await visitor.pause(0.5, 1.0)
    visitor.seat(slot, fob)
    for _ in range(visitor.random.randint(1, 6)):
        if (shown := await visitor.read(*ASKED, within_s=1.5)) is None:
            break
        await visitor.pause()
        await visitor.type(answer_to(visitor, shown))
        await visitor.pause(0.4, 0.5)
    visitor.close_door()
