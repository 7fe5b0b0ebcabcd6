"""Bookings: what a custodian does from the office, over the service socket, and what people do with one-time codes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from cabinet.control.protocol import ControlError
from simulator.harness import happenings as seen
from simulator.harness.blueprint import ZONE
from simulator.harness.cabinet import Cabinet
from simulator.harness.people.manners import follow
from simulator.harness.people.visitor import Visitor

_ZONE = ZoneInfo(ZONE)


@dataclass(frozen=True, slots=True)
class Wish:
    """An item for a person (their first name) at a time (Unix ms)."""

    who: str
    item: str
    starts_ms: int
    until_ms: int
    with_code: bool = False
    overrides: bool = False


async def book(cabinet: Cabinet, wish: Wish) -> str | None:
    """The code, if one was asked for. Raises ControlError for a refusal."""
    params = {
        "person": cabinet.plan.cast[wish.who].id,
        "item": wish.item,
        "from": _local(wish.starts_ms),
        "until": _local(wish.until_ms),
        "code": wish.with_code,
        "override": wish.overrides,
        "reason": "a custodian's" if wish.overrides else None,
    }
    made: Any = await _ask(cabinet, "booking.make", params)
    if (code := made.get("code")) is not None:
        given = seen.CodeGiven(wish.who, wish.item, made["booking"], wish.starts_ms, wish.until_ms, code)
        cabinet.witness.tell(given)
        return str(code)
    return None


async def cancel(cabinet: Cabinet, item: str) -> bool:
    """The next booking of the item; False where there is none."""
    found = [one for one in (await cabinet.call("booking.list", {}))["bookings"] if one["item"] == item]
    if found:
        await _ask(cabinet, "booking.cancel", {"booking": found[0]["booking"], "reason": "a custodian's"})
    return bool(found)


async def _ask(cabinet: Cabinet, method: str, params: dict[str, object]) -> dict[str, object]:
    try:
        answer: dict[str, object] = await cabinet.call(method, params)
    except ControlError as error:
        cabinet.witness.tell(seen.Asked(method, f"refused: {error.message}"))
        raise
    cabinet.witness.tell(seen.Asked(method, "done"))
    return answer


def _local(wall_ms: int) -> str:
    return datetime.fromtimestamp(wall_ms / 1000, _ZONE).isoformat()


async def collect(visitor: Visitor, code: str) -> None:
    """Comes with a code for what is booked, brings it back, and tries the code once more."""
    await visitor.type(f"{code}#")
    slot = await follow(visitor)
    if slot is not None and await visitor.unlocked(slot) and (fob := visitor.lift(slot)) is not None:
        visitor.close_door()
        await visitor.be_away(visitor.random.choice((30, 900, 9_000)))
        visitor.seat(slot, fob)
        await visitor.pause()
        visitor.close_door()
    await visitor.type("**")
    await visitor.type(f"{code}#")
    await follow(visitor)
    await visitor.type("**")


async def guess_codes(visitor: Visitor) -> None:
    """One after the other, with their own card in between."""
    for _ in range(visitor.random.randint(2, 7)):
        await visitor.type(f"{visitor.random.randint(0, 99_999_999):08}#")
        await visitor.pause(0.4, 6.0)
        if visitor.random.random() < 0.2:
            await visitor.badge()
            await visitor.type("**")
