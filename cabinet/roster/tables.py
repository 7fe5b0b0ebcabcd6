"""roster.db: its tables and how it is opened. Nothing in it tells who somebody is without the device key.

Ids and card numbers stand as digests keyed by sub-keys of the device key, names and numbers sealed under the
person's own key, that key wrapped. Lists of labels are joined by `;`, which no label may hold.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from sqlalchemy import (
    Column,
    Connection,
    Engine,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    create_engine,
    event,
)

METADATA: Final = MetaData()


def _table(name: str, *columns: Column[Any]) -> Table:
    return Table(name, METADATA, *columns, sqlite_strict=True)


def _person() -> Column[Any]:
    return Column("pseudonym", Text, ForeignKey("person.pseudonym", ondelete="CASCADE"), nullable=False)


META: Final = _table("meta", Column("key", Text, primary_key=True), Column("value", Text, nullable=False))
PERSON: Final = _table(
    "person",
    Column("pseudonym", Text, primary_key=True),
    Column("id_digest", LargeBinary, nullable=False, unique=True),
    Column("wrapped_key", LargeBinary, nullable=False),
    Column("profile", LargeBinary, nullable=False),  # id, name and department, sealed
    Column("groups", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("roles", Text, nullable=False),
    Column("active_from", Text),  # days, ISO 8601, local time
    Column("active_until", Text),
    Column("suspended", Integer, nullable=False),
    Column("qualifications", Text, nullable=False),
    Column("consents", Text, nullable=False),
    Column("host", Text),  # a pseudonym, perhaps of somebody who is gone
)
CREDENTIAL: Final = _table(
    "credential",
    Column("digest", LargeBinary, primary_key=True),
    _person(),
    Column("sealed", LargeBinary, nullable=False),  # the card number
    Column("strength", Text, nullable=False),
)
FINGER: Final = _table(
    "finger",
    Column("module", LargeBinary, primary_key=True, nullable=False),  # the mark that stands in the module
    Column("template", Integer, primary_key=True, nullable=False),
    _person(),
    Column("since", Integer, nullable=False),  # when it was enrolled, Unix ms
)
PIN: Final = _table(
    "pin",
    Column("pseudonym", Text, ForeignKey("person.pseudonym", ondelete="CASCADE"), primary_key=True),
    Column("record", LargeBinary, nullable=False),
    Column("since", Integer, nullable=False),  # when it was set, Unix ms
    Column("temporary", Integer, nullable=False),
)
ITEM: Final = _table(
    "item",
    Column("id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("customer", Text),
    Column("slot", Integer, unique=True),
    Column("fob", Text, unique=True),
    Column("back", Text, nullable=False),
    Column("groups", Text, nullable=False),
    Column("tags", Text, nullable=False),
    Column("expires", Text),
    Column("seal", Text, nullable=False),
    Column("keys", Integer),
    Column("retired", Integer, nullable=False),
)
SCHEDULE: Final = _table(
    "schedule",
    Column("id", Text, primary_key=True),
    Column("windows", Text, nullable=False),  # `mon;tue 08:00 18:00`, one a line
    Column("closed_on", Text, nullable=False),  # days, ISO 8601
)
GROUP: Final = _table(
    "nested_group",
    Column("id", Text, primary_key=True),
    Column("includes", Text, nullable=False),
)
RIGHT: Final = _table(
    "entitlement",
    Column("id", Text, primary_key=True),
    Column("position", Integer, nullable=False, unique=True),
    Column("groups", Text, nullable=False),
    Column("items", Text, nullable=False),
    Column("item_groups", Text, nullable=False),
    Column("acts", Text, nullable=False),
    Column("schedule", Text, ForeignKey("schedule.id")),
    Column("factors", Text, nullable=False),
    Column("curfew", Text, nullable=False),
    Column("authorisers", Integer, nullable=False),
    Column("authorised_by", Text, nullable=False),
    Column("distinct_departments", Integer, nullable=False),
    Column("most_out", Integer),
    Column("most_out_together", Integer),
    Column("blocked_while_overdue", Integer, nullable=False),
    Column("any_of", Integer, nullable=False),
    Column("requires", Text, nullable=False),
)
RIGHT_PERSON: Final = _table(
    "entitled_person",
    Column("entitlement", Text, ForeignKey("entitlement.id", ondelete="CASCADE"), primary_key=True, nullable=False),
    Column("pseudonym", Text, ForeignKey("person.pseudonym", ondelete="CASCADE"), primary_key=True, nullable=False),
)
PROMPT: Final = _table(
    "prompt",
    Column("id", Text, primary_key=True),
    Column("position", Integer, nullable=False, unique=True),
    Column("at", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("ask", Text, nullable=False),
    Column("ask_zh", Text, nullable=False),
    Column("items", Text, nullable=False),
    Column("item_groups", Text, nullable=False),
    Column("required", Integer, nullable=False),
    Column("least", Integer),
    Column("most", Integer),
    Column("choices", Text, nullable=False),  # English and Chinese in turns, one a line
)
CUSTOMER: Final = _table(
    "customer",
    Column("id", Text, primary_key=True),
    Column("wrapped_key", LargeBinary, nullable=False),
    Column("sealed", LargeBinary, nullable=False),  # the name, under the customer's own key
)
VERSION: Final = _table(
    "version",
    Column("version", Integer, primary_key=True),
    Column("at_ms", Integer, nullable=False),
    Column("operator", Text, nullable=False),
    Column("said", Text, nullable=False),  # what changed, people by their pseudonym
    Column("undo", LargeBinary, nullable=False),  # what it was before; see versions.py
)
CONTENT: Final = (
    PERSON,
    CREDENTIAL,
    FINGER,
    PIN,
    ITEM,
    SCHEDULE,
    GROUP,
    RIGHT,
    RIGHT_PERSON,
    PROMPT,
    CUSTOMER,
    VERSION,
)
"""What the digest of the roster covers, in this order."""

STREAMED: Final = {"compiled_cache": None, "yield_per": 500}
"""For questions whose answer is the whole roster: never all rows in memory at once, and asked too seldom for their
compiled form to be kept."""


def _add_fingers(connection: Connection) -> None:
    FINGER.create(connection, checkfirst=True)


MIGRATIONS: Final[tuple[Callable[[Connection], None], ...]] = (METADATA.create_all, _add_fingers)
"""Step k leads from user_version k to k + 1."""


class RosterUnusable(ValueError):
    """roster.db is of a newer program, of another device, or changed by another hand; the text says what to do."""


def open_engine(path: Path) -> Engine:
    """Opens or creates roster.db, mode 0600, and brings it to this program's form. Blocks.

    The caller holds the lock of the state folder. Raises RosterUnusable, OSError, sqlalchemy.exc.DBAPIError."""
    path.touch(mode=0o600, exist_ok=True)
    engine = create_engine(f"sqlite:///{path}", connect_args={"check_same_thread": False})
    try:
        prepare(engine, str(path))
    except BaseException:
        engine.dispose()
        raise
    return engine


def prepare(engine: Engine, place: str) -> None:
    """Sets up the connections of an engine and brings its database to this program's form. `place` is for people.

    Raises RosterUnusable, sqlalchemy.exc.DBAPIError."""
    event.listen(engine, "connect", _set_pragmas)
    event.listen(engine, "begin", _begin)
    with writing(engine).begin() as connection:
        _migrate(connection, place)


def writing(engine: Engine) -> Engine:
    """The same database, whose transactions take the write lock at once."""
    return engine.execution_options(roster_writes=True)


def _migrate(connection: Connection, place: str) -> None:
    version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    if version > len(MIGRATIONS):
        raise RosterUnusable(
            f"{place}: written by a newer program (form {version}, this one knows {len(MIGRATIONS)}); "
            "install that program again"
        )
    for step in MIGRATIONS[version:]:
        step(connection)
    connection.exec_driver_sql(f"PRAGMA user_version = {len(MIGRATIONS)}")


def _set_pragmas(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # Transactions begin where SQLAlchemy says, not where sqlite3 guesses.
    try:
        _set_each(connection)
    except BaseException:
        connection.close()
        raise


def _set_each(connection: Any) -> None:
    for pragma in (
        "page_size = 1024",
        "journal_mode = WAL",
        "synchronous = FULL",
        "secure_delete = ON",
        "foreign_keys = ON",
        "trusted_schema = OFF",
        "mmap_size = 0",
        "cache_size = -2048",
    ):
        # A cursor that is left open keeps the file open, whoever closes the connection.
        with closing(connection.cursor()) as cursor:
            cursor.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("roster_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
