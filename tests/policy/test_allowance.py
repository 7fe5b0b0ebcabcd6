"""What somebody has already decides what more they may have."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cabinet.policy.allowance import Held, refusal
from cabinet.policy.rights import Allowance, Item, Person, Right, Rights

NOA, MAX, LIN = (
    Person("NOA", groups=frozenset({"drivers"})),
    Person("MAX", groups=frozenset({"drivers"})),
    Person("LIN"),
)
VAN, TRUCK, KEY = (
    Item("van", slot=1, groups=frozenset({"vehicles"})),
    Item("truck", slot=2, groups=frozenset({"vehicles"})),
    Item("key", slot=3),
)
ROSTER = Rights(
    people={one.pseudonym: one for one in (NOA, MAX, LIN)}, items={one.id: one for one in (VAN, TRUCK, KEY)}
)
DRIVERS = Right("drivers", groups=frozenset({"drivers"}), item_groups=frozenset({"vehicles"}))
ONE_EACH = replace(DRIVERS, allowance=Allowance(each=1))
ONE_TOGETHER = replace(DRIVERS, allowance=Allowance(together=1))
NOT_WHILE_OVERDUE = replace(DRIVERS, blocked_while_overdue=True)


@pytest.mark.parametrize(
    ("right", "held", "rule"),
    [
        (DRIVERS, [Held("van", "NOA", overdue=True), Held("key", "NOA")], None),
        (ONE_EACH, [], None),
        (ONE_EACH, [Held("van", "NOA")], "allowance_used"),
        (ONE_EACH, [Held("van", "MAX")], None),
        (ONE_EACH, [Held("key", "NOA")], None),
        (ONE_EACH, [Held("truck", "NOA")], None),
        (replace(DRIVERS, allowance=Allowance(each=2)), [Held("van", "NOA")], None),
        (ONE_TOGETHER, [Held("van", "MAX")], "allowance_used"),
        (ONE_TOGETHER, [Held("van", "LIN")], None),
        (ONE_TOGETHER, [Held("gone", "MAX"), Held("van", "nobody any more")], None),
        (NOT_WHILE_OVERDUE, [Held("key", "NOA", overdue=True)], "overdue_first"),
        (NOT_WHILE_OVERDUE, [Held("key", "NOA")], None),
        (NOT_WHILE_OVERDUE, [Held("van", "MAX", overdue=True)], None),
    ],
)
def test_noa_wants_the_truck(right: Right, held: list[Held], rule: str | None) -> None:
    assert refusal(ROSTER, right, NOA, TRUCK, held) == rule
