"""The roster in a backup: a copy of roster.db as it was at one moment, and the device key that opens it.

Without the device key nobody in it can be identified, and a new board has another one; so it goes along, sealed to the
recipient like everything else here. The signing key never does."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from sqlalchemy import create_engine
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import StaticPool

from cabinet.backup import records
from cabinet.backup.errors import BackupRefused
from cabinet.backup.records import Record, RecordWriter, as_json, from_json
from cabinet.backup.sealed import Random, Sealer
from cabinet.roster.store import Roster, RosterDiskError
from cabinet.roster.tables import RosterUnusable, prepare
from cabinet.vault.device_key import derive
from cabinet.vault.key_source import KEY_BYTES
from cabinet.vault.pin import PinCost

PART = "roster"
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class RosterImage:
    """roster.db, in the bytes of an SQLite file."""

    version: int
    digest: str
    site: str
    data: bytes = field(repr=False)
    device_key: bytes = field(repr=False)


def seal(
    image: RosterImage, origin: str, recipient: X25519PublicKey, out: Callable[[bytes], object], random: Random
) -> None:
    header = {"part": PART, "origin": origin, "roster": image.version, "digest": image.digest}
    sealer = Sealer(out, header, recipient, random)
    writer = RecordWriter(sealer.write)
    told = {"version": image.version, "digest": image.digest, "site": image.site}
    writer.put([(records.ROSTER, as_json(told)), (records.DEVICE_KEY, image.device_key)])
    for at in range(0, len(image.data), _PIECE):
        writer.put([(records.DATA, image.data[at : at + _PIECE])])
    writer.end()
    sealer.finish()


def read(content: Iterator[Record], name: str) -> RosterImage:
    """Raises BackupRefused."""
    told: dict[str, Any] = {}
    key, data = b"", bytearray()
    for kind, body in content:
        if kind == records.ROSTER:
            told = from_json(body, name)
        elif kind == records.DEVICE_KEY:
            key = body
        elif kind == records.DATA:
            data += body
        else:
            raise BackupRefused(f"{name}: holds a record {kind!r} in its roster; it was made by another program")
    if not told or len(key) != KEY_BYTES or not data.startswith(b"SQLite format 3\0"):
        raise BackupRefused(f"{name}: its roster is not whole; it was made by another program")
    return RosterImage(told["version"], told["digest"], told["site"], bytes(data), key)


def check(image: RosterImage) -> None:
    """That its device key opens it, and that nobody else has written to it; in memory. Raises BackupRefused."""
    database = sqlite3.connect(":memory:", check_same_thread=False)
    try:
        # In memory there is no write-ahead log: bytes 18 and 19 say that the file has one.
        database.deserialize(image.data[:18] + b"\1\1" + image.data[20:])
        engine = create_engine("sqlite://", creator=lambda: database, poolclass=StaticPool)
        prepare(engine, "the roster in the backup")
        Roster(engine, "the roster in the backup", derive(image.device_key), image.site, no_cost, None, os.urandom)
    except (RosterUnusable, RosterDiskError, DatabaseError, sqlite3.Error) as error:
        raise BackupRefused(f"the roster in the backup does not open: {error}") from None
    finally:
        database.close()


def no_cost() -> PinCost:
    raise AssertionError("nobody sets a PIN in a backup")
