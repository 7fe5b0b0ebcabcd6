"""People whom a cabinet has erased: their payloads go here too, and do not come back with a resend.

The leaf `person.erased` carries the pseudonym. Every leaf of that cabinet in which it stands is kept by its hash alone,
wherever its bytes lie: in the tree, behind a gap, among orphans, in evidence. Trees and notes stay as they are, and
verify. The leaves `person.erased` themselves stay whole: they hold nothing sealed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from sqlalchemy import Connection

from cabinet.journal import b64
from cabinet.journal.errors import LeafRefused
from cabinet.journal.leaf import glance
from cabinet.journal.tree import leaf_hash
from sync.collector import epoch_rows
from sync.collector.batch import Batch
from sync.collector.held import Held
from sync.collector.names import Cabinet

ERASED: Final = "person.erased"
_ERASED: Final = b'"ev":"person.erased"'
# In canonical JSON no quote stands unescaped inside a text.
_NAMED: Final = re.compile(rb'"p":"([A-Za-z0-9+/]{22}==)"')


class Erased:
    """In step with the table; changed only inside a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._people: dict[Cabinet, set[str]] = {}
        for row in epoch_rows.erased(connection):
            self._people.setdefault(Cabinet(row.site, row.device), set()).add(row.p)

    def without(self, batch: Batch) -> Batch:
        """The batch with no bytes of leaves that concern somebody erased."""
        people = self._people.get(batch.cabinet)
        if not people:
            return batch
        leaves = [None if leaf is not None and concerns(leaf, people) else leaf for leaf in batch.leaves]
        if leaves == batch.leaves:
            return batch
        return replace(batch, leaves=leaves, payload=_rewritten(batch.payload, people))

    def learn(self, connection: Connection, held: Held, batch: Batch, origins: Iterable[Held], now_ms: int) -> bool:
        """From leaves that are known to be the cabinet's. Whether bytes may have gone, of any of its origins."""
        found = erasures(batch)
        known = self._people.setdefault(batch.cabinet, set())
        for p, n in found.items():
            epoch_rows.add_erased(connection, held.id, p, n, now_ms)
        fresh = found.keys() - known
        known |= fresh
        for origin in origins if fresh else ():
            _forget(connection, origin, fresh)
        return bool(fresh)


def erasures(batch: Batch) -> Mapping[str, int]:
    """Pseudonyms of the people that leaves of this batch say are erased, each with the last such leaf."""
    found: dict[str, int] = {}
    for n, leaf in enumerate(batch.leaves, batch.first):
        if leaf is not None and _ERASED in leaf and _kind(leaf) == ERASED:
            found |= dict.fromkeys(_named(leaf), n)
    return found


def concerns(leaf: bytes, people: set[str]) -> bool:
    """Whether its bytes must go."""
    return not people.isdisjoint(_named(leaf)) and _kind(leaf) != ERASED


def _forget(connection: Connection, held: Held, people: set[str]) -> None:
    for table in ("leaf", "orphan"):
        gone = {
            (n, hashed)
            for p in people
            for n, hashed, leaf in epoch_rows.naming(connection, table, held.id, f'"p":"{p}"'.encode())
            if _kind(leaf) != ERASED
        }
        if gone:
            epoch_rows.drop_bytes(connection, table, held.id, sorted(gone))
    for table in ("staged", "evidence"):
        for row, payload in epoch_rows.payloads(connection, table, held.id):
            if (rewritten := _rewritten(payload, people)) != payload:
                epoch_rows.put_payload(connection, table, row, rewritten)


def _rewritten(payload: bytes, people: set[str]) -> bytes:
    """A batch that was read before, its leaves that concern these people as their hashes."""
    if not payload:
        return payload
    found = json.loads(payload)
    leaves = [_hidden(one, people) for one in found["leaves"]]
    return payload if leaves == found["leaves"] else _written(found | {"leaves": leaves})


def _written(payload: object) -> bytes:
    return json.dumps(payload, separators=(",", ":"), ensure_ascii=False).encode()


def _hidden(one: object, people: set[str]) -> object:
    if not isinstance(one, str) or not concerns(leaf := b64.decode(one), people):
        return one
    return {"hash": b64.encode(leaf_hash(leaf))}


def _named(leaf: bytes) -> set[str]:
    return {p.decode() for p in _NAMED.findall(leaf)}


def _kind(leaf: bytes) -> object:
    try:
        return glance(leaf).get("ev")
    except LeafRefused:
        return None
