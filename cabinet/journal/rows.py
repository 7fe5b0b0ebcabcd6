"""What the writer and the readers ask of the tables; each function is one statement on an open connection."""

from __future__ import annotations

from typing import Final, TypeAlias, cast

from sqlalchemy import Connection

from cabinet.journal.connection import begin_read, driver
from cabinet.journal.epoch import Column, EntryRow, KeptNote
from cabinet.journal.tree import HASH_BYTES

BlockRows: TypeAlias = "tuple[list[tuple[bytes, bytes]], list[tuple[bytes, bytes | None, str, str]], list[int]]"
"""Hash and subtrees of each leaf; of each payload bytes, pseudonyms, and as _COMPARED spells them what the leaf says
and what the columns say; the indexes of the payloads where some were pruned."""

PEOPLE_MAX: Final = 2
_COMPARED: Final = """
    SELECT bytes, subs,
        json_extract(CAST(bytes AS TEXT), '$.ts', '$.ev', '$.slot', '$.item', '$.n', '$.dev',
            '$.subs[0].p', '$.subs[1].p', '$.subs[2]'),
        json_array(ts, nullif(kind, 'signer.rotated'), slot, item, n, ?)
    FROM payload WHERE n >= ? AND n < ? ORDER BY n"""
PSEUDONYM_BYTES: Final = 16


def sizes(connection: Connection) -> tuple[int, int]:
    """Number of leaves, and size of the newest checkpoint (-1: none), both of one moment."""
    row = connection.exec_driver_sql(
        "SELECT coalesce((SELECT max(n) + 1 FROM leaf), 0), coalesce((SELECT max(size) FROM checkpoint), -1)"
    ).one()
    return row[0], row[1]


def node(connection: Connection, level: int, index: int) -> bytes:
    """The hash of a complete subtree; raises LookupError where it is not stored."""
    last = ((index + 1) << level) - 1
    row = connection.exec_driver_sql("SELECT hash, subtrees FROM leaf WHERE n = ?", (last,)).one_or_none()
    found: bytes = b"" if row is None else (row[0] + row[1])[level * HASH_BYTES : (level + 1) * HASH_BYTES]
    if len(found) != HASH_BYTES:
        raise LookupError(f"no hash of level {level} with leaf {last}")
    return found


def leaves(connection: Connection, first: int, limit: int) -> list[tuple[int, bytes | None]]:
    """Index and bytes (None: pruned) of at most `limit` leaves from `first` on."""
    rows = connection.exec_driver_sql(
        "SELECT n, bytes FROM entry WHERE n >= ? ORDER BY n LIMIT ?",
        (first, limit),
    )
    return [(n, data) for n, data in rows]


def outgoing(connection: Connection, first: int, limit: int) -> list[tuple[bytes, bytes | None]]:
    """Hash and bytes (None: pruned) of at most `limit` leaves from `first` on."""
    rows = connection.exec_driver_sql("SELECT hash, bytes FROM entry WHERE n >= ? ORDER BY n LIMIT ?", (first, limit))
    return [(hashed, data) for hashed, data in rows]


def checkpoints_above(connection: Connection, size: int, limit: int) -> list[tuple[int, bytes]]:
    """Size and note of at most `limit` kept checkpoints above `size`, ascending."""
    rows = connection.exec_driver_sql(
        "SELECT size, note FROM checkpoint WHERE size > ? ORDER BY size LIMIT ?", (size, limit)
    )
    return [(size, note) for size, note in rows]


def columns(connection: Connection, first: int, end: int) -> list[tuple[Column, int]]:
    """Of the leaves from `first` up to `end` whose payload is kept, with the number of its bytes."""
    rows = connection.exec_driver_sql(
        "SELECT n, ts, kind, subs IS NOT NULL, length(bytes) FROM payload WHERE n >= ? AND n < ? ORDER BY n",
        (first, end),
    )
    return [(Column(n, ts, kind, bool(personal)), length) for n, ts, kind, personal, length in rows]


def concerning(connection: Connection, subject: bytes, first: int, end: int) -> list[tuple[int, bytes]]:
    """Of the leaves from `first` up to `end` whose payload is kept: those in which this pseudonym stands."""
    rows = connection.exec_driver_sql(
        "SELECT n, bytes FROM payload WHERE n >= ? AND n < ? AND instr(subs, ?) % ? = 1 ORDER BY n",
        (first, end, subject, PSEUDONYM_BYTES),
    )
    return [(n, data) for n, data in rows]


