"""Planted bugs in how somebody is forgotten."""

from __future__ import annotations

from typing import Final

from simulator.harness.mutants.planting import Edit, Mutant
from simulator.harness.mutants.trials import Crashed

ERASING: Final = (
    Mutant(
        "erased-and-the-key-stays",
        "cards and rights of whoever is erased go, and their row with the key stays",
        [
            Edit(
                "cabinet.roster.erasure:delete_rows",
                "delete(PERSON).where(PERSON.c.pseudonym",
                "delete(RIGHT_PERSON).where(RIGHT_PERSON.c.pseudonym",
            )
        ],
        [Crashed("erased")],
    ),
    Mutant(
        "done-before-it-is-done",
        "the journal says that an erasure is done while the roster is still being written",
        [
            Edit(
                "cabinet.service.erasure:Erasure.erase",
                "        refusal = None\n",
                "        refusal, roster = None, self._roster\n"
                "        self._runner.inbox.post(\n"
                "            Erased(effect.person, effect.request, roster.version, roster.digest, None)\n"
                "        )\n",
            )
        ],
        [Crashed("erased")],
    ),
    Mutant(
        "erased-and-still-served",
        "whoever is erased keeps their rights until the next start",
        [
            Edit(
                "cabinet.service.erasure:Erasure.erase",
                "self._runner.rights = await self._worker.run(self._snapshot)",
                "pass",
            )
        ],
        [Crashed("erased")],
    ),
    Mutant(
        "erasure-never-finished",
        "an erasure that a crash has interrupted is not taken up again",
        [
            Edit(
                "cabinet.core.machine:on_roster_found",
                "    if turn.ledger.erasures:\n        erasing.resume(turn)\n        return\n",
                "",
            )
        ],
        [Crashed("erased")],
    ),
    Mutant(
        "sealed-for-the-erased",
        "the leaf of an erasure holds the name of whom it is about, under the key that is destroyed",
        [Edit("cabinet.vault.sealing:_sub", "None if subject.bare else key_of", "key_of")],
        [Crashed("erased")],
    ),
    Mutant(
        "given-without-its-end",
        "what somebody is given on request ends before the last event",
        [Edit("cabinet.service.disclosure:Disclosure._ends", "= size, note", "= size - 1, note")],
        [Crashed("erased")],
    ),
    Mutant(
        "given-unjournaled",
        "what is kept on somebody is given out, and the journal does not say so",
        [
            Edit(
                "cabinet.core.disclosing:on_asked",
                'turn.journal("person.exported", [Subject("concerned", event.person)], operator=event.operator)',
                "turn.state.size - 1",
            )
        ],
        [Crashed("erased")],
    ),
)
