"""The tables of an epoch file, `journal-<epoch>.db`, and the steps that lead to them.

A leaf row also carries the hashes of the subtrees its leaf completes, level 1 first: every node of the tree is
written once, at the end of one table. What the payload's columns say is derived from the bytes; `subs` are the
pseudonyms in the order of the leaf, 16 bytes each.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Integer, LargeBinary, Text, column, table

from cabinet.journal.connection import begin_write, driver
from cabinet.journal.errors import JournalTooNew

_FIRST: Final = (
    """CREATE TABLE leaf (
        n INTEGER PRIMARY KEY,
        hash BLOB NOT NULL,
        subtrees BLOB NOT NULL
    ) STRICT""",
    """CREATE TABLE payload (
        n INTEGER PRIMARY KEY REFERENCES leaf (n),
        ts INTEGER NOT NULL,
        kind TEXT NOT NULL,
        slot INTEGER,
        item TEXT,
        subs BLOB,
        bytes BLOB NOT NULL
    ) STRICT""",
    """CREATE VIEW entry AS
        SELECT n, hash, subtrees, ts, kind, slot, item, subs, bytes FROM leaf LEFT JOIN payload USING (n)""",
    # Covers every filter, people included, and grows at its end: one page per transaction, where one index per column
    # costs five, and one by pseudonym another one at random.
    "CREATE INDEX payload_found ON payload (ts, kind, slot, item, subs)",
    "CREATE TABLE checkpoint (size INTEGER PRIMARY KEY, note BLOB NOT NULL) STRICT",
    "CREATE TABLE ack (size INTEGER PRIMARY KEY REFERENCES checkpoint (size), note BLOB NOT NULL) STRICT",
    "CREATE TABLE state (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID",
    """CREATE TRIGGER leaf_unchanged BEFORE UPDATE ON leaf
        BEGIN SELECT raise(ABORT, 'leaves are immutable'); END""",
    """CREATE TRIGGER leaf_kept BEFORE DELETE ON leaf
        BEGIN SELECT raise(ABORT, 'leaves are immutable'); END""",
    """CREATE TRIGGER payload_unchanged BEFORE UPDATE ON payload
        BEGIN SELECT raise(ABORT, 'payloads are immutable'); END""",
    """CREATE TRIGGER payload_kept BEFORE DELETE ON payload
        WHEN OLD.n >= (SELECT coalesce(max(size), 0) FROM ack)
        BEGIN SELECT raise(ABORT, 'only acknowledged payloads may be pruned'); END""",
    """CREATE TRIGGER checkpoint_grows BEFORE INSERT ON checkpoint
        WHEN NEW.size <= (SELECT max(size) FROM checkpoint)
        BEGIN SELECT raise(ABORT, 'a checkpoint is never signed for an older size'); END""",
    """CREATE TRIGGER checkpoint_unchanged BEFORE UPDATE ON checkpoint
        BEGIN SELECT raise(ABORT, 'checkpoints are immutable'); END""",
    # Cosigned ones are held by their acknowledgement.
    """CREATE TRIGGER checkpoint_kept BEFORE DELETE ON checkpoint
        WHEN OLD.size >= (SELECT coalesce(max(size), 0) FROM ack)
        BEGIN SELECT raise(ABORT, 'a checkpoint is kept until a cosigned one covers it'); END""",
    """CREATE TRIGGER ack_grows BEFORE INSERT ON ack
        WHEN NEW.size <= (SELECT max(size) FROM ack)
        BEGIN SELECT raise(ABORT, 'an acknowledgement only moves forward'); END""",
    """CREATE TRIGGER ack_unchanged BEFORE UPDATE ON ack
        BEGIN SELECT raise(ABORT, 'acknowledgements are immutable'); END""",
    """CREATE TRIGGER ack_kept BEFORE DELETE ON ack
        BEGIN SELECT raise(ABORT, 'acknowledgements are kept'); END""",
)

MIGRATIONS: Final = (_FIRST,)
"""Step k leads from user_version k to k + 1. A step that was released is never changed."""

payload = table(
    "payload",
    column("n", Integer),
    column("ts", Integer),
    column("kind", Text),
    column("slot", Integer),
    column("item", Text),
    column("subs", LargeBinary),
    column("bytes", LargeBinary),
)


def migrate(connection: Connection, steps: tuple[tuple[str, ...], ...] = MIGRATIONS) -> None:
    """Bring the file to the newest version, each step in one transaction. Raises JournalTooNew."""
    with connection.begin():
        version = connection.exec_driver_sql("PRAGMA user_version").scalar_one()
    if version > len(steps):
        raise JournalTooNew(f"the journal has version {version}, this program knows {len(steps)}: update it")
    for number, step in enumerate(steps[version:], version + 1):
        with connection.begin():
            begin_write(connection)
            for statement in step:
                connection.exec_driver_sql(statement)
            connection.exec_driver_sql(f"PRAGMA user_version = {number}")


def is_as_made(connection: Connection) -> bool:
    """Whether tables, indexes, view and triggers are those of the version that the file says it has."""
    reading = driver(connection)
    (version,) = reading.execute("PRAGMA user_version").fetchone()
    made = sqlite3.connect(":memory:")
    try:
        for step in MIGRATIONS[:version]:
            for statement in step:
                made.execute(statement)
        return 0 < version <= len(MIGRATIONS) and _objects(reading) == _objects(made)
    finally:
        made.close()


def _objects(connection: sqlite3.Connection) -> list[tuple[str, str, str, str | None]]:
    found: list[tuple[str, str, str, str | None]] = connection.execute(
        "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name"
    ).fetchall()
    return found


def epoch_file(folder: Path, epoch: int) -> Path:
    return folder / f"journal-{epoch}.db"


def epochs(folder: Path) -> list[int]:
    """The epochs that have a file, ascending."""
    numbers = (path.stem.removeprefix("journal-") for path in folder.glob("journal-*.db"))
    return sorted(int(number) for number in numbers if number.isdecimal() and not number.startswith("0"))
