"""The roster of the cabinet under simulation: the production one, over a database in memory that outlives processes.

What SQLite does with it is left as it is; a change is durable when its commit returns, and is one moment of a run.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping
from datetime import tzinfo
from hashlib import sha256
from typing import Protocol

from sqlalchemy import create_engine
from sqlalchemy.pool import StaticPool

from cabinet.policy.rights import Pseudonym, Rights
from cabinet.roster.changes import Change, Import, parse_change
from cabinet.roster.draft import Author, Plan
from cabinet.roster.store import Roster
from cabinet.roster.tables import prepare
from cabinet.vault.device_key import DeviceKeys, derive
from cabinet.vault.pin import PinCost
from simulator.harness.random_bytes import RandomBytes

SET_MS = 1_767_225_600_000
"""2026-01-01: when everybody got their PIN."""
CHEAPEST = PinCost(iterations=1, memory_kib=8)
"""The work of a PIN check is in the time its worker takes."""
KEYS: DeviceKeys = derive(sha256(b"device key of the simulation").digest())
SIGNING_SEED: bytes = sha256(b"its signing key").digest()


class MemoryRoster(Roster):
    """Keeps what was read while nothing changes: neither a start nor a PIN asks the database again."""

    _snapshot: Rights | None = None
    _pin_records: dict[Pseudonym, bytes | None]

    def snapshot(self, zone: tzinfo) -> Rights:
        if self._snapshot is None:
            self._snapshot, self._pin_records = super().snapshot(zone), {}
        return self._snapshot

    def pin_record(self, person: Pseudonym) -> bytes | None:
        if person not in self._pin_records:
            self._pin_records[person] = super().pin_record(person)
        return self._pin_records[person]

    def commit(self, plan: Plan) -> None:
        super().commit(plan)
        self._snapshot = None

    def erase(self, people: Collection[Pseudonym]) -> None:
        super().erase(people)
        self._snapshot = None

    def close(self) -> None:
        """The database lives as long as the cabinet."""


class Shelf(Protocol):
    """Holds the database of one roster."""

    def open(self) -> Roster:
        """What stands in the database now."""
        ...

    def restore(self) -> None:
        """As it was in the beginning."""
        ...

    def image(self) -> bytes:
        """Every byte of it, as a disk has them."""
        ...

    def traces_of(self, person: Pseudonym) -> list[bytes]:
        """Whatever stands there of them alone."""
        ...


class RosterShelf:
    """Holds the database in memory. Made once from roster files and PINs; `open` and `restore` are cheap."""

    def __init__(self, files: Mapping[str, bytes], pins: Mapping[str, str], site: str, slots: list[int]) -> None:
        self._site = site
        self._slots = slots
        self._random = RandomBytes("roster")
        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        self._roster = self._opened()
        changes: list[Change] = [Import(files)]
        changes += [parse_change({"kind": "pin.set", "person": who, "pin": pin}) for who, pin in pins.items()]
        for change in changes:
            self._roster.commit(self._roster.plan(change, Author("the simulation", SET_MS)))
        self._image = self._database.serialize()
        self._version = self._roster.version

    @property
    def first_image(self) -> bytes:
        """The database file, as it was in the beginning."""
        return self._image

    def open(self) -> MemoryRoster:
        """What stands in the database now."""
        return self._roster

    def image(self) -> bytes:
        """Every byte of it, as a disk would have them."""
        return self._database.serialize()

    def traces_of(self, person: Pseudonym) -> list[bytes]:
        """Whatever stands there of them alone: digests, what is wrapped and sealed, the PIN's record."""
        tables = (("person", "id_digest, wrapped_key, profile"), ("credential", "digest, sealed"), ("pin", "record"))
        return [
            value
            for table, columns in tables
            for row in self._database.execute(f"SELECT {columns} FROM {table} WHERE pseudonym = ?", (person,))  # noqa: S608
            for value in row
        ]

    def restore(self) -> None:
        """As it was in the beginning."""
        if self._roster.version != self._version:
            self._database.deserialize(self._image)
            self._roster = self._opened()

    def _opened(self) -> MemoryRoster:
        engine = create_engine("sqlite://", creator=lambda: self._database, poolclass=StaticPool)
        prepare(engine, "roster.db")
        return MemoryRoster(engine, "roster.db", KEYS, self._site, lambda: CHEAPEST, self._slots, self._random)
