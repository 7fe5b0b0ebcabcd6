"""Planted bugs in what is kept of fingers, and what they are taken for."""

from __future__ import annotations

from typing import Final

from simulator.harness.mutants.planting import Edit, Mutant
from simulator.harness.mutants.plots import a_finger_is_taken_unasked
from simulator.harness.mutants.trials import Crashed, Plot

FINGERS: Final = (
    Mutant(
        "finger-without-consent",
        "a finger is enrolled of whoever stands there, whether they agree or not",
        [
            Edit("cabinet.core.finger_enrol:begin", "elif person.fingers_agreed:", "elif True:"),
            Edit(
                "cabinet.roster.fingers_plan:FingersPlan.enrol",
                "if not agreed(person.consents, FINGERPRINT):",
                "if False:",
            ),
        ],
        [Plot(a_finger_is_taken_unasked)],
    ),
    Mutant(
        "numbers-of-any-module",
        "a template number is looked for in every module, whichever is behind the reader",
        [
            Edit("cabinet.core.fingers:owner", " or not is_bound(turn.state, found)", ""),
            Edit(
                "cabinet.core.fingers:owner",
                "turn.rights.fingers.get(event.module, {})",
                "next(iter(turn.rights.fingers.values()), {})",
            ),
        ],
        [Crashed("module-swapped")],
    ),
    Mutant(
        "erased-finger-stays",
        "what a module holds of nobody is left there",
        [Edit("cabinet.core.fingers:tidy", "if fresh and not waits:", "if False:")],
        [Crashed("finger-erased")],
    ),
    Mutant(
        "orphan-after-a-cut",
        "what a module says at the start is not compared with the roster",
        [Edit("cabinet.core.fingers:on_module", "tidy(turn, event.reader)", "pass")],
        [Crashed("finger-enrolled")],
    ),
    Mutant(
        "withdrawn-and-still-known",
        "who takes the consent back keeps the finger",
        [
            Edit(
                "cabinet.roster.people_plan:PeoplePlan.consent",
                "if withdrawn and purpose == FINGERPRINT:",
                "if False:",
            )
        ],
        [Crashed("finger-enrolled")],
    ),
    Mutant(
        "finger-for-a-card",
        "a finger counts for the card as well",
        [Edit("cabinet.core.identify:on_finger", 'frozenset({"finger"})', 'frozenset({"finger", "card"})')],
        [Crashed("finger-and-card")],
    ),
    Mutant(
        "unknown-fingers-for-nothing",
        "the count of fingers that are not known does not grow",
        [Edit("cabinet.core.identify:_unknown_finger", "finger_failed=tries.count", "finger_failed=1")],
        [Crashed("finger-and-card")],
    ),
)
