"""Planted bugs on the way back from a backup."""

from __future__ import annotations

from typing import Final

from simulator.harness.mutants.planting import Edit, Mutant
from simulator.harness.mutants.trials import Weeks

RESTORING: Final = (
    Mutant(
        "erased-until-restored",
        "a restore does not ask the journal that it replaces who was erased",
        [
            Edit(
                "cabinet.backup.restore:Restore.apply",
                "(set(erasures) | told) - replay.erased",
                "set(erasures) - replay.erased",
            )
        ],
        [Weeks(seed, 25) for seed in (1, 2, 3)],
    ),
    Mutant(
        "epoch-of-another-life",
        "the epoch after a restore has the number that follows in the backup, whatever there was since",
        [
            Edit(
                "cabinet.backup.restore:Restore._next",
                "folder.know(max(known))",
                "folder.know(max(self._replay.epochs))",
            )
        ],
        [Weeks(seed, 25) for seed in (1, 2, 3)],
    ),
    Mutant(
        "half-a-restore",
        "a restore that was cut is not finished by the next start",
        [
            Edit(
                "cabinet.backup.swap:finish",
                "if (folder / STAGE).exists() or (folder / TODO).exists():",
                "if False:",
            )
        ],
        [Weeks(seed, 25) for seed in (1, 2, 3)],
    ),
)
