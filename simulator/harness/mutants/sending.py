"""Planted bugs on the way upstream."""

from __future__ import annotations

from typing import Final

from simulator.harness.mutants.planting import Edit, Mutant
from simulator.harness.mutants.plots import (
    a_batch_is_swallowed,
    a_clone_is_confirmed,
    a_copy_is_found_out,
    a_stranger_confirms,
)
from simulator.harness.mutants.trials import Crashed, Plot

SENDING: Final = (
    Mutant(
        "ack-without-its-root",
        "an acknowledgement counts without a look at what it confirms",
        [
            Edit("cabinet.journal.ack:judge", "root_at(claimed.size) != claimed.root", "False"),
            Edit("cabinet.journal.ack:judge", "claimed.size <= acknowledged", "False"),
        ],
        [Plot(a_clone_is_confirmed)],
    ),
    Mutant(
        "forged-ack-accepted",
        "anybody's signature under an acknowledgement will do",
        [Edit("cabinet.journal.ack:judge", "not any(key.signed(signed) for key in delivery)", "False")],
        [Plot(a_stranger_confirms)],
    ),
    Mutant(
        "ack-fails-inside",
        "an acknowledgement that the disk refuses is an error nobody expects",
        [
            Edit(
                "cabinet.service.upstream:Upstream._ask",
                "raise ControlError(Code.JOURNAL, error.hint) from None",
                "raise RuntimeError(error.hint) from None",
            )
        ],
        [Crashed("written-and-not-synced")],
    ),
    Mutant(
        "never-sent-again",
        "what the broker swallowed is not sent again",
        [
            Edit("sync.sender:Sender.sent", "end > self.acked and self._resend_at is None", "False"),
            Edit("sync.sender:Sender.acknowledged", "if self.next > acked else None", "if False else None"),
        ],
        [Plot(a_batch_is_swallowed)],
    ),
    Mutant(
        "orphan-unmarked",
        "what an epoch has given up goes up as if it belonged to the tree that upstream holds",
        [Edit("cabinet.service.upstream:Upstream.tail", "first >= tail.common", "False")],
        [Plot(a_copy_is_found_out)],
    ),
    Mutant(
        "orphan-in-the-new-name",
        "what an epoch has given up goes up in the name of the next one",
        [Edit("sync.machine:Machine._send_tail", "payloads.batch(batch.origin", "payloads.batch(self._head.origin")],
        [Plot(a_copy_is_found_out)],
    ),
    Mutant(
        "orphans-forgotten",
        "what an epoch has given up stays on the cabinet",
        [Edit("sync.machine:Machine._read_tail", "self._born and self._sender.all_held", "False")],
        [Plot(a_copy_is_found_out)],
    ),
    Mutant(
        "orphans-cut-short",
        "of what an epoch has given up the last leaves are left out",
        [Edit("cabinet.journal.tails:tails", "min(size, sealed)", "sealed - 2")],
        [Plot(a_copy_is_found_out)],
    ),
    Mutant(
        "broker-trusted",
        "what the broker has taken counts as held upstream",
        [Edit("sync.sender:Sender.taken", "flight.taken = True", "flight.taken, self.acked = True, flight.end")],
        [Plot(a_batch_is_swallowed)],
    ),
)
