"""Planted bugs in what is booked, and in one-time codes."""

from __future__ import annotations

from typing import Final

from simulator.harness.mutants.planting import Edit, Mutant
from simulator.harness.mutants.trials import Crashed

BOOKING: Final = (
    Mutant(
        "booked-and-taken",
        "what somebody has booked is given to others",
        [Edit("cabinet.policy.decide:unless_booked", "if other is None:", "if True:")],
        [Crashed("booked")],
    ),
    Mutant(
        "bookings-lost",
        "bookings are forgotten with a restart",
        [
            Edit(
                "cabinet.core.ledger_rows:changed_rows",
                "for table in _TABLES:",
                "for table in _TABLES.keys() - {'bookings'}:",
            )
        ],
        [Crashed("booked")],
    ),
    Mutant(
        "curfew-runs-into-a-booking",
        "who takes an item may keep it although it is booked by then",
        [Edit("cabinet.policy.booking:due_ms", "*ends, *begins", "*ends")],
        [Crashed("booked")],
    ),
    Mutant(
        "booked-twice",
        "an item is booked for two people at a time",
        [
            Edit(
                "cabinet.policy.booking:Booking.overlaps",
                "self.starts_ms < until_ms and starts_ms < self.until_ms",
                "False",
            )
        ],
        [Crashed("booked")],
    ),
    Mutant(
        "booked-without-a-right",
        "whoever has no right to an item can book it",
        [
            Edit(
                "cabinet.core.booking:_no_right",
                "    if rule is None:\n        return None\n    missing",
                "    if rule:\n        return None\n    missing",
            )
        ],
        [Crashed("booked")],
    ),
    Mutant(
        "code-works-twice",
        "a code is not used up",
        [Edit("cabinet.core.fold_people:code_spent", "booking.code is None", "True")],
        [Crashed("one-time-code")],
    ),
    Mutant(
        "code-too-early",
        "a code is taken hours before its booking",
        [Edit("cabinet.core.code:match", "if now_ms < booking.starts_ms - CODE_EARLY_MS:", "if False:")],
        [Crashed("one-time-code")],
    ),
    Mutant(
        "code-for-anything",
        "a code counts for whatever its person may take",
        [Edit("cabinet.core.booking:factors_for", "booking.item == item.id and ", "")],
        [Crashed("one-time-code")],
    ),
    Mutant(
        "code-instead-of-the-pin",
        "whoever types a code needs no PIN",
        [Edit("cabinet.policy.decide:decide_by", 'factors | {"number"}', 'factors | {"number", "pin"}')],
        [Crashed("one-time-code")],
    ),
    Mutant(
        "codes-guessed-for-nothing",
        "a wrong code is answered, and not counted",
        [
            Edit(
                "cabinet.core.lockout:one_more",
                "count = (failures.count if failures else 0) + 1",
                "count = 1 if fades else (failures.count if failures else 0) + 1",
            )
        ],
        [Crashed("guessed-codes")],
    ),
    Mutant(
        "wrong-codes-cost-nothing",
        "wrong codes are journaled, and nothing comes of it",
        [Edit("cabinet.core.fold_people:failed", '(keypad_key(leaf, "codes"), ', "(None, ")],
        [Crashed("guessed-codes")],
    ),
)
