"""Planted bugs in whose turn it is."""

from __future__ import annotations

from typing import Final

from simulator.harness.mutants.planting import Edit, Mutant
from simulator.harness.mutants.trials import Crashed

QUEUEING: Final = (
    Mutant(
        "last-come-first-served",
        "whoever came last is served next",
        [
            Edit("cabinet.core.queue:next_up", "waiting[1:]", "waiting[:-1]"),
            Edit("cabinet.core.queue:next_up", "return waiting[0]", "return waiting[-1]"),
        ],
        [Crashed("next-in-turn")],
    ),
    Mutant(
        "served-at-once",
        "whoever badges interrupts who is served",
        [Edit("cabinet.core.queue:has_to_wait", "if turn.state.return_ends:", "if True:")],
        [Crashed("next-in-turn")],
    ),
    Mutant(
        "pushes-in",
        "in the moment between two visits whoever badges is served, whoever waits",
        [
            Edit(
                "cabinet.core.queue:has_to_wait",
                "return bool(waiting) and waiting[0].person != person.pseudonym",
                "return False",
            ),
        ],
        [Crashed("pushes-in")],
    ),
)