def older(connection: Connection, before_ms: int, after: tuple[int, int], limit: int) -> list[Column]:
    """Of at most `limit` kept payloads of a wall time before that, by time and index, from behind `after` on. Read from
    the covering index alone."""
    rows = connection.exec_driver_sql(
        "SELECT n, ts, kind, subs IS NOT NULL FROM payload"
        " WHERE ts < ? AND ts >= ? AND (ts, n) > (?, ?) ORDER BY ts, n LIMIT ?",
        (before_ms, after[0], *after, limit),
    )
    return [Column(n, ts, kind, bool(personal)) for n, ts, kind, personal in rows]


def kept_notes(connection: Connection, first: int, last: int) -> list[KeptNote]:
    """The checkpoints of sizes from `first` to `last`, ascending."""
    rows = connection.exec_driver_sql(
        "SELECT size, ack.size IS NOT NULL FROM checkpoint LEFT JOIN ack USING (size)"
        " WHERE size BETWEEN ? AND ? ORDER BY size",
        (first, last),
    )
    return [KeptNote(size, bool(acked)) for size, acked in rows]


def oldest_payload(connection: Connection) -> int:
    """Index of the oldest leaf whose payload is kept; 0 in an empty journal."""
    n: int = connection.exec_driver_sql("SELECT coalesce(min(n), 0) FROM payload").scalar_one()
    return n


def newest_checkpoint(connection: Connection) -> bytes | None:
    note: bytes | None = connection.exec_driver_sql(
        "SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1"
    ).scalar_one_or_none()
    return note


def newest_ack(connection: Connection) -> bytes | None:
    note: bytes | None = connection.exec_driver_sql(
        "SELECT note FROM ack ORDER BY size DESC LIMIT 1"
    ).scalar_one_or_none()
    return note


def acknowledged(connection: Connection) -> int:
    """The size that upstream holds; payloads below it may have been pruned."""
    size: int = connection.exec_driver_sql("SELECT coalesce(max(size), 0) FROM ack").scalar_one()
    return size


def acknowledged_below(connection: Connection, size: int) -> int:
    found: int = connection.exec_driver_sql(
        "SELECT coalesce(max(size), 0) FROM ack WHERE size < ?", (size,)
    ).scalar_one()
    return found


def state(connection: Connection) -> dict[str, bytes]:
    rows = connection.exec_driver_sql("SELECT key, value FROM state")
    return {row[0]: row[1] for row in rows}


def entries(connection: Connection, first: int, limit: int) -> list[EntryRow]:
    rows = connection.exec_driver_sql(
        "SELECT n, hash, subtrees, ts, kind, slot, item, subs, bytes FROM entry WHERE n >= ? ORDER BY n LIMIT ?",
        (first, limit),
    )
    return cast("list[EntryRow]", rows.all())


def block(connection: Connection, first: int, end: int, device: str) -> BlockRows:
    """The leaves from `first` up to `end` for whoever checks thousands of them: SQLite takes each leaf apart."""
    reading = driver(connection)
    begin_read(connection)
    stored = reading.execute("SELECT hash, subtrees FROM leaf WHERE n >= ? AND n < ? ORDER BY n", (first, end))
    leaves = stored.fetchall()
    payloads = reading.execute(_COMPARED, (device, first, end)).fetchall()
    if len(payloads) == len(leaves):
        return leaves, payloads, []
    kept = reading.execute("SELECT n FROM payload WHERE n >= ? AND n < ? ORDER BY n", (first, end))
    return leaves, payloads, [n for (n,) in kept]


def notes(connection: Connection, after: tuple[int, int], limit: int) -> list[tuple[int, int, bytes]]:
    """Size, 0 or 1 (acknowledged), signed note; from behind `after` on."""
    rows = connection.exec_driver_sql(
        "SELECT size, acked, note FROM ("
        "SELECT size, 0 AS acked, note FROM checkpoint WHERE size >= ?"
        " UNION ALL SELECT size, 1, note FROM ack WHERE size >= ?"
        ") WHERE (size, acked) > (?, ?) ORDER BY size, acked LIMIT ?",
        (after[0], after[0], *after, limit),
    )
    return [(size, acked, note) for size, acked, note in rows]


def is_sound(connection: Connection) -> bool:
    found: str = connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar_one()
    return found == "ok"
