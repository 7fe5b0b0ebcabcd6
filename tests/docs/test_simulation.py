"""The pages about the simulation name everything there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.harness.mutants.hunt import MUTANTS
from simulator.harness.simulation import Simulation
from simulator.harness.troubles import GROUPS
from simulator.harness.witness import Check
from simulator.story import names, read_story

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
SIMULATION, SCENARIOS = ((REFERENCE / name).read_text() for name in ("simulation.md", "scenarios.md"))


def _checks() -> tuple[Check, ...]:
    simulation = Simulation(1)

    async def nothing(_: Simulation) -> None:
        """The invariants are there from the beginning."""

    simulation.run(nothing)
    return simulation.checks.all


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_every_planted_bug_is_there(mutant: object) -> None:
    assert f"`{mutant.name}` | {mutant.what}" in SIMULATION  # type: ignore[attr-defined]


def test_every_invariant_is_there() -> None:
    missing = [f"| {one.number} | {one.title}" for one in _checks() if one.number]
    assert [line for line in missing if line not in SIMULATION] == []


def test_every_fault_group_is_there() -> None:
    assert [group for group in GROUPS if f"`{group}`" not in SIMULATION] == []


@pytest.mark.parametrize("name", names())
def test_every_scenario_is_there(name: str) -> None:
    assert f"| `{name}` | {read_story(name).title} |" in SCENARIOS
