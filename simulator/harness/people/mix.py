"""How often each manner is met."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from simulator.harness.people import answering, booked, fingers, fobs, manners, proving, together
from simulator.harness.people.visitor import Visitor

Manner = Callable[[Visitor], Awaitable[None]]
MANNERS: Final[Mapping[Manner, int]] = {
    manners.take_and_return: 40,
    manners.by_number: 8,
    manners.take_two: 6,
    manners.forget_to_take: 4,
    manners.mistype: 6,
    manners.neighbour: 4,
    manners.return_elsewhere: 4,
    manners.swap: 3,
    manners.pull: 2,
    manners.tear: 2,
    manners.stranger: 4,
    proving.by_strong_card: 6,
    proving.copied: 2,
    proving.forged: 2,
    manners.guess: 1,
    manners.plug_amid_release: 2,
    booked.guess_codes: 2,
    together.with_approval: 6,
    together.hand_over: 5,
    answering.bring_back: 6,
    together.return_as_asked: 8,
    together.two_at_once: 5,
    fobs.leave_elsewhere: 4,
    fobs.strange_fob: 2,
    fingers.by_finger: 4,
}
"""How often each is met, in parts of their sum."""
