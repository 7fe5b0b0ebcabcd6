"""What contradicts an origin's tree: kept aside as evidence, never mixed into it, and an alarm that names it."""

from __future__ import annotations

import logging
from hashlib import sha256
from typing import Final, Literal, TypeAlias

from sqlalchemy import Connection

from sync.collector import rows
from sync.collector.batch import Refused
from sync.collector.held import Held

log = logging.getLogger(__name__)

BYTES_MAX: Final = 16_000_000
"""Of evidence against one origin; what comes beyond is counted."""

Kind: TypeAlias = Literal[
    "tamper",  # another leaf at an index that is held; no signature vouches for it
    "fork",  # the cabinet signed another tree of our size or beyond, or one we cosigned is not ours
    "rollback",  # the cabinet signed another tree below our size
    "wrong-root",  # leaves that continue ours do not lead to what the cabinet signed
    "ended",  # leaves that continue an origin which the cabinet has given up: somebody else still has its key
    "epoch",  # a new epoch leaves out what is held of the old one, or names another tree
]


def keep(connection: Connection, held: Held, kind: Kind, n: int, theirs: bytes, payload: bytes, now_ms: int) -> None:
    """Store it and raise the alarm. `n` is the first index where they differ.

    Raises Refused, the alarm raised, when there is too much already.
    """
    number = store(connection, held, kind, n, theirs, payload, now_ms)
    if rows.raise_alarm(connection, held.origin, kind, n, now_ms, evidence=number):
        log.error("%s: %s at index %d of %d; see cabinet-collector list", held.origin, kind, n, held.size)
    if number is None:
        raise Refused("full")


def store(
    connection: Connection, held: Held, kind: Kind, n: int, theirs: bytes, payload: bytes, now_ms: int
) -> int | None:
    """Their signed note with our own newest checkpoint beside it: its number, None when there is too much already."""
    if rows.evidence_bytes(connection, held.id) + len(theirs) + len(payload) > BYTES_MAX:
        return None
    digest = sha256(theirs + payload).digest()
    return rows.put_evidence(connection, held.id, kind, n, digest, held.sealed(), theirs, payload, now_ms)
