"""Of several equal items the one that was used least, so that all of them last equally long."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from cabinet.policy.decide import Decision, Denial
from cabinet.policy.rights import Item

Uses: TypeAlias = Mapping[str, tuple[int, int]]
"""By item: how often it was taken, and since when it hangs there (wall ms). Missing: never taken."""


def least_used(options: Iterable[tuple[Item, Decision]], uses: Uses, *, like: Item | None = None) -> list[Item]:
    """What may be taken; of the items that one right with `any_of` gives the least used, of those with as many uses the
    one that has hung there longest. `like`: nothing but what is equal to this item."""
    equal: dict[str, list[Item]] = {}
    for item, decision in options:
        if not isinstance(decision, Denial):
            equal.setdefault(decision.right.id if decision.right.any_of else f"item {item.id}", []).append(item)
    groups = [items for items in equal.values() if like is None or like in items]
    return [min(items, key=lambda item: (*uses.get(item.id, (0, 0)), item.slot or 0)) for items in groups]
