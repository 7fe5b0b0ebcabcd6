"""The ledger as rows of the journal's state table, and back."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from cabinet.core.ledger import (
    Alarm,
    ClockMark,
    Contradiction,
    EpochMark,
    Failures,
    FormerSigner,
    Hung,
    Incident,
    Ledger,
    ModuleMark,
    Offer,
    OpenGrant,
    Out,
    OwedReturn,
    Question,
    RosterMark,
    SlotMark,
    Unwiped,
    Use,
)
from cabinet.policy.booking import Booking

_TABLES: dict[str, Callable[[dict[str, Any]], object]] = {
    "slots": lambda row: SlotMark(**row),
    "hangs": lambda row: Hung(**row),
    "outs": lambda row: Out(**row),
    "uses": lambda row: Use(**row),
    "grants": lambda row: OpenGrant(**row),
    "owed": lambda row: OwedReturn(**row),
    "failures": lambda row: Failures(**row),
    "alarms": lambda row: Alarm(**row),
    "door": lambda row: row["value"],
    "roster": lambda row: RosterMark(**row),
    "running": lambda row: row["value"],
    "monitored": lambda row: row["value"],
    "upstream": lambda row: row["value"],
    "clock": lambda row: ClockMark(**row),
    "signers": lambda row: FormerSigner(**row),
    "incidents": lambda row: Incident(**row),
    "questions": lambda row: Question(**row | {"prompts": tuple(row["prompts"])}),
    "bookings": lambda row: Booking(**row),
    "offers": lambda row: Offer(**row),
    "modules": lambda row: ModuleMark(**row),
    "epoch": lambda row: EpochMark(**row),
    "erasures": lambda row: row["value"],
    "backups": lambda row: row["value"],
    "unwiped": lambda row: Unwiped(**row),
    "contradiction": lambda row: Contradiction(**row),
}
_BY_NUMBER = ("slots", "hangs", "outs", "grants", "owed", "questions", "bookings", "offers", "incidents")


def changed_rows(old: Ledger, new: Ledger) -> dict[str, bytes | None]:
    """State rows to write so that a table holding `old` holds `new`: JSON by `table/key`, None deletes."""
    rows: dict[str, bytes | None] = {}
    for table in _TABLES:
        before, after = getattr(old, table), getattr(new, table)
        if before is after:
            continue
        for key in before.keys() - after.keys():
            rows[f"{table}/{key}"] = None
        for key, row in after.items():
            if before.get(key) != row:
                rows[f"{table}/{key}"] = _encode(row)
    return rows


def from_rows(rows: Mapping[str, bytes]) -> Ledger:
    """The ledger a state table holds. Raises ValueError naming a row it does not know."""
    tables: dict[str, dict[Any, object]] = {table: {} for table in _TABLES}
    for name, data in rows.items():
        table, _, key = name.partition("/")
        try:
            tables[table][int(key) if table in _BY_NUMBER else key] = _TABLES[table](json.loads(data))
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"state row {name!r} is not readable: {error}") from error
    return Ledger(**tables)  # type: ignore[arg-type]  # built from the same table of constructors


def former_signers(rows: Mapping[str, bytes]) -> list[str]:
    """The verifier keys that signed before, as a state table has them, in their order."""
    found = [json.loads(data) for name, data in rows.items() if name.startswith("signers/")]
    return [str(one["vkey"]) for one in sorted(found, key=lambda one: int(one["n"]))]


def _encode(row: object) -> bytes:
    plain = {"value": row} if isinstance(row, str | int) else asdict(row)  # type: ignore[call-overload]
    return json.dumps(plain, sort_keys=True, separators=(",", ":")).encode()
