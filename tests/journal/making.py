"""Entries, keys and journals for these tests."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from cabinet.journal import b64
from cabinet.journal.leaf import Entry, Value
from cabinet.journal.note import Signer
from cabinet.journal.store import Journal

ORIGIN = "cabinet.demo/lobby-01"
DEVICE = "lobby-01"
SIGNER = Signer(ORIGIN, bytes(range(32)))
OTHER_SIGNER = Signer(ORIGIN, bytes(range(1, 33)))
HOLDER = b64.encode(b"holder of key 07")


def entry(number: int = 0, *, ev: str = "item.removed", person: str | None = HOLDER, **fields: Value) -> Entry:
    """One event, told apart by its number; `fields` replace slot, item and auth."""
    subs = () if person is None else ({"r": "holder", "p": person, "e": b64.encode(bytes(92))},)
    return Entry(
        ev=ev,
        ts=1_767_225_600_000 + number,
        tq="ntp",
        mono_ms=number,
        boot="1f0c9a2e",
        salt=b64.encode(os.urandom(16)),
        fields=fields or {"slot": number % 8 + 1, "item": f"K-{number:04}", "auth": "card+pin"},
        subs=subs,
    )


def opened(folder: Path, signer: Signer = SIGNER) -> Journal:
    return Journal.open(folder, ORIGIN, DEVICE, signer)


def filled(folder: Path, leaves: int, per_transaction: int = 3) -> bytes:
    """A closed journal with so many leaves; its newest note."""
    folder.mkdir(exist_ok=True)
    journal = opened(folder)
    while journal.size < leaves:
        count = min(per_transaction, leaves - journal.size)
        journal.append([entry(journal.size + offset) for offset in range(count)])
    journal.close()
    return journal.checkpoint()


class Tampering(sqlite3.Connection):
    """Without the triggers, until it is closed."""

    def drop_triggers(self) -> None:
        found = self.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        self.triggers = [statement for _, statement in found]
        for name, _ in found:
            self.execute(f"DROP TRIGGER {name}")

    def close(self) -> None:
        for statement in self.triggers:
            self.execute(statement)
        super().close()


def tampering(folder: Path) -> Tampering:
    """The file as someone with the disk in hand opens it, who leaves no trace on the way out."""
    connection = sqlite3.connect(folder / "journal-1.db", isolation_level=None, factory=Tampering)
    connection.drop_triggers()
    return connection
