"""A cabinet that goes back to its backups, again and again, and a bug on that way. `simulator restores` does more."""

from __future__ import annotations

from simulator.harness.mutants.hunt import MUTANTS, hunt
from simulator.harness.restoring import live


def test_nothing_is_wrong_and_the_cabinet_goes_back() -> None:
    weeks, finding = live(1, 16, "")
    assert finding is None, finding.report
    assert weeks.restored >= 2


def test_who_was_erased_comes_back_with_a_bug() -> None:
    [fate] = hunt(tuple(one for one in MUTANTS if one.name == "erased-until-restored"), shares=1)
    assert fate.invariant == 45, fate.found
