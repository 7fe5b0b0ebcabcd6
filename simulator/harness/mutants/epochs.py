"""Planted bugs between one epoch of the journal and the next."""

from __future__ import annotations

from typing import Final

from simulator.harness.mutants.planting import Edit, Mutant
from simulator.harness.mutants.trials import Crashed

EPOCHS: Final = (
    Mutant(
        "epoch-without-what-is-out",
        "the next epoch does not know what is out, and with whom",
        [
            Edit(
                "cabinet.core.epoch_set:carried",
                "        arriving=None,\n",
                "        arriving=None,\n        outs={},\n",
            )
        ],
        [Crashed("another-journal-upstream")],
    ),
    Mutant(
        "epoch-after-epoch",
        "whenever upstream contradicts it the cabinet opens another epoch, as often as that is",
        [
            Edit(
                "cabinet.core.upstream:_may_by_itself",
                "    return turn.now.wall_time_trusted and ",
                "    return True or ",
            )
        ],
        [Crashed("another-journal-upstream")],
    ),
    Mutant(
        "epoch-named-wrongly",
        "an epoch names another root than its predecessor had at that size",
        [Edit("cabinet.epochs:_common", "Frontier.read(size, file.node)", "Frontier.read(journal.size, file.node)")],
        [Crashed("another-journal-upstream")],
    ),
    Mutant(
        "epoch-begun-in-its-place",
        "the next epoch is written under its own name, so that a cut leaves the beginning of one",
        [
            Edit("cabinet.journal.opening:open_epoch", "folder.draft(epoch, signer)", "folder.open(epoch, signer)"),
            Edit("cabinet.journal.opening:open_epoch", "    folder.publish(epoch)\n", ""),
        ],
        [Crashed("another-journal-upstream")],
    ),
    Mutant(
        "damage-overlooked",
        "a damaged journal is gone on with, as if nothing had happened",
        [
            Edit(
                "cabinet.journal.tail:_rehash",
                "if data is not None and leaf_hash(data)",
                "if False and leaf_hash(data)",
            ),
            Edit(
                "cabinet.journal.tail:check_tail",
                "if (signed.size, signed.root) !=",
                "if False and (signed.size, signed.root) !=",
            ),
        ],
        [Crashed("journal-damaged")],
    ),
)
