"""Planted bugs in whom the door opens for."""

from __future__ import annotations

from typing import Final

from simulator.harness.mutants.planting import Edit, Mutant
from simulator.harness.mutants.trials import Crashed

DOORS: Final = (
    Mutant(
        "door-for-anybody",
        "the door is released for whoever identifies",
        [Edit("cabinet.core.door:for_visitor", "        if brings:\n", "        if True:\n")],
        [Crashed("locked-door")],
    ),
    Mutant(
        "door-unjournaled",
        "the door is released by the leaf of the slot's grant, and has none of its own",
        [
            Edit(
                "cabinet.core.door:release",
                'n = turn.journal("door.released", subs, visit=running.number if running else None, right=right)',
                "n = turn.state.size - 1",
            )
        ],
        [Crashed("locked-door")],
    ),
    Mutant(
        "forced-door-untold",
        "nobody is told of a door that is opened without a release",
        [Edit("cabinet.core.door:_judge", "turn.state.setup.door_lock is None", "True")],
        [Crashed("locked-door")],
    ),
)
