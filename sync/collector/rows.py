"""What is asked of the tables, and what is written to them; each function is one statement on an open connection."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

from sqlalchemy import Connection

from cabinet.journal.tree import HASH_BYTES

LeafRow: TypeAlias = "tuple[int, int, bytes, bytes, bytes | None]"
"""origin, n, hash, subtrees, bytes (None: pruned)."""


@dataclass(frozen=True, slots=True)
class OriginRow:
    id: int
    name: str
    site: str
    device: str
    epoch: int
    seen_ms: int | None
    """When its last batch was taken; None before the first."""


def origins(connection: Connection) -> list[OriginRow]:
    found = connection.exec_driver_sql("SELECT id, name, site, device, epoch, seen_ms FROM origin ORDER BY name")
    return [OriginRow(*row) for row in found]


def add_origin(connection: Connection, name: str, site: str, device: str, epoch: int) -> int:
    added: int = connection.exec_driver_sql(
        "INSERT INTO origin (name, site, device, epoch) VALUES (?, ?, ?, ?) RETURNING id", (name, site, device, epoch)
    ).scalar_one()
    return added


def touch_origin(connection: Connection, origin: int, seen_ms: int) -> None:
    connection.exec_driver_sql("UPDATE origin SET seen_ms = ? WHERE id = ?", (seen_ms, origin))


def size(connection: Connection, origin: int) -> int:
    found: int = connection.exec_driver_sql(
        "SELECT coalesce(max(n) + 1, 0) FROM leaf WHERE origin = ?", (origin,)
    ).scalar_one()
    return found


def node(connection: Connection, origin: int, level: int, index: int) -> bytes:
    """The hash of a complete subtree; raises LookupError where it is not stored."""
    last = ((index + 1) << level) - 1
    row = connection.exec_driver_sql(
        "SELECT hash, subtrees FROM leaf WHERE origin = ? AND n = ?", (origin, last)
    ).one_or_none()
    found: bytes = b"" if row is None else (row[0] + row[1])[level * HASH_BYTES : (level + 1) * HASH_BYTES]
    if len(found) != HASH_BYTES:
        raise LookupError(f"no hash of level {level} with leaf {last}")
    return found


def insert_leaves(connection: Connection, leaves: Sequence[LeafRow]) -> None:
    connection.exec_driver_sql(
        "INSERT INTO leaf (origin, n, hash, subtrees, bytes) VALUES (?, ?, ?, ?, ?)", list(leaves)
    )


def hashes(connection: Connection, origin: int, first: int, end: int) -> list[bytes]:
    found = connection.exec_driver_sql(
        "SELECT hash FROM leaf WHERE origin = ? AND n >= ? AND n < ? ORDER BY n", (origin, first, end)
    )
    return list(found.scalars())


def leaves(connection: Connection, origin: int, first: int, limit: int) -> list[LeafRow]:
    """At most `limit` leaves from `first` on."""
    found = connection.exec_driver_sql(
        "SELECT origin, n, hash, subtrees, bytes FROM leaf WHERE origin = ? AND n >= ? ORDER BY n LIMIT ?",
        (origin, first, limit),
    )
    return cast("list[LeafRow]", found.all())


def put_checkpoint(connection: Connection, origin: int, at: int, note: bytes) -> None:
    """The newest; a smaller one is refused by the table."""
    connection.exec_driver_sql(
        "INSERT INTO checkpoint (origin, size, note) VALUES (?, ?, ?)"
        " ON CONFLICT (origin) DO UPDATE SET size = excluded.size, note = excluded.note",
        (origin, at, note),
    )


def checkpoint(connection: Connection, origin: int) -> bytes | None:
    note: bytes | None = connection.exec_driver_sql(
        "SELECT note FROM checkpoint WHERE origin = ?", (origin,)
    ).scalar_one_or_none()
    return note


def put_ack(connection: Connection, origin: int, at: int, note: bytes) -> None:
    """The newest; one that does not grow is refused by the table."""
    connection.exec_driver_sql(
        "INSERT INTO ack (origin, size, note) VALUES (?, ?, ?)"
        " ON CONFLICT (origin) DO UPDATE SET size = excluded.size, note = excluded.note",
        (origin, at, note),
    )


def ack(connection: Connection, origin: int) -> bytes | None:
    note: bytes | None = connection.exec_driver_sql(
        "SELECT note FROM ack WHERE origin = ?", (origin,)
    ).scalar_one_or_none()
    return note


def stage(connection: Connection, origin: int, first: int, digest: bytes, payload: bytes) -> None:
    connection.exec_driver_sql(
        "INSERT OR IGNORE INTO staged (origin, first, digest, payload) VALUES (?, ?, ?, ?)",
        (origin, first, digest, payload),
    )


def staged_load(connection: Connection, origin: int) -> tuple[int, int]:
    """How many batches wait behind a gap, and their bytes."""
    row = connection.exec_driver_sql(
        "SELECT count(*), coalesce(sum(length(payload)), 0) FROM staged WHERE origin = ?", (origin,)
    ).one()
    return row[0], row[1]


def staged_edge(connection: Connection, origin: int, farthest: bool) -> tuple[int, bytes] | None:
    """First index and digest of the staged batch that is nearest to the tree, or farthest."""
    order = "DESC" if farthest else "ASC"
    row = connection.exec_driver_sql(
        f"SELECT first, digest FROM staged WHERE origin = ? ORDER BY first {order}, digest LIMIT 1",  # noqa: S608
        (origin,),
    ).one_or_none()
    return None if row is None else (row[0], row[1])


def unstage(connection: Connection, origin: int, first: int, digest: bytes) -> bytes:
    """Takes it out and gives its payload."""
    payload: bytes = connection.exec_driver_sql(
        "DELETE FROM staged WHERE origin = ? AND first = ? AND digest = ? RETURNING payload", (origin, first, digest)
    ).scalar_one()
    return payload


def evidence_bytes(connection: Connection, origin: int) -> int:
    found: int = connection.exec_driver_sql(
        "SELECT coalesce(sum(length(payload) + length(theirs)), 0) FROM evidence WHERE origin = ?", (origin,)
    ).scalar_one()
    return found


def put_evidence(
    connection: Connection,
    origin: int,
    kind: str,
    n: int,
    digest: bytes,
    ours: bytes | None,
    theirs: bytes,
    payload: bytes,
    seen_ms: int,
) -> int:
    """Its number, whether it was there or not."""
    connection.exec_driver_sql(
        "INSERT OR IGNORE INTO evidence (origin, kind, n, digest, ours, theirs, payload, seen_ms)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (origin, kind, n, digest, ours, theirs, payload, seen_ms),
    )
    number: int = connection.exec_driver_sql(
        "SELECT id FROM evidence WHERE origin = ? AND kind = ? AND n = ? AND digest = ?", (origin, kind, n, digest)
    ).scalar_one()
    return number


def raise_alarm(
    connection: Connection,
    origin: str,
    kind: str,
    n: int,
    seen_ms: int,
    *,
    detail: str = "",
    evidence: int | None = None,
) -> bool:
    """Whether it is new; a repeated one is counted, and goes on naming its first evidence."""
    count: int = connection.exec_driver_sql(
        "INSERT INTO alarm (origin, kind, n, detail, evidence, count, raised_ms, seen_ms)"
        " VALUES (?, ?, ?, ?, ?, 1, ?, ?)"
        " ON CONFLICT (origin, kind) DO UPDATE SET count = count + 1, seen_ms = excluded.seen_ms,"
        " evidence = coalesce(evidence, excluded.evidence) RETURNING count",
        (origin, kind, n, detail, evidence, seen_ms, seen_ms),
    ).scalar_one()
    return count == 1


def clear_alarm(connection: Connection, origin: str, kind: str) -> None:
    connection.exec_driver_sql("DELETE FROM alarm WHERE origin = ? AND kind = ?", (origin, kind))


@dataclass(frozen=True, slots=True)
class AlarmRow:
    origin: str
    kind: str
    n: int
    detail: str
    evidence: int | None
    count: int
    raised_ms: int
    seen_ms: int


def alarms(connection: Connection) -> list[AlarmRow]:
    found = connection.exec_driver_sql(
        "SELECT origin, kind, n, detail, evidence, count, raised_ms, seen_ms FROM alarm"
        " ORDER BY raised_ms, origin, kind"
    )
    return [AlarmRow(*row) for row in found]


@dataclass(frozen=True, slots=True)
class EvidenceRow:
    id: int
    origin: int
    kind: str
    n: int
    ours: bytes | None
    theirs: bytes
    payload: bytes
    seen_ms: int


def evidence(connection: Connection) -> list[EvidenceRow]:
    found = connection.exec_driver_sql(
        "SELECT id, origin, kind, n, ours, theirs, payload, seen_ms FROM evidence ORDER BY id"
    )
    return [EvidenceRow(*row) for row in found]


def evidence_kinds(connection: Connection, origin: int) -> dict[str, int]:
    """How much of each kind is kept aside."""
    found = connection.exec_driver_sql(
        "SELECT kind, count(*) FROM evidence WHERE origin = ? GROUP BY kind ORDER BY kind", (origin,)
    )
    return {row[0]: row[1] for row in found}


def count_refused(connection: Connection, cause: str, count: int, seen_ms: int) -> None:
    connection.exec_driver_sql(
        "INSERT INTO refused (cause, count, seen_ms) VALUES (?, ?, ?)"
        " ON CONFLICT (cause) DO UPDATE SET count = count + excluded.count, seen_ms = excluded.seen_ms",
        (cause, count, seen_ms),
    )


def refused(connection: Connection) -> dict[str, int]:
    found = connection.exec_driver_sql("SELECT cause, count FROM refused ORDER BY cause")
    return {row[0]: row[1] for row in found}


def pins(connection: Connection) -> list[tuple[str, str, bytes]]:
    """Site, device and raw public key of every key that was ever pinned, the newest last."""
    found = connection.exec_driver_sql("SELECT site, device, public FROM pin ORDER BY id")
    return [(row[0], row[1], row[2]) for row in found]


def add_pin(connection: Connection, site: str, device: str, public: bytes, source: str, since_ms: int) -> None:
    connection.exec_driver_sql(
        "INSERT INTO pin (site, device, public, source, since_ms) VALUES (?, ?, ?, ?, ?)",
        (site, device, public, source, since_ms),
    )


def add_rotation(connection: Connection, origin: int, n: int, note: bytes) -> None:
    connection.exec_driver_sql("INSERT INTO rotation (origin, n, note) VALUES (?, ?, ?)", (origin, n, note))


def rotations(connection: Connection, origin: int) -> list[tuple[int, bytes, bytes]]:
    """Index, bytes and note of each leaf that rotated the key."""
    found = connection.exec_driver_sql(
        "SELECT rotation.n, leaf.bytes, rotation.note FROM rotation JOIN leaf USING (origin, n)"
        " WHERE origin = ? AND leaf.bytes IS NOT NULL ORDER BY n",
        (origin,),
    )
    return [(row[0], row[1], row[2]) for row in found]


def put_revocation(connection: Connection, origin: str, public: bytes, size: int, note: bytes, seen_ms: int) -> None:
    """Of several the one that trusts least counts."""
    connection.exec_driver_sql(
        "INSERT INTO revocation (origin, public, size, note, seen_ms) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT (origin, public) DO UPDATE SET size = excluded.size, note = excluded.note"
        " WHERE excluded.size < revocation.size",
        (origin, public, size, note, seen_ms),
    )


def revocations(connection: Connection) -> list[tuple[str, bytes, int]]:
    """Origin, raw public key, and the size up to which it is trusted."""
    found = connection.exec_driver_sql("SELECT origin, public, size FROM revocation")
    return [(row[0], row[1], row[2]) for row in found]
