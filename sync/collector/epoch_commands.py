"""Commands for what an operator has to look at: epochs that cabinets have opened, and evidence."""

from __future__ import annotations

import getpass
import time
from argparse import Namespace
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection

from cabinet.control.protocol import Exit
from cabinet.journal.errors import NoteRefused
from sync.collector import epoch_rows, evidence, lineage, rows
from sync.collector.answers import CommandError, answer, say, table
from sync.collector.config import Config
from sync.collector.epoch_rows import EpochRow
from sync.collector.names import Cabinet
from sync.collector.reading import Origin, Reader, reading
from sync.collector.report import iso
from sync.collector.store import beside

REASON_MAX: Final = 200


def epochs(config: Config, args: Namespace) -> int:
    """Every later epoch, how it goes on from the one before, and who has accepted it."""
    with reading(config.database) as reader:
        origins = {origin.name: origin for origin in reader.origins()}
        found = [_epoch(reader.connection, row, origins) for row in epoch_rows.epochs(reader.connection)]
    if args.json:
        answer({"epochs": found})
        return Exit.OK
    table(
        ["epoch", "opened", "reason", "goes on from", "held of it", "orphans", "accepted"],
        [
            [one["origin"], one["opened"], one["reason"], _from(one), _held(one), one["orphans"], _accepted(one)]
            for one in found
        ],
    )
    return Exit.OK


def accept_epoch(config: Config, args: Namespace) -> int:
    """Record that an operator has looked into it; its alarms end, and those of the origin that it replaces."""
    reason = " ".join(args.reason.split())
    if not 0 < len(reason) <= REASON_MAX:
        raise CommandError(Exit.USAGE, f"not accepted: --reason is 1 to {REASON_MAX} characters, and says why")
    with reading(config.database) as reader:
        row = _chosen(reader, args.cabinet, args.number)
        lacks = _lacks(reader, row)
    if row.accepted_ms is not None:
        raise CommandError(Exit.REFUSED, f"{row.origin} was accepted at {iso(row.accepted_ms)} by {row.accepted_by}")
    by, now_ms = getpass.getuser(), time.time_ns() // 1_000_000
    with beside(config.database) as connection:
        _accept(connection, row, by, reason, now_ms)
    if args.json:
        answer({"origin": row.origin, "by": by, "reason": reason, "at": iso(now_ms), "lacks": lacks})
    else:
        say(f"{row.origin} is accepted: {reason}")
        if lacks:
            say(f"of {row.old_origin} {lacks} events have not come; they are on the cabinet, if anywhere")
    return Exit.OK


def evidence_of(config: Config, args: Namespace) -> int:
    """List what is kept as evidence, or write one piece of it as files."""
    with reading(config.database) as reader:
        kept = {row.id: row for row in rows.evidence(reader.connection)}
        origins = {origin.row.id: origin for origin in reader.origins()}
        if args.number is not None:
            return _export(config, args, kept, origins)
        found = [_piece(row, origins[row.origin]) for row in kept.values()]
    if args.json:
        answer({"evidence": found})
        return Exit.OK
    table(
        ["evidence", "kind", "origin", "index", "ours", "theirs", "seen"],
        [[one[key] for key in ("id", "kind", "origin", "n", "ours", "theirs", "seen")] for one in found],
    )
    return Exit.OK


def _export(
    config: Config, args: Namespace, kept: Mapping[int, rows.EvidenceRow], origins: Mapping[int, Origin]
) -> int:
    if args.directory is None:
        raise CommandError(Exit.USAGE, "name a folder for it: evidence ID DIR")
    if args.number not in kept:
        raise CommandError(Exit.NOT_FOUND, f"there is no evidence {args.number}; see cabinet-collector evidence")
    row = kept[args.number]
    try:
        evidence.export(origins[row.origin], row, args.directory)
    except NoteRefused as error:
        raise CommandError(Exit.JOURNAL, f"not exported: {error}") from None
    except (FileExistsError, NotADirectoryError) as error:
        raise CommandError(Exit.USAGE, f"not exported: {error}") from None
    if args.json:
        answer({"directory": str(args.directory), **_piece(row, origins[row.origin])})
    else:
        say(f"evidence {row.id} ({row.kind} of {origins[row.origin].name}) is in {args.directory}")
    return Exit.OK


def _accept(connection: Connection, row: EpochRow, by: str, reason: str, now_ms: int) -> None:
    epoch_rows.accept(connection, row.id, by, reason, now_ms)
    for kind in (lineage.OPENED, lineage.DIFFERS):
        rows.clear_alarm(connection, row.origin, kind)
    for kind in ("fork", "rollback", "ended") if row.old_origin else ():
        rows.clear_alarm(connection, row.old_origin or "", kind)


def _chosen(reader: Reader, name: str, number: int) -> EpochRow:
    """By the cabinet's name, or site/name where two sites share it."""
    found = [row for row in epoch_rows.epochs(reader.connection) if name in (row.device, f"{row.site}/{row.device}")]
    if len({row.site for row in found}) > 1:
        sites = ", ".join(sorted({f"{row.site}/{row.device}" for row in found}))
        raise CommandError(Exit.USAGE, f"name the site too: {sites}")
    for row in found:
        if row.number == number:
            return row
    known = ", ".join(str(row.number) for row in found) or "none"
    raise CommandError(Exit.NOT_FOUND, f"{name} has opened no epoch {number}; later epochs of it: {known}")


def _lacks(reader: Reader, row: EpochRow) -> int:
    """Leaves of the old origin that the new one counts, and that are not here."""
    sizes = {origin.name: origin.size for origin in reader.origins()}
    return max(0, (row.old_size or 0) - sizes.get(row.old_origin or "", 0))


def _epoch(connection: Connection, row: EpochRow, origins: Mapping[str, Origin]) -> dict[str, Any]:
    link, old = lineage.link_of(row), origins.get(row.old_origin or "")
    size = 0 if old is None else old.size
    root = None if link is None or old is None or size < link.old_size else old.root(link.old_size)
    return {
        "cabinet": Cabinet(row.site, row.device).origin,
        "epoch": row.number,
        "origin": row.origin,
        "opened": iso(row.opened_ms),
        "reason": row.reason,
        "old_origin": row.old_origin,
        "old_size": row.old_size,
        "old_held": None if old is None else size,
        "relation": lineage.compare(link, size, root),
        "orphans": 0 if old is None else epoch_rows.orphan_load(connection, old.row.id)[0],
        "accepted": iso(row.accepted_ms),
        "accepted_by": row.accepted_by,
        "accepted_reason": row.accepted_reason,
    }


def _piece(row: rows.EvidenceRow, origin: Origin) -> dict[str, Any]:
    ours, theirs = evidence.sizes(row)
    return {
        "id": row.id,
        "kind": row.kind,
        "origin": origin.name,
        "n": row.n,
        "ours": ours,
        "theirs": theirs,
        "seen": iso(row.seen_ms),
    }


def _from(one: Mapping[str, Any]) -> str | None:
    return None if one["old_origin"] is None else f"{one['old_origin']} at {one['old_size']}"


def _held(one: Mapping[str, Any]) -> str | None:
    more = (one["old_held"] or 0) - (one["old_size"] or 0)
    words = {
        "agrees": "the same",
        "beyond": f"the same, and {more} more",
        "behind": f"{-more} less",
        "differs": "ANOTHER TREE",
        "unlinked": None,
    }
    return words[one["relation"]]


def _accepted(one: Mapping[str, Any]) -> str:
    return "NO" if one["accepted"] is None else f"{one['accepted']} {one['accepted_by']}: {one['accepted_reason']}"
