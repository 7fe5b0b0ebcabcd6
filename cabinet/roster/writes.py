"""The rows of one change, written together, and the digest of what then stands in roster.db."""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, Table, delete, func, select

from cabinet.roster.tables import (
    CONTENT,
    CREDENTIAL,
    CUSTOMER,
    FINGER,
    GROUP,
    ITEM,
    META,
    PERSON,
    PIN,
    PROMPT,
    RIGHT,
    RIGHT_PERSON,
    SCHEDULE,
    STREAMED,
    VERSION,
)

Rows = list[dict[str, Any]]
VERSIONS_KEPT: Final = 50
_DIGEST: Final = "digest"
_PART: Final = 1000
_TEXT_OF: Final = json.JSONEncoder(default=bytes.hex).encode
T = TypeVar("T")


@dataclass(slots=True)
class Writes:
    """Rows as the tables hold them; those of rights and prompts may be without their position."""

    people: Rows = field(default_factory=list)
    cards: Rows = field(default_factory=list)
    revoked: list[bytes] = field(default_factory=list)
    """Digests of cards."""
    fingers: Rows = field(default_factory=list)
    fingers_revoked: list[tuple[bytes, int]] = field(default_factory=list)
    """Module and template."""
    pins: Rows = field(default_factory=list)
    items: Rows = field(default_factory=list)
    groups: Rows = field(default_factory=list)
    schedules: Rows = field(default_factory=list)
    rights: Rows = field(default_factory=list)
    prompts: Rows = field(default_factory=list)
    entitled: Rows = field(default_factory=list)
    customers: Rows = field(default_factory=list)
    gone: dict[Table, list[str]] = field(default_factory=dict)
    """Ids whose rows go."""
    version: Rows = field(default_factory=list)
    meta: dict[str, str] = field(default_factory=dict)

    def rows_of(self, table: Table) -> Rows:
        """Of items, groups, schedules or prompts, to be added to."""
        return {ITEM: self.items, GROUP: self.groups, SCHEDULE: self.schedules, PROMPT: self.prompts}[table]

    def forget(self) -> None:
        """Once written: the rows of a large change would stand in the way of the snapshot that follows."""
        for rows in (self.people, self.cards, self.items, self.rights, self.entitled):
            rows.clear()
        self.version.clear()

    def apply(self, connection: Connection) -> None:
        """Writes all within the connection's transaction. Raises sqlalchemy.exc.DBAPIError."""
        _put(connection, PERSON, self.people)
        _remove(connection, CREDENTIAL, "digest", self.revoked)
        _put(connection, CREDENTIAL, self.cards)
        for module, template in self.fingers_revoked:
            connection.execute(delete(FINGER).where(FINGER.c.module == module, FINGER.c.template == template))
        _put(connection, FINGER, self.fingers)
        _put(connection, PIN, self.pins)
        # Taken out first: two items may change slots with each other.
        _remove(connection, ITEM, "id", [item["id"] for item in self.items])
        _put(connection, ITEM, self.items)
        _put(connection, CUSTOMER, self.customers)
        _put(connection, GROUP, self.groups)
        _put(connection, SCHEDULE, self.schedules)
        _put(connection, PROMPT, _in_order(connection, PROMPT, self.prompts))
        _remove(connection, RIGHT, "id", self.gone.get(RIGHT, ()))
        self._put_rights(connection)
        for table in (SCHEDULE, GROUP, PROMPT, CUSTOMER):
            _remove(connection, table, "id", self.gone.get(table, ()))
        _put(connection, VERSION, self.version)
        if self.version:
            trim(connection)
        _put(connection, META, [{"key": key, "value": value} for key, value in self.meta.items()])

    def _put_rights(self, connection: Connection) -> None:
        there = [right["id"] for right in self.rights if "position" in right]
        _put(connection, RIGHT, _in_order(connection, RIGHT, self.rights))
        _remove(connection, RIGHT_PERSON, "entitlement", there)
        _put(connection, RIGHT_PERSON, self.entitled)


def read_meta(connection: Connection) -> dict[str, str]:
    return dict(connection.execute(select(META.c.key, META.c.value)).all())


def write_digest(connection: Connection, digest: str) -> None:
    _put(connection, META, [{"key": _DIGEST, "value": digest}])


def digest_of(connection: Connection, key: bytes) -> str:
    """HMAC-SHA256 in hex over everything that stands in roster.db: per table its name, then each row in the order
    of the primary key as a JSON list, blobs in hex; at last the rows of `meta` but the digest itself. A table of
    fingers that is empty is left out: before there were any, it was not there."""
    total = hmac.new(key, digestmod="sha256")
    for table in (*CONTENT, META):
        if table is FINGER and connection.execute(select(FINGER.c.template).limit(1)).first() is None:
            continue
        total.update(table.name.encode() + b"\n")
        query = select(table).order_by(*table.primary_key.columns)
        if table is META:
            query = query.where(META.c.key != _DIGEST)
        for row in connection.execute(query, execution_options=STREAMED):
            total.update(_TEXT_OF(tuple(row)).encode() + b"\n")
    return total.hexdigest()


def trim(connection: Connection) -> None:
    """Keeps the newest versions."""
    newest = select(VERSION.c.version).order_by(VERSION.c.version.desc()).limit(VERSIONS_KEPT)
    connection.execute(delete(VERSION).where(VERSION.c.version.not_in(newest.scalar_subquery())))


def _in_order(connection: Connection, table: Table, rows: Rows) -> Rows:
    """With their positions: those of rows that are there already stay, new ones come behind."""
    behind = (connection.execute(select(func.max(table.c.position))).scalar() or 0) + 1
    return [row if "position" in row else row | {"position": behind + n} for n, row in enumerate(rows)]


def _put(connection: Connection, table: Table, rows: Rows) -> None:
    """Inserts, or overwrites the rest of a row whose primary key is there."""
    if not rows:
        return
    names = [column.name for column in table.columns]
    keys = [column.name for column in table.primary_key.columns]
    rest = ", ".join(f'"{name}" = excluded."{name}"' for name in names if name not in keys)
    told = f"DO UPDATE SET {rest}" if rest else "DO NOTHING"
    values = ", ".join("?" * len(names))
    into = f'"{table.name}" ({_listed(names)})'
    statement = f"INSERT INTO {into} VALUES ({values}) ON CONFLICT ({_listed(keys)}) {told}"  # noqa: S608 names of ours
    # As text: compiling values one by one costs more than SQLite does.
    in_order = itemgetter(*names)
    for part in _parts(rows):
        connection.exec_driver_sql(statement, list(map(in_order, part)))


def _remove(connection: Connection, table: Table, column: str, keys: Sequence[str | bytes]) -> None:
    statement = f'DELETE FROM "{table.name}" WHERE "{column}" = ?'  # noqa: S608 names of ours
    for part in _parts(keys):
        connection.exec_driver_sql(statement, [(key,) for key in part])


def _listed(names: list[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _parts(values: Sequence[T]) -> Iterator[Sequence[T]]:
    for at in range(0, len(values), _PART):
        yield values[at : at + _PART]
