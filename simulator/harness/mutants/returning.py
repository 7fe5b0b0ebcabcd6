"""Planted bugs in who may bring back what."""

from __future__ import annotations

from typing import Final

from simulator.harness.mutants.planting import Edit, Mutant
from simulator.harness.mutants.trials import Crashed

RETURNING: Final = (
    Mutant(
        "returns-not-asked",
        "whoever stands there has returned it as its rule asks",
        [
            Edit(
                "cabinet.core.returning:owed",
                "        case Denial(denied, window, right_id, missing):\n"
                "            return Owed(denied, right_id or rule.id, window, missing)",
                "        case _:\n            return None",
            )
        ],
        [Crashed("brought-back-and-badged")],
    ),
    Mutant(
        "returned-without-approval",
        "a return is completed before others have approved it",
        [
            Edit(
                "cabinet.core.visit:request",
                "        case NeedsApproval(_, count):",
                "        case NeedsApproval(right) if act == 'return':\n"
                "            returning.complete(turn, person, item, right)\n"
                "        case NeedsApproval(_, count):",
            )
        ],
        [Crashed("safe-goes-back")],
    ),
    Mutant(
        "returned-with-half-the-factors",
        "a return is completed with the card where its rule asks the PIN too",
        [
            Edit(
                "cabinet.core.visit:request",
                '        case NeedsFactor(_, missing) if not missing.isdisjoint({"card", "strong-card"}):',
                "        case NeedsFactor(right) if act == 'return':\n"
                "            returning.complete(turn, person, item, right)\n"
                '        case NeedsFactor(_, missing) if not missing.isdisjoint({"card", "strong-card"}):',
            )
        ],
        [Crashed("safe-goes-back")],
    ),
    Mutant(
        "owed-return-lost",
        "after a restart nobody is asked for a return that lacks something, and nobody is told",
        [Edit("cabinet.core.returning:on_started", "turn.ledger.owed", "()")],
        [Crashed("brought-back-and-badged")],
    ),
    Mutant(
        "return-rights-release",
        "a right for returning releases too",
        [Edit("cabinet.policy.rights:Rights.rights_of", "if act in right.acts", "")],
        [Crashed("one-van-at-a-time"), Crashed("card-alone")],
    ),
)
