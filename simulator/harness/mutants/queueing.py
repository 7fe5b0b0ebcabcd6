"""Planted bugs in whose turn it is, and in what sounds then."""

from __future__ import annotations

from typing import Final

from simulator.harness.mutants.planting import Edit, Mutant
from simulator.harness.mutants.trials import Crashed, Days

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
    Mutant(
        "quiet-in-utc",
        "quiet hours are read in UTC instead of the cabinet's time zone",
        [Edit("cabinet.core.turn:Turn._is_quiet", "self.rights.zone", "type(self.rights)().zone")],
        [Crashed("quiet-hours"), Days(2, 48)],
    ),
    Mutant(
        "alarms-at-night-silent",
        "in quiet hours alarms are silent too",
        [Edit("cabinet.core.turn:Turn.act", 'effect.tone != "alarm" and ', "")],
        [Crashed("quiet-hours")],
    ),
    Mutant(
        "never-quiet",
        "tones sound in quiet hours too",
        [Edit("cabinet.core.turn:Turn.act", "self._is_quiet()", "False")],
        [Crashed("quiet-hours")],
    ),
)
