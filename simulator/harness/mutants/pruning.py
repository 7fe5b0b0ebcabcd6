"""Planted bugs in what goes in time."""

from __future__ import annotations

from typing import Final

from simulator.harness.mutants.planting import Edit, Mutant
from simulator.harness.mutants.trials import Crashed, Days

PRUNING: Final = (
    Mutant(
        "a-day-is-a-second",
        "a period is over after as many seconds as it has days",
        [
            Edit("cabinet.policy.retention:Periods.due", "rule.days * DAY_MS", "rule.days * 1_000"),
            Edit("cabinet.service.expiry:Expiry._portion", "shortest * DAY_MS", "shortest * 1_000"),
        ],
        [Crashed("too-old")],
    ),
    Mutant(
        "by-any-clock",
        "what is too old is told by a clock that nobody vouches for",
        [
            Edit("cabinet.service.retention:Retention._step", "if not now.wall_time_trusted or not", "if not"),
            Edit("cabinet.core.pruning:on_asked", "if not turn.now.wall_time_trusted:", "if False:"),
        ],
        [Crashed("too-old")],
    ),
    Mutant(
        "open-incident-pruned",
        "a complaint that nobody has closed is pruned like any other event",
        [Edit("cabinet.core.pruning:_referred_to", "if incident.closed_n is None:", "if False:")],
        [Crashed("too-old")],
    ),
    Mutant(
        "who-has-it-pruned",
        "who took what is still out is pruned like any other event",
        [Edit("cabinet.core.pruning:_referred_to", "if out.n is not None", "if False")],
        [Crashed("too-old")],
    ),
    Mutant(
        "pruned-before-the-set",
        "leaves go from which the state is folded, and no set of it stands behind them",
        [
            Edit("cabinet.service.retention:Retention._prune", "if going[-1].n >=", "if False and going[-1].n >="),
            Edit("cabinet.core.pruning:on_asked", "if one.n < foldable", "if True"),
        ],
        [Crashed("too-old")],
    ),
    Mutant(
        "wiped-in-word-only",
        "that nothing is left of what was pruned is said while the log still has it",
        [
            Edit("cabinet.service.retention:Retention._prune", "await self._ask(self._journal.wipe)", "pass"),
            Edit(
                "cabinet.service.retention:Retention._unwiped",
                "if not await self._ask(self._journal.wipe):",
                "if False:",
            ),
        ],
        [Crashed("too-old")],
    ),
    Mutant(
        "more-than-it-says",
        "with each range one leaf more is pruned than the journal names",
        [Edit("cabinet.journal.pruning:_ranges", "found.append((first, end))", "found.append((first, end + 1))")],
        [Crashed("too-old")],
    ),
    Mutant(
        "hours-without-checkpoint",
        "of an hour no checkpoint is kept when the next one is near enough",
        [Edit("cabinet.journal.thinning:_stands", " or last[0].ts // _HOUR_MS != later[0].ts // _HOUR_MS", "")],
        [Days(2, 24)],
    ),
)
