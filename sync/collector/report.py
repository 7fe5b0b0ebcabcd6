"""What `list` says of the database."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Connection

from cabinet.journal import checkpoint, note
from cabinet.journal.errors import NoteRefused
from sync.collector import epoch_rows, rows
from sync.collector.evidence import sizes
from sync.collector.reading import Origin, Reader


def overview(reader: Reader) -> dict[str, object]:
    """Origins, alarms, and how much was dropped, by cause."""
    return {
        "origins": [_origin(reader.connection, origin) for origin in reader.origins()],
        "alarms": _alarms(reader.connection),
        "dropped": rows.refused(reader.connection),
    }


def iso(ms: int | None) -> str | None:
    """ISO 8601 with Z; None for never."""
    if ms is None:
        return None
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _alarms(connection: Connection) -> list[dict[str, object]]:
    """Each with its evidence, and the sizes of the two notes that stand there."""
    alarms = rows.alarms(connection)
    kept = {row.id: row for row in rows.evidence(connection)} if any(one.evidence for one in alarms) else {}
    found = []
    for one in alarms:
        evidence = None
        if one.evidence is not None:
            ours, theirs = sizes(kept[one.evidence])
            evidence = {"id": one.evidence, "ours": ours, "theirs": theirs}
        found.append(
            {
                "origin": one.origin,
                "kind": one.kind,
                "detail": one.detail,
                "n": one.n,
                "count": one.count,
                "raised": iso(one.raised_ms),
                "seen": iso(one.seen_ms),
                "evidence": evidence,
            }
        )
    return found


def _origin(connection: Connection, origin: Origin) -> dict[str, object]:
    row = origin.row
    nearest = rows.staged_edge(connection, row.id, farthest=False)
    return {
        "origin": row.name,
        "size": origin.size,
        "cosigned": _size(origin.newest_ack()),
        "seen": iso(row.seen_ms),
        "gap": None if nearest is None else {"from": origin.size, "to": nearest[0]},
        "staged": rows.staged_load(connection, row.id)[0],
        "evidence": rows.evidence_kinds(connection, row.id),
        "orphans": epoch_rows.orphan_load(connection, row.id)[0],
    }


def _size(ack: bytes | None) -> int | None:
    """0 where nothing was cosigned, None for a note that cannot be read."""
    try:
        return 0 if ack is None else checkpoint.parse(note.parse(ack).text).size
    except NoteRefused:
        return None
