"""What a cabinet is told of erasures that it may have lost with the end of an old epoch: receipts for its own leaves.

Nobody can make one up: it leads from the leaf `person.erased` to a checkpoint that the cabinet itself has signed.
"""

from __future__ import annotations

from functools import partial

from sqlalchemy import Connection

from cabinet.journal import receipt
from cabinet.journal.tree import inclusion
from sync.collector import epoch_rows, rows
from sync.collector.memory import Memory
from sync.collector.names import Cabinet


def of_older_epochs(connection: Connection, memory: Memory, cabinet: Cabinet, epoch: int) -> list[bytes]:
    """One for each person erased in an epoch before this one."""
    found = []
    for row in epoch_rows.erased(connection):
        if Cabinet(row.site, row.device) != cabinet or row.epoch >= epoch:
            continue
        held = memory.origins[row.name]
        if held.ack is None or not row.n < held.acked <= held.size:
            continue
        [(_, _, _, _, leaf)] = rows.leaves(connection, row.origin, row.n, 1)
        if leaf is not None:
            proof = inclusion(row.n, held.acked, partial(rows.node, connection, row.origin))
            found.append(receipt.compose(row.n, leaf, proof, held.ack_note))
    return found
