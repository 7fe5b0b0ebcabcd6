"""Planted bugs in the journal, and between it and the bolts."""

from __future__ import annotations

from typing import Final

from simulator.harness.mutants.planting import Edit, Mutant
from simulator.harness.mutants.trials import Crashed, Days

RECORDING: Final = (
    Mutant(
        "unlocked-before-the-commit",
        "effects go out before their leaves are on the disk",
        [
            Edit(
                "cabinet.runner:Runner._commit",
                "        try:\n            commit =",
                "        self._send(batch.effects)\n        batch.effects.clear()\n        try:\n            commit =",
            )
        ],
        [Crashed("take-and-return")],
    ),
    Mutant(
        "unlocked-without-a-sync",
        "a commit counts as durable when it is written, and not when it is synced",
        [
            Edit(
                "cabinet.runner:Runner._commit",
                "        except JournalUnwritable as error:\n"
                "            self._failed(batch, error)\n"
                "            return\n",
                "        except JournalUnwritable as error:\n"
                "            if 'syncing' not in str(error):\n"
                "                self._failed(batch, error)\n"
                "                return\n"
                "            commit = None\n",
            ),
            Edit("cabinet.runner:Runner._commit", "listener(commit)", "commit and listener(commit)"),
        ],
        [Crashed("disk-that-does-not-sync")],
    ),
    Mutant(
        "never-settled",
        "after a failed sync and a new start, what is in the cache counts as durable with the next commit",
        [Edit("cabinet.journal.store:Journal._settle", "            file.settle()\n", "            pass\n")],
        [Crashed("disk-that-does-not-sync")],
    ),
    Mutant(
        "gap-not-told",
        "when the disk takes leaves again, the journal does not tell that it did not",
        [Edit("cabinet.core.machine:on_journal_recovered", '    turn.raise_alarm("journal.failed")\n', "")],
        [Crashed("full-disk")],
    ),
    Mutant(
        "time-vouched-for",
        "every leaf says that its time is the time service's",
        [Edit("cabinet.vault.sealing:seal", "tq=now.quality", 'tq="ntp"')],
        [Crashed("clock-not-trusted")],
    ),
    Mutant(
        "memory-ahead-of-the-disk",
        "the journal's memory takes a leaf before the disk has it",
        [
            Edit(
                "cabinet.journal.store:Journal.append",
                "        self._write(",
                "        self._frontier = frontier\n        self._write(",
            )
        ],
        [Crashed("full-disk")],
    ),
    Mutant(
        "checkpoint-of-the-old-root",
        "a checkpoint is signed over the root before its leaves",
        [
            Edit(
                "cabinet.journal.sealed:seal_batch",
                "frontier.size, root).signed",
                "frontier.size, before.root()).signed",
            )
        ],
        [Crashed("refused")],
    ),
    Mutant(
        "sent-from-the-cache",
        "after a failed sync leaves go upstream that only the system's cache holds",
        [
            Edit("cabinet.journal.outbox:Outbox.batch", "ask_durable", "ask"),
            Edit("cabinet.journal.outbox:Outbox.oldest", "ask_durable", "ask"),
        ],
        [Crashed("written-and-not-synced")],
    ),
    Mutant(
        "slots-not-stored",
        "what hangs where is forgotten with a restart",
        [
            Edit(
                "cabinet.core.ledger_rows:changed_rows",
                "for table in _TABLES:",
                "for table in _TABLES.keys() - {'slots'}:",
            )
        ],
        [Crashed("take-and-return")],
    ),
    Mutant(
        "journal-never-recovers",
        "after the disk has failed once, nothing is tried again until a restart",
        [Edit("cabinet.runner:Runner._failed", "self._clock.mono_s() + _RETRY_S", "float('inf')")],
        [Crashed("full-disk")],
    ),
    Mutant(
        "facts-dropped",
        "what the world did while the disk took nothing is not journaled later",
        [Edit("cabinet.runner:Runner._step_waiting", "self._held.post(event)", "pass")],
        [Crashed("full-disk")],
    ),
    Mutant(
        "name-in-the-leaf",
        "a leaf holds the name beside its pseudonym",
        [
            Edit(
                "cabinet.engine:Engine._seal",
                "        entry = seal(\n            leaf,",
                "        names = [self.roster.name_of(one.person) for one in leaf.subs]\n"
                "        leaf = type(leaf)(leaf.ev, {**leaf.fields, 'hint': str(names)}, leaf.subs)\n"
                "        entry = seal(\n            leaf,",
            )
        ],
        [Crashed("take-and-return")],
    ),
    Mutant(
        "pin-in-the-log",
        "the PIN that is checked stands in the log",
        [
            Edit(
                "cabinet.acts:Acts._pin",
                "        correct = await",
                "        log.warning('checking %s', effect.secret.reveal())\n        correct = await",
            )
        ],
        [Crashed("take-and-return")],
    ),
    Mutant(
        "late-pulse",
        "a bolt opens whenever its board is back, however late that is",
        [Edit("cabinet.acts:Acts._release", "left_s = latest_s - asyncio.get_running_loop().time()", "left_s = 600.0")],
        [Crashed("dead-board"), Days(1, 96)],
    ),
    Mutant(
        "waits-for-the-display",
        "a bolt opens only once somebody can read that it does",
        [
            Edit(
                "cabinet.acts:Acts._release",
                "        left_s = latest_s -",
                "        for display in self._hardware.displays:\n"
                "            await self._hardware.up(display.device, 1.0)\n"
                "        left_s = latest_s -",
            )
        ],
        [Days(1, 48), Days(2, 48)],
    ),
    Mutant(
        "policy-by-its-first-part",
        "a roster change in parts is written when the first of them is journaled",
        [
            Edit(
                "cabinet.core.machine:on_roster_planned",
                "turn.act(Answer(event.request) if event.more else CommitRoster(event.request))",
                "turn.act(CommitRoster(event.request))",
            )
        ],
        [Crashed("policy-as-text")],
    ),
    Mutant(
        "policy-without-its-end",
        "the last part of a roster change is never journaled, and the change never written",
        [
            Edit(
                "cabinet.service.roster:RosterService._journal",
                "        for n in range(len(parts)):\n",
                "        for n in range(len(parts) - 1 or 1):\n",
            )
        ],
        [Crashed("policy-as-text")],
    ),
    Mutant(
        "roster-before-its-leaves",
        "a roster is put in force before the journal has it",
        [
            Edit(
                "cabinet.service.roster:RosterService._journal",
                "        parts = list(_parts(plan.leaves))\n",
                "        parts = list(_parts(plan.leaves))\n"
                "        await self._worker.run(self._roster.commit, plan)\n",
            )
        ],
        [Days(1, 240), Days(2, 240)],
    ),
)
