"""Epochs of a cabinet: each later one says in its first leaf, `epoch.opened`, which tree it goes on from, and why.

    e1  0 ......... old_size ...... (what lies beyond stays, and is never acknowledged again)
                        |
    e2                  0 .........

A new epoch is ingested and acknowledged like any other. That there is one is an alarm until an operator accepts it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from sqlalchemy import Connection

from cabinet.journal import b64
from cabinet.journal.errors import LeafRefused
from cabinet.journal.leaf import glance
from cabinet.journal.tree import HASH_BYTES
from sync.collector import aside, epoch_rows, rows
from sync.collector.epoch_rows import EpochRow
from sync.collector.held import Held
from sync.collector.names import Cabinet

log = logging.getLogger(__name__)

OPENED: Final = "epoch.opened"
DIFFERS: Final = "epoch.differs"
UNLINKED: Final = "unlinked"
"""The reason of an epoch whose first leaf does not say what it goes on from."""
REASON_MAX: Final = 32

Relation: TypeAlias = Literal["agrees", "beyond", "behind", "differs", "unlinked"]
"""What is held of the old origin, compared with what the new one says of it: the same tree; the same, and more
behind it; less than that; another tree; or nothing was said."""


@dataclass(frozen=True, slots=True)
class Link:
    """Epoch `origin` goes on from the first `old_size` leaves of `old_origin`."""

    origin: str
    reason: str
    old_origin: str
    old_size: int
    old_root: bytes


class Lineage:
    """In step with the table; changed only inside a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._links: dict[str, Link] = {}
        self._ends: dict[str, Link] = {}
        self.unaccepted: set[str] = set()
        """Epochs that nobody has accepted, as of the last look."""
        for row in epoch_rows.epochs(connection):
            if (link := link_of(row)) is not None:
                self._put(link)
        self.look(connection)

    def look(self, connection: Connection) -> None:
        """An operator accepts epochs by a program of their own."""
        self.unaccepted = {row.origin for row in epoch_rows.epochs(connection) if row.accepted_ms is None}

    def ends(self, origin: str) -> Link | None:
        """By which epoch the cabinet has given up this origin."""
        return self._ends.get(origin)

    def open(self, connection: Connection, held: Held, leaf: bytes | None, now_ms: int) -> Link | None:
        """The first leaf of a later epoch was joined to its tree."""
        link = _read(leaf, held.origin, held.cabinet, held.epoch)
        reason = _reason(leaf) if link is None else link.reason
        old = None if link is None else (link.old_origin, link.old_size, link.old_root)
        epoch_rows.add_epoch(connection, held.id, reason, old, now_ms)
        self.unaccepted.add(held.origin)
        if link is not None:
            self._put(link)
        return link

    def _put(self, link: Link) -> None:
        self._links[link.origin] = link
        self._ends.setdefault(link.old_origin, link)


def compare(link: Link | None, size: int, root: bytes | None) -> Relation:
    """`size` is what is held of the old origin, `root` our root at its `old_size`, None where that is beyond us."""
    if link is None:
        return "unlinked"
    if root is None:
        return "behind"
    if root != link.old_root:
        return "differs"
    return "beyond" if size > link.old_size else "agrees"


def announce(
    connection: Connection, new: Held, link: Link | None, old: Held | None, payload: bytes, theirs: bytes, now_ms: int
) -> None:
    """The alarm of a new epoch; with evidence, where it leaves out or contradicts what is held."""
    relation = compare(link, 0 if old is None else old.size, _root(connection, link, old))
    reason = UNLINKED if link is None else link.reason
    number = None
    if link is not None and old is not None and relation in ("beyond", "differs"):
        number = aside.store(connection, old, "epoch", link.old_size, theirs, payload, now_ms)
    if rows.raise_alarm(connection, new.origin, OPENED, 0, now_ms, detail=reason, evidence=number):
        log.error("%s was opened (%s): see cabinet-collector epochs", new.origin, reason)
    if relation == "differs":
        warn_differs(connection, new.origin, number, now_ms)


def look_again(connection: Connection, old: Held, link: Link, grown_from: int, theirs: bytes, now_ms: int) -> None:
    """The old origin has reached the size that the new epoch names: its last leaves came after it was opened."""
    if grown_from < link.old_size <= old.size and compare(link, old.size, _root(connection, link, old)) == "differs":
        number = aside.store(connection, old, "epoch", link.old_size, theirs, b"", now_ms)
        warn_differs(connection, link.origin, number, now_ms)


def warn_differs(connection: Connection, origin: str, evidence: int | None, now_ms: int) -> None:
    if rows.raise_alarm(connection, origin, DIFFERS, 0, now_ms, evidence=evidence):
        log.error("%s goes on from another tree than the one that is held", origin)


def link_of(row: EpochRow) -> Link | None:
    if row.old_origin is None or row.old_size is None or row.old_root is None:
        return None
    return Link(row.origin, row.reason, row.old_origin, row.old_size, row.old_root)


def _root(connection: Connection, link: Link | None, old: Held | None) -> bytes | None:
    if link is None or old is None or old.size < link.old_size:
        return None
    return old.frontier_at(connection, link.old_size).root()


def _read(leaf: bytes | None, origin: str, cabinet: Cabinet, epoch: int) -> Link | None:
    said = _glanced(leaf)
    old_origin, old_size, old_root = (said.get(key) for key in ("old_origin", "old_size", "old_root"))
    if said.get("ev") != OPENED or not isinstance(old_origin, str) or type(old_size) is not int or old_size < 0:
        return None
    older = cabinet.epoch(old_origin)
    if older is None or older >= epoch or not isinstance(old_root, str):
        return None
    try:
        root = b64.decode(old_root)
    except ValueError:
        return None
    return Link(origin, _reason(leaf), old_origin, old_size, root) if len(root) == HASH_BYTES else None


def _reason(leaf: bytes | None) -> str:
    said = _glanced(leaf)
    reason = said.get("reason")
    return reason[:REASON_MAX] if said.get("ev") == OPENED and isinstance(reason, str) else UNLINKED


def _glanced(leaf: bytes | None) -> dict[str, Any]:
    try:
        return {} if leaf is None else glance(leaf)
    except LeafRefused:
        return {}
