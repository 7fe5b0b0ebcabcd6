"""How long a leaf is kept: by hand."""

from __future__ import annotations

import pytest

from cabinet.policy.retention import DAY_MS, Periods, Rule

PERIODS = Periods(365, {"visit.*": 90, "visit.refused": None, "door.opened": 30, "alarm.*": 400})


@pytest.mark.parametrize(
    ("kind", "personal", "rule"),
    [
        ("visit.ended", False, Rule("visit.*", 90)),
        ("visit.ended", True, Rule("visit.*", 90)),
        ("visit.refused", False, None),
        ("visit.refused", True, Rule("personal", 365)),
        ("door.opened", True, Rule("door.opened", 30)),
        ("door.closed", False, None),
        ("door.closed", True, Rule("personal", 365)),
        ("alarm.raised", True, Rule("personal", 365)),
        ("alarm.raised", False, Rule("alarm.*", 400)),
        ("epoch.opened", True, None),
        ("signer.rotated", True, None),
        ("payload.destroyed", True, None),
        ("person.erased", True, None),
        ("epoch.state", True, Rule("personal", 365)),
    ],
)
def test_the_period_that_ends_first_counts(kind: str, personal: bool, rule: Rule | None) -> None:
    assert PERIODS.rule(kind, personal=personal) == rule


def test_every_other_kind_has_a_star() -> None:
    periods = Periods(None, {"*": 1000, "item.*": None})
    assert periods.rule("door.closed", personal=True) == Rule("*", 1000)
    assert periods.rule("item.removed", personal=True) is None
    assert periods.rule("person.erased", personal=True) is None
    assert periods.shortest_days == 1000


def test_a_leaf_goes_when_its_period_is_over_and_not_before() -> None:
    assert PERIODS.due("door.opened", 30 * DAY_MS, personal=False) is None
    assert PERIODS.due("door.opened", 30 * DAY_MS + 1, personal=False) == Rule("door.opened", 30)


def test_what_holds_where_nothing_is_said() -> None:
    assert Periods().rule("item.removed", personal=True) == Rule("personal", 365)
    assert Periods().rule("visit.identified", personal=True) == Rule("visit.*", 90)
    assert Periods().rule("device.lost", personal=False) is None
    assert Periods().shortest_days == 90
    assert Periods(None, {}).shortest_days is None
