"""What is asked of the tables of epochs, orphans and erasures; each function is one statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class EpochRow:
    """`old_*` None: its first leaf does not say what it continues."""

    id: int
    origin: str
    site: str
    device: str
    number: int
    reason: str
    old_origin: str | None
    old_size: int | None
    old_root: bytes | None
    opened_ms: int
    accepted_ms: int | None
    accepted_by: str | None
    accepted_reason: str | None


def epochs(connection: Connection) -> list[EpochRow]:
    """Every later epoch, the oldest of a cabinet first."""
    found = connection.exec_driver_sql(
        "SELECT origin.id, name, site, device, origin.epoch, reason, old_origin, old_size, old_root, opened_ms,"
        " accepted_ms, accepted_by, accepted_reason FROM epoch JOIN origin ON origin.id = epoch.origin"
        " ORDER BY site, device, origin.epoch"
    )
    return [EpochRow(*row) for row in found]


def add_epoch(
    connection: Connection,
    origin: int,
    reason: str,
    old: tuple[str, int, bytes] | None,
    opened_ms: int,
) -> None:
    connection.exec_driver_sql(
        "INSERT OR IGNORE INTO epoch (origin, reason, old_origin, old_size, old_root, opened_ms)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (origin, reason, *(old or (None, None, None)), opened_ms),
    )


def accept(connection: Connection, origin: int, by: str, reason: str, accepted_ms: int) -> None:
    connection.exec_driver_sql(
        "UPDATE epoch SET accepted_ms = ?, accepted_by = ?, accepted_reason = ? WHERE origin = ?",
        (accepted_ms, by, reason, origin),
    )


def accepted(connection: Connection) -> list[tuple[str, str, str, int]]:
    """Site, device, origin and number of the newest accepted epoch of every cabinet that has one."""
    found = connection.exec_driver_sql(
        "SELECT site, device, name, max(origin.epoch) FROM origin JOIN epoch ON epoch.origin = origin.id"
        " WHERE accepted_ms IS NOT NULL GROUP BY site, device ORDER BY site, device"
    )
    return [(row[0], row[1], row[2], row[3]) for row in found]


def put_orphans(
    connection: Connection, origin: int, leaves: Sequence[tuple[int, bytes, bytes | None]], seen_ms: int
) -> None:
    connection.exec_driver_sql(
        "INSERT OR IGNORE INTO orphan (origin, n, hash, bytes, seen_ms) VALUES (?, ?, ?, ?, ?)",
        [(origin, n, hashed, data, seen_ms) for n, hashed, data in leaves],
    )


def put_orphan_note(connection: Connection, origin: int, size: int, root: bytes, note: bytes, seen_ms: int) -> None:
    connection.exec_driver_sql(
        "INSERT OR IGNORE INTO orphan_note (origin, size, root, note, seen_ms) VALUES (?, ?, ?, ?, ?)",
        (origin, size, root, note, seen_ms),
    )


def orphan_load(connection: Connection, origin: int) -> tuple[int, int]:
    """How many orphans there are, and their bytes."""
    row = connection.exec_driver_sql(
        "SELECT count(*), coalesce(sum(length(bytes)), 0) FROM orphan WHERE origin = ?", (origin,)
    ).one()
    return row[0], row[1]


def orphans(connection: Connection, origin: int, first: int, end: int) -> list[tuple[int, bytes]]:
    """Index and hash of the orphans from `first` up to `end`."""
    found = connection.exec_driver_sql(
        "SELECT n, hash FROM orphan WHERE origin = ? AND n >= ? AND n < ? ORDER BY n, hash", (origin, first, end)
    )
    return [(row[0], row[1]) for row in found]


@dataclass(frozen=True, slots=True)
class ErasedRow:
    """The leaf `n` of the origin says that the person behind `p` (base64) was erased."""

    origin: int
    name: str
    site: str
    device: str
    epoch: int
    p: str
    n: int


def erased(connection: Connection) -> list[ErasedRow]:
    found = connection.exec_driver_sql(
        "SELECT origin.id, name, site, device, epoch, p, n FROM erased JOIN origin ON origin.id = erased.origin"
        " ORDER BY origin.id, n, p"
    )
    return [ErasedRow(*row) for row in found]


def add_erased(connection: Connection, origin: int, p: str, n: int, seen_ms: int) -> None:
    connection.exec_driver_sql(
        "INSERT OR IGNORE INTO erased (origin, p, n, seen_ms) VALUES (?, ?, ?, ?)", (origin, p, n, seen_ms)
    )


def naming(connection: Connection, table: str, origin: int, text: bytes) -> list[tuple[int, bytes, bytes]]:
    """Index, hash and bytes of the leaves, or orphans, of an origin in which this text stands. Reads all of them."""
    found = connection.exec_driver_sql(
        f"SELECT n, hash, bytes FROM {table} WHERE origin = ? AND instr(bytes, ?) > 0",  # noqa: S608
        (origin, text),
    )
    return [(row[0], row[1], row[2]) for row in found]


def drop_bytes(connection: Connection, table: str, origin: int, leaves: Sequence[tuple[int, bytes]]) -> None:
    """One statement a leaf: what a long one would need to undo itself may go to a file that nobody overwrites."""
    connection.exec_driver_sql(
        f"UPDATE {table} SET bytes = NULL WHERE origin = ? AND n = ? AND hash = ?",  # noqa: S608
        [(origin, n, hashed) for n, hashed in leaves],
    )


def payloads(connection: Connection, table: str, origin: int) -> list[tuple[int, bytes]]:
    """Row and payload of whole batches that are kept."""
    found = connection.exec_driver_sql(
        f"SELECT rowid, payload FROM {table} WHERE origin = ?",  # noqa: S608
        (origin,),
    )
    return [(row[0], row[1]) for row in found]


def put_payload(connection: Connection, table: str, row: int, payload: bytes) -> None:
    connection.exec_driver_sql(f"UPDATE {table} SET payload = ? WHERE rowid = ?", (payload, row))  # noqa: S608
