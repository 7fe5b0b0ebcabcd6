"""The rows of one change, written together, and the digest of what then stands in roster.db."""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, Table, delete, func, select
from sqlalchemy.dialects.sqlite import insert

from cabinet.roster.tables import (
    CONTENT,
    CREDENTIAL,
    CUSTOMER,
    ITEM,
    META,
    PERSON,
    PIN,
    PROMPT,
    RIGHT,
    RIGHT_PERSON,
    SCHEDULE,
    STREAMED,
)

Rows = list[dict[str, Any]]
_DIGEST: Final = "digest"


@dataclass(slots=True)
class Writes:
    """Rows as the tables hold them; those of rights and prompts are without their position."""

    people: Rows = field(default_factory=list)
    cards: Rows = field(default_factory=list)
    revoked: list[bytes] = field(default_factory=list)
    """Digests of cards."""
    pins: Rows = field(default_factory=list)
    items: Rows = field(default_factory=list)
    schedules: Rows = field(default_factory=list)
    rights: Rows = field(default_factory=list)
    prompts: Rows = field(default_factory=list)
    entitled: Rows = field(default_factory=list)
    customers: Rows = field(default_factory=list)
    meta: dict[str, str] = field(default_factory=dict)

    def apply(self, connection: Connection) -> None:
        """Writes all within the connection's transaction. Raises sqlalchemy.exc.DBAPIError."""
        _put(connection, PERSON, self.people)
        for digest in self.revoked:
            connection.execute(delete(CREDENTIAL).where(CREDENTIAL.c.digest == digest))
        _put(connection, CREDENTIAL, self.cards)
        _put(connection, PIN, self.pins)
        # Taken out first: two items may change slots with each other.
        for item in self.items:
            connection.execute(delete(ITEM).where(ITEM.c.id == item["id"]))
        _put(connection, ITEM, self.items)
        _put(connection, CUSTOMER, self.customers)
        _put(connection, SCHEDULE, self.schedules)
        _put(connection, PROMPT, _in_order(connection, PROMPT, self.prompts))
        self._put_rights(connection)
        _put(connection, META, [{"key": key, "value": value} for key, value in self.meta.items()])

    def _put_rights(self, connection: Connection) -> None:
        _put(connection, RIGHT, _in_order(connection, RIGHT, self.rights))
        for right in self.rights:
            connection.execute(delete(RIGHT_PERSON).where(RIGHT_PERSON.c.entitlement == right["id"]))
        if self.entitled:
            connection.execute(insert(RIGHT_PERSON), self.entitled)


def read_meta(connection: Connection) -> dict[str, str]:
    return dict(connection.execute(select(META.c.key, META.c.value)).all())


def write_digest(connection: Connection, digest: str) -> None:
    _put(connection, META, [{"key": _DIGEST, "value": digest}])


def digest_of(connection: Connection, key: bytes) -> str:
    """HMAC-SHA256 in hex over everything that stands in roster.db: per table its name, then each row in the order
    of the primary key as a JSON list, blobs in hex; at last the rows of `meta` but the digest itself."""
    total = hmac.new(key, digestmod="sha256")
    for table in (*CONTENT, META):
        total.update(table.name.encode() + b"\n")
        query = select(table).order_by(*table.primary_key.columns)
        if table is META:
            query = query.where(META.c.key != _DIGEST)
        for row in connection.execute(query, execution_options=STREAMED):
            total.update(json.dumps(tuple(row), default=bytes.hex).encode() + b"\n")
    return total.hexdigest()


def counts(connection: Connection) -> dict[str, int]:
    """How many rows people, items and rights have."""
    tables = {"people": PERSON, "items": ITEM, "rights": RIGHT}
    return {
        name: connection.execute(select(func.count()).select_from(table)).scalar_one() for name, table in tables.items()
    }


def _in_order(connection: Connection, table: Table, rows: Rows) -> Rows:
    """With their positions: those of rows that are there already stay, new ones come behind."""
    places: dict[str, int] = dict(connection.execute(select(table.c.id, table.c.position)).all())
    behind = max(places.values(), default=0) + 1
    return [row | {"position": places.get(row["id"], behind + n)} for n, row in enumerate(rows)]


def _put(connection: Connection, table: Table, rows: Rows) -> None:
    """Inserts, or overwrites the rest of a row whose primary key is there."""
    if not rows:
        return
    statement = insert(table)
    rest = {c.name: statement.excluded[c.name] for c in table.columns if not c.primary_key}
    connection.execute(statement.on_conflict_do_update(index_elements=list(table.primary_key.columns), set_=rest), rows)
