"""What somebody has already, and whether they may have more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from cabinet.policy.rights import Item, Person, Pseudonym, Right, Rights


@dataclass(frozen=True, slots=True)
class Held:
    """An item that somebody has, or that was just released to them."""

    item: str
    holder: Pseudonym
    overdue: bool = False


def refusal(
    rights: Rights, right: Right, person: Person, item: Item, held: Sequence[Held]
) -> Literal["overdue_first", "allowance_used"] | None:
    """Why this right gives nothing more; None: it does. The item itself never counts against its own release."""
    others = [one for one in held if one.item != item.id]
    if right.blocked_while_overdue and any(one.overdue and one.holder == person.pseudonym for one in others):
        return "overdue_first"
    allowance = right.allowance
    if allowance.each is None and allowance.together is None:
        return None
    counted = [one for one in others if (there := rights.items.get(one.item)) and right.covers(there)]
    mine = sum(one.holder == person.pseudonym for one in counted)
    if allowance.each is not None and mine >= allowance.each:
        return "allowance_used"
    if allowance.together is not None:
        of_all = sum((who := rights.people.get(one.holder)) is not None and right.names(who) for one in counted)
        if of_all >= allowance.together:
            return "allowance_used"
    return None
