"""Planted bugs in what people give themselves at the cabinet."""

from __future__ import annotations

from typing import Final

from simulator.harness.mutants.planting import Edit, Mutant
from simulator.harness.mutants.trials import Crashed

ENROLLING: Final = (
    Mutant(
        "first-pin-for-good",
        "a PIN for its first use only opens like any other",
        [Edit("cabinet.policy.pin:due", "if person.pin_temporary:", "if False:")],
        [Crashed("first-pin")],
    ),
    Mutant(
        "pin-typed-once",
        "a new PIN is taken whatever is typed the second time",
        [Edit("cabinet.core.enrol:on_entered", "running.new_pin.reveal() != event.secret.reveal()", "False")],
        [Crashed("first-pin")],
    ),
    Mutant(
        "same-pin-again",
        "who has to choose a new PIN may choose the old one",
        [Edit("cabinet.service.roster:RosterService._enrol", "record is not None and", "False and")],
        [Crashed("first-pin")],
    ),
    Mutant(
        "enrolled-again-and-again",
        "a code for enrolling is not used up",
        [
            Edit(
                "cabinet.core.fold_people:enrolled",
                'replace(ledger, offers=without(ledger.offers, number_of(leaf, "offer")))',
                "ledger",
            )
        ],
        [Crashed("enrolled-by-code")],
    ),
)
