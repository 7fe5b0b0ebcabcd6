"""Erasing people and customers from roster.db: every row that names them, and what a disk would keep of those rows.

SQLite overwrites a row that is deleted, but not the copies that stay where a page was split or a row was moved, nor
those in the WAL. So the file is written anew, and the WAL ended.
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from typing import Any, cast

from sqlalchemy import Connection, Engine, delete, select, update

from cabinet.policy.rights import Pseudonym
from cabinet.roster.records import customer_record
from cabinet.roster.tables import CUSTOMER, ITEM, PERSON, RIGHT, RIGHT_PERSON, VERSION
from cabinet.vault import person_key
from cabinet.vault.device_key import DeviceKeys


def delete_rows(connection: Connection, keys: DeviceKeys, site: str, people: Collection[Pseudonym]) -> bool:
    """Within the connection's transaction. False: none of them is here."""
    persons = set(connection.execute(select(PERSON.c.pseudonym).where(PERSON.c.pseudonym.in_(people))).scalars())
    customers = _customers(connection, keys, site, people)
    if not persons and not customers:
        return False
    rights = select(RIGHT_PERSON.c.entitlement)
    named = set(connection.execute(rights.where(RIGHT_PERSON.c.pseudonym.in_(persons))).scalars())
    connection.execute(delete(PERSON).where(PERSON.c.pseudonym.in_(persons)))  # cards, PIN and rights' lists go along
    left = set(connection.execute(rights.where(RIGHT_PERSON.c.entitlement.in_(named))).scalars())
    nobodys = named - left
    connection.execute(delete(RIGHT).where(RIGHT.c.id.in_(nobodys), RIGHT.c.groups == ""))
    connection.execute(update(ITEM).where(ITEM.c.customer.in_(customers)).values(customer=None))
    connection.execute(delete(CUSTOMER).where(CUSTOMER.c.id.in_(customers)))
    gone = {("person", one) for one in persons} | {("customer", one) for one in customers}
    _forget_versions(connection, gone)
    return True


def scrub(engine: Engine) -> None:
    """Leaves nothing in the files of what was deleted. Raises sqlite3.Error."""
    with _cursor(engine) as cursor:
        cursor.execute("PRAGMA temp_store = MEMORY")
        cursor.execute("VACUUM")
    end_log(engine)


def end_log(engine: Engine) -> None:
    """Moves the WAL into the file and empties it: what can be read is written and synced anew. Raises sqlite3.Error."""
    with _cursor(engine) as cursor:
        busy, *_ = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise sqlite3.OperationalError("is being read, so its WAL cannot be ended")


@contextmanager
def _cursor(engine: Engine) -> Iterator[sqlite3.Cursor]:
    """Closed whatever happens: one that is left open keeps the file open behind a connection that was closed, and with
    it SQLite's idea that the disk cannot be written."""
    with closing(engine.raw_connection()) as raw, closing(raw.cursor()) as cursor:
        yield cast("sqlite3.Cursor", cursor)


def _customers(connection: Connection, keys: DeviceKeys, site: str, people: Collection[Pseudonym]) -> set[str]:
    """Their ids, of those who are customers."""
    records = [customer_record(keys, row) for row in connection.execute(select(CUSTOMER)).mappings()]
    return {one.id for one in records if person_key.pseudonym(one.key, site) in people}


def _forget_versions(connection: Connection, gone: set[tuple[str, str]]) -> None:
    """What the kept versions say of them."""
    for row in connection.execute(select(VERSION)).all():
        said, undo = json.loads(row.said), json.loads(zlib.decompress(row.undo))
        said["lines"] = [line for line in said["lines"] if (line[0], line[1]) not in gone]
        kept = [[kind, key, _without(kind, before, gone)] for kind, key, before in undo if (kind, key) not in gone]
        if kept != undo or said != json.loads(row.said):
            values = {
                "said": json.dumps(said, ensure_ascii=False),
                "undo": zlib.compress(json.dumps(kept, ensure_ascii=False, separators=(",", ":")).encode(), 1),
            }
            connection.execute(update(VERSION).where(VERSION.c.version == row.version).values(values))


def _without(kind: str, before: Any, gone: set[tuple[str, str]]) -> Any:
    if kind == "item" and before and ("customer", before.get("customer")) in gone:
        return before | {"customer": None}
    if kind == "right" and before and before.get("persons"):
        return before | {"persons": [one for one in before["persons"] if ("person", one) not in gone]}
    return before
