"""Planted bugs in which fob hangs where, and what follows from it."""

from __future__ import annotations

from typing import Final

from simulator.harness.mutants.planting import Edit, Mutant
from simulator.harness.mutants.trials import Crashed

FOBS: Final = (
    Mutant(
        "anywhere-is-home",
        "an item is right in every slot whose reader names it",
        [
            Edit(
                "cabinet.core.places:named",
                '"right" if slot in slots_of(setup, rights, item) else "misplaced"',
                '"right"',
            )
        ],
        [Crashed("misplaced")],
    ),
    Mutant(
        "opened-where-it-belongs",
        "the slot of an item is opened, and not that in which it hangs",
        [Edit("cabinet.core.release:grant", "slot = places.place(turn.ledger, item)", "slot = item.slot")],
        [Crashed("any-slot")],
    ),
    Mutant(
        "out-though-misplaced",
        "what hangs in the wrong slot is still with its holder",
        [
            Edit(
                "cabinet.core.fold_custody:_is_back", "return out.item ==", "return kind != 'misplaced' and out.item =="
            )
        ],
        [Crashed("wrong-slot-overnight")],
    ),
    Mutant(
        "places-not-stored",
        "where items hang is forgotten with the plug",
        [Edit("cabinet.core.ledger_rows:changed_rows", "in _TABLES:", "in _TABLES.keys() - {'hangs'}:")],
        [Crashed("misplaced")],
    ),
    Mutant(
        "misplaced-for-ever",
        "the alarm stays when the item has left the wrong slot",
        [Edit("cabinet.core.leaving:clear", "if alarm is not None:", "if False:")],
        [Crashed("misplaced")],
    ),
    Mutant(
        "strange-fob-is-the-item",
        "a strange fob counts as what belongs into its slot",
        [Edit("cabinet.core.places:named", "own is not None and own.fob is None", "own is not None")],
        [Crashed("foreign-fob")],
    ),
    Mutant(
        "most-used-first",
        "of equal items the one that was used most is given",
        [
            Edit(
                "cabinet.policy.least_used:least_used",
                "(*uses.get(item.id, (0, 0)), item.slot or 0)",
                "(-uses.get(item.id, (0, 0))[0], item.slot or 0)",
            )
        ],
        [Crashed("least-used")],
    ),
    Mutant(
        "uses-not-stored",
        "how often an item was taken is forgotten with the plug",
        [Edit("cabinet.core.ledger_rows:changed_rows", "in _TABLES:", "in _TABLES.keys() - {'uses'}:")],
        [Crashed("least-used")],
    ),
    Mutant(
        "by-whomever",
        "it is not said that somebody else than the holder has brought it back",
        [
            Edit(
                "cabinet.core.custody:_back",
                "(out is not None and out.holder not in (None, running.person)) or None",
                "None",
            )
        ],
        [Crashed("brought-by-another")],
    ),
)
