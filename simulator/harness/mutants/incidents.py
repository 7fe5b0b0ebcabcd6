"""Planted bugs in complaints and incidents."""

from __future__ import annotations

from typing import Final

from simulator.harness.mutants.planting import Edit, Mutant
from simulator.harness.mutants.trials import Crashed

INCIDENTS: Final = (
    Mutant(
        "incidents-forgotten",
        "an incident is forgotten with a restart",
        [
            Edit(
                "cabinet.core.ledger_rows:changed_rows",
                "for table in _TABLES:",
                "for table in _TABLES.keys() - {'incidents'}:",
            )
        ],
        [Crashed("complaint")],
    ),
    Mutant(
        "complaint-in-the-leaf",
        "the text of a complaint stands in its leaf, not sealed",
        [
            Edit(
                "cabinet.core.incidents:on_reported",
                "kind=event.kind,",
                'kind=event.kind, words=str(event.subject.private["text"]),',
            )
        ],
        [Crashed("complaint")],
    ),
    Mutant(
        "closed-twice",
        "an incident is closed two times in a row",
        [
            Edit(
                "cabinet.core.incidents:on_closed",
                "    turn.act(Answer(event.request, n=n))",
                '    turn.journal("incident.closed", [event.subject], incident=event.n)\n'
                "    turn.act(Answer(event.request, n=n))",
            )
        ],
        [Crashed("complaint")],
    ),
)
