"""Planted bugs in what is only noted while a cabinet is introduced."""

from __future__ import annotations

from typing import Final

from simulator.harness.mutants.planting import Edit, Mutant
from simulator.harness.mutants.trials import Crashed, Days

MONITORING: Final = (
    Mutant(
        "introduction-for-the-suspended",
        "while rights are only noted, who is suspended or expired gets what they ask for too",
        [
            Edit(
                "cabinet.core.identify:_identified",
                "if refusal := person_denial(turn.rights, person, wall_ms, wall_time_trusted=trusted):",
                "refusal = person_denial(turn.rights, person, wall_ms, wall_time_trusted=trusted)\n"
                "    if refusal and not turn.state.setup.monitors:",
            ),
            Edit(
                "cabinet.policy.monitor:lenient",
                "    if person_denial(rights, person, wall_ms, wall_time_trusted=wall_time_trusted) is not None:\n"
                "        return decision\n",
                "",
            ),
        ],
        [Crashed("introduction"), Days(4, 48)],
    ),
    Mutant(
        "introduction-not-noted",
        "what would have been refused is released, and the leaf does not say so",
        [Edit("cabinet.core.release:grant", "monitor=by.monitor", "monitor=None")],
        [Crashed("introduction")],
    ),
    Mutant(
        "introduced-for-good",
        "rights are only noted, whatever the configuration says",
        [Edit("cabinet.core.visit:decision_on", "if turn.state.setup.monitors:", "if True:")],
        [Crashed("take-and-return")],
    ),
)
