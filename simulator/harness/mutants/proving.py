"""Planted bugs in what a card has to prove."""

from __future__ import annotations

from typing import Final

from simulator.harness.mutants.planting import Edit, Mutant
from simulator.harness.mutants.trials import Crashed

PROVING: Final = (
    Mutant(
        "copied-card-taken",
        "a strong credential is taken by its number",
        [
            Edit(
                "cabinet.core.unproven:is_unproven",
                ' or (event.card in turn.rights.strong and event.proof != "strong")',
                "",
            )
        ],
        [Crashed("copied-card")],
    ),
    Mutant(
        "forged-card-taken",
        "whatever answers at all has proved its key",
        [
            Edit(
                "cabinet.wiring:Wiring._card",
                "number, shown.proof)",
                'number, "strong" if shown.proof == "failed" else shown.proof)',
            )
        ],
        [Crashed("forged-card")],
    ),
    Mutant(
        "answer-not-compared",
        "the reader decides without a look at what the card has made of its challenge",
        [
            Edit(
                "drivers.wire.desfire:authenticate",
                "if not hmac.compare_digest(answer, rotated(rnd_a)):",
                "if len(answer) != len(rnd_a):",
            )
        ],
        [Crashed("forged-card", level="wire")],
    ),
    Mutant(
        "any-card-is-strong",
        "a card that shows its number alone opens what asks for a strong one",
        [
            Edit(
                "cabinet.core.unproven:factors_of",
                'event.card in turn.rights.strong and event.proof == "strong"',
                "True",
            )
        ],
        [Crashed("strong-card")],
    ),
    Mutant(
        "copies-not-told",
        "a card that does not prove itself is refused again and again, and nobody is told",
        [Edit("cabinet.core.unproven:refuse", "tries.count >= ALARM_AT", "tries.count > 1000")],
        [Crashed("copied-card")],
    ),
    Mutant(
        "cut-forgets-copies",
        "the count of cards that did not prove themselves is in no leaf's fold",
        [
            Edit(
                "cabinet.core.fold_people:failed",
                '        (card_key(leaf, "holder"), "card_failed", "card_until"),\n',
                "",
            )
        ],
        [Crashed("copied-card")],
    ),
    Mutant(
        "one-proof-clears-all",
        "any card that proves its key ends the alarm of another's copies",
        [
            Edit(
                "cabinet.core.unproven:forget",
                "if not any(key.startswith(lockout.CARD) and tries.count >= ALARM_AT for key, tries in rows):",
                "if rows is not None:",
            )
        ],
        [Crashed("copied-card")],
    ),
)
