"""Planted bugs in the keys that sign the journal."""

from __future__ import annotations

from typing import Final

from simulator.harness.mutants.planting import Edit, Mutant
from simulator.harness.mutants.trials import Crashed

SIGNING: Final = (
    Mutant(
        "nobody-vouches",
        "the transaction that rotates the signing key is signed by the old one alone",
        [Edit("cabinet.journal.sealed:seal_batch", "signed(signer, successor)", "signed(signer)")],
        [Crashed("key-rotated")],
    ),
    Mutant(
        "old-key-signs-on",
        "after a rotation the old key goes on signing until the next start",
        [
            Edit(
                "cabinet.journal.store:Journal._succeed",
                "self._signer, self._successor = successor, None",
                "self._successor = None",
            )
        ],
        [Crashed("key-rotated")],
    ),
    Mutant(
        "old-key-kept",
        "a key that was rotated away is not destroyed",
        [
            Edit(
                "cabinet.vault.signing_key:SigningKeys.settle",
                "        if signs == self.next:\n",
                "        if False:\n",
            )
        ],
        [Crashed("key-rotated")],
    ),
    Mutant(
        "old-key-destroyed-first",
        "the old signing key is destroyed before the journal has the new one",
        [
            Edit(
                "cabinet.service.keys:Keys.rotate",
                "            answer = await",
                "            self._signing.settle(self._signing.next)\n            answer = await",
            )
        ],
        [Crashed("key-rotated")],
    ),
    Mutant(
        "sent-across-a-rotation",
        "leaves before and behind a rotation of the signing key go up at once",
        [Edit("cabinet.journal.outbox:_batch", "note.count(_LINE) > 1", "False")],
        [Crashed("key-rotated")],
    ),
    Mutant(
        "cache-destroys-a-key",
        "a rotation that only the system's cache holds destroys the old signing key",
        [
            Edit("cabinet.books:_settle", "        journal.settle()\n", ""),
        ],
        [Crashed("rotated-and-not-synced")],
    ),
)
