"""Planted bugs in how far the wall time is believed."""

from __future__ import annotations

from typing import Final

from simulator.harness.mutants.planting import Edit, Mutant
from simulator.harness.mutants.trials import Crashed

CLOCKS: Final = (
    Mutant(
        "set-clock-believed",
        "a clock that somebody sets is believed as before",
        [
            Edit(
                "cabinet.core.clock:doubt",
                "abs(board_start_ms(now) - state.board_start_ms) > STEP_MS",
                "abs(board_start_ms(now) - state.board_start_ms) < 0",
            )
        ],
        [Crashed("clock-set-by-hand")],
    ),
    Mutant(
        "doubt-forgotten",
        "that a clock was set by hand is forgotten with the next start",
        [Edit("cabinet.core.fold:_clock_untrusted", '"stepped" | ', "")],
        [Crashed("clock-set-by-hand")],
    ),
    Mutant(
        "confirmed-for-good",
        "a clock that was confirmed once is believed whatever is done to it",
        [
            Edit(
                "cabinet.core.clock:judged",
                "abs(board_start_ms(now) - confirmed_ms) <= STEP_MS",
                "confirmed_ms >= 0",
            )
        ],
        [Crashed("clock-set-by-hand")],
    ),
    Mutant(
        "index-lost-with-the-clock",
        "what is said of a clock that was set while the disk fails is counted, and written nowhere",
        [Edit("cabinet.core.step:step", " and not isinstance(event, events.JournalFailed)", "")],
        [Crashed("clock-set-on-a-full-disk")],
    ),
    Mutant(
        "clock-set-past-a-wait",
        "the waits after wrong PINs end when somebody sets the clock past them",
        [Edit("cabinet.core.fold:_clock_adjusted", "row.until_ms + by_ms", "row.until_ms")],
        [Crashed("clock-set-past-a-wait")],
    ),
)
