"""Planted bugs in what the cabinet asks, and in what it reminds of."""

from __future__ import annotations

from typing import Final

from simulator.harness.mutants.planting import Edit, Mutant
from simulator.harness.mutants.trials import Crashed

ASKING: Final = (
    Mutant(
        "released-unasked",
        "an item is released, whatever is to be asked before",
        [Edit("cabinet.core.visit:request", "not prompts.ask_before(turn, visit, item)", "True")],
        [Crashed("asked")],
    ),
    Mutant(
        "skips-what-is-required",
        "a required question may be skipped",
        [
            Edit("cabinet.core.prompts:take_answer", "digits is not None or prompt.required", "digits is not None"),
            Edit("cabinet.core.prompts:lacks_answer", "and prompt.required", "and False"),
        ],
        [Crashed("asked")],
    ),
    Mutant(
        "answers-lost-with-the-power",
        "what was to be asked about a return is forgotten with a cut",
        [
            Edit(
                "cabinet.core.ledger_rows:changed_rows",
                "for table in _TABLES:",
                "for table in _TABLES.keys() - {'questions'}:",
            )
        ],
        [Crashed("brought-back-unasked")],
    ),
    Mutant(
        "asked-again",
        "a question that is answered stays open",
        [
            Edit(
                "cabinet.core.fold_custody:settled",
                'prompt != leaf.fields.get("prompt")',
                'leaf.ev == "prompt.answered"',
            )
        ],
        [Crashed("asked")],
    ),
    Mutant(
        "keys-not-compared",
        "keys are counted, and nobody looks at how many they should be",
        [Edit("cabinet.core.prompts:_differs", "given == wanted", "True")],
        [Crashed("one-key-too-few")],
    ),
    Mutant(
        "reminded-again",
        "what was said of a document is said again after a restart",
        [
            Edit(
                "cabinet.core.ledger_rows:changed_rows",
                "for table in _TABLES:",
                "for table in _TABLES.keys() - {'alarms'}:",
            )
        ],
        [Crashed("document-expires")],
    ),
    Mutant(
        "reminded-by-any-clock",
        "documents expire by a clock that nobody vouches for",
        [
            Edit("cabinet.core.reminders:on_time", "not turn.now.wall_time_trusted or ", ""),
            Edit("cabinet.core.step:next_wake_s", "if now.wall_time_trusted:", "if True:"),
        ],
        [Crashed("document-expires")],
    ),
    Mutant(
        "reminded-of-one-threshold",
        "a document that was told of once is not told of again until it has expired",
        [Edit("cabinet.core.reminders:_look", " or told.days is None or min(reached) < told.days", "")],
        [Crashed("document-expires")],
    ),
)
