"""Planted bugs are found. A few that are found soon; `python -m simulator mutants` plants all of them."""

from __future__ import annotations

import pytest

from simulator.harness.mutants.hunt import MUTANTS, hunt
from simulator.harness.mutants.planting import Edit, Mutant, NotPlanted, planted

SOON = {
    "unlocked-before-the-commit": 1,
    "any-factor-will-do": 2,
    "opened-again-blindly": 3,
    "removal-twice": 4,
    "removal-guessed": 5,
    "checkpoint-of-the-old-root": 6,
    "broker-trusted": 7,
    "answered-before-counted": 8,
    "pin-in-the-log": 10,
    "released-twice": 11,
    "lost-for-good": 13,
    "roster-found-lost": 16,
    "journal-never-recovers": 18,
    "overdue-lost": 19,
}
"""And by which invariant."""


@pytest.mark.parametrize("name", SOON)
def test_it_is_caught(name: str) -> None:
    [fate] = hunt(tuple(mutant for mutant in MUTANTS if mutant.name == name), shares=1)
    assert fate.invariant == SOON[name], fate.found


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_all_fit_the_code_and_leave_nothing_behind(mutant: Mutant) -> None:
    with planted(mutant):
        pass
    with planted(mutant):
        pass  # it could not be planted a second time where the first is left


def test_names_are_unique_and_there_are_enough() -> None:
    names = [mutant.name for mutant in MUTANTS]
    assert len(names) == len(set(names)) >= 25


def test_one_that_does_not_fit_any_more_says_where() -> None:
    gone = Mutant("gone", "", [Edit("cabinet.core.lockout:wait_s", "no such words", "")], [])
    with (
        pytest.raises(NotPlanted, match=r"cabinet\.core\.lockout:wait_s: 'no such words' stands there 0 times"),
        planted(gone),
    ):
        pass
    [fate] = hunt((gone,), shares=1)
    assert (fate.invariant, fate.found.startswith("not planted")) == (None, True)
