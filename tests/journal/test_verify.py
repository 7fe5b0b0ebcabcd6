"""Every verdict is reached, and whatever is changed is found, at its index and by its rule."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest

from cabinet.journal import b64
from cabinet.journal.checkpoint import Checkpoint
from cabinet.journal.connection import close, open_writer
from cabinet.journal.errors import NoteRefused
from cabinet.journal.reader import JournalReader
from cabinet.journal.tree import leaf_hash
from cabinet.journal.verdict import Verdict
from cabinet.journal.verify import verify
from tests.journal.making import HOLDER, ORIGIN, OTHER_SIGNER, SIGNER, entry, filled, opened, tampering


def verdict_of(folder: Path, vkey: str = SIGNER.vkey, trusted: bytes | None = None) -> Verdict:
    with JournalReader(folder) as reader:
        return verify(reader, vkey, trusted=trusted)


def tampered(folder: Path, *statements: str) -> Path:
    connection = tampering(folder)
    for statement in statements:
        assert connection.execute(statement).rowcount != 0, statement
    connection.close()
    return folder


def test_verified(seventy: Path) -> None:
    told: list[tuple[int, int]] = []
    with JournalReader(seventy) as reader:
        verdict = verify(reader, SIGNER.vkey, progress=lambda done, size: told.append((done, size)))
    assert verdict == Verdict("verified", 70, 70, None, None, 0)
    assert told == [(70, 70)]


def test_an_empty_journal_verifies(tmp_path: Path) -> None:
    opened(tmp_path).close()
    assert verdict_of(tmp_path) == Verdict("verified", 0, 0, None, None, 0)


def test_pruned_leaves_are_counted(seventy: Path) -> None:
    connection = open_writer(seventy / "journal-1.db")
    for statement in (
        "INSERT INTO ack SELECT size, note FROM checkpoint WHERE size = 20",
        "DELETE FROM payload WHERE n IN (3, 4)",
    ):
        with connection.begin():
            connection.exec_driver_sql(statement)
    close(connection)
    assert verdict_of(seventy) == Verdict("verified", 70, 70, None, None, 2)


def test_unsealed_tail(seventy: Path) -> None:
    tampered(seventy, "DELETE FROM checkpoint WHERE size = 70")
    assert verdict_of(seventy) == Verdict("unsealed-tail", 70, 60, None, None, 0)
    tampered(seventy, "UPDATE payload SET bytes = x'7b7d' WHERE n = 65")
    assert verdict_of(seventy) == Verdict("failed", 70, 60, 65, "leaf-hash", 0), "the tail is hashed as well"


def test_rolled_back(tmp_path: Path) -> None:
    """The log was cut and is what the device's key signed: only an earlier checkpoint tells."""
    later = filled(tmp_path / "whole", 9)
    earlier = filled(tmp_path / "cut", 6)
    assert verdict_of(tmp_path / "cut").result == "verified"
    assert verdict_of(tmp_path / "cut", trusted=earlier).result == "verified"
    assert verdict_of(tmp_path / "cut", trusted=later) == Verdict("rolled-back", 6, 6, None, None, 0)


def test_forked(tmp_path: Path) -> None:
    other_life = filled(tmp_path / "other", 6)
    filled(tmp_path / "this", 9)
    assert verdict_of(tmp_path / "this", trusted=other_life) == Verdict("forked", 9, 9, None, None, 0)


def test_a_trusted_checkpoint_within_a_transaction_counts(seventy: Path) -> None:
    with JournalReader(seventy) as reader:
        trusted = Checkpoint(ORIGIN, 35, _root(reader, 35))
        empty = Checkpoint(ORIGIN, 0, _root(reader, 0))
    assert verdict_of(seventy, trusted=trusted.signed(SIGNER)).result == "verified"
    assert verdict_of(seventy, trusted=empty.signed(SIGNER)).result == "verified"
    wrong = Checkpoint(ORIGIN, 35, bytes(32)).signed(SIGNER)
    assert verdict_of(seventy, trusted=wrong).result == "forked"


def _root(reader: JournalReader, size: int) -> bytes:
    from cabinet.journal.tree import Frontier

    return Frontier.read(size, reader.node).root()


def test_a_trusted_checkpoint_must_be_of_this_journal(seventy: Path) -> None:
    for trusted in (b"", Checkpoint(ORIGIN, 35, bytes(32)).signed(OTHER_SIGNER)):
        with pytest.raises(NoteRefused):
            verdict_of(seventy, trusted=trusted)
    with pytest.raises(NoteRefused):
        verdict_of(seventy, vkey="")


def test_another_key_fails(seventy: Path) -> None:
    for vkey in (OTHER_SIGNER.vkey, SIGNER.named(f"{ORIGIN}/e2").vkey):
        assert verdict_of(seventy, vkey) == Verdict("failed", 70, 70, 0, "checkpoint", 0)


ZERO = "zeroblob(32)"


CHANGES = [
    (["UPDATE payload SET bytes = x'7b7d' WHERE n = 41"], 41, "leaf-hash"),
    ([f"UPDATE leaf SET hash = {ZERO} WHERE n = 41"], 41, "leaf-hash"),
    (["DELETE FROM payload WHERE n = 41"], 41, "payload-missing"),
    (["DELETE FROM leaf WHERE n = 41"], 41, "leaf-missing"),
    (["DELETE FROM leaf WHERE n > 65"], 66, "leaf-missing"),
    (["DELETE FROM leaf", "DELETE FROM payload"], 0, "leaf-missing"),
    (["UPDATE leaf SET subtrees = zeroblob(32) WHERE n = 41"], 41, "subtree"),
    (["UPDATE leaf SET subtrees = zeroblob(32) WHERE n = 42"], 42, "subtree"),
    (["UPDATE payload SET ts = ts + 1 WHERE n = 41"], 41, "columns"),
    (["UPDATE payload SET kind = 'item.returned' WHERE n = 41"], 41, "columns"),
    (["UPDATE payload SET slot = 7 WHERE n = 41"], 41, "columns"),
    (["UPDATE payload SET item = NULL WHERE n = 41"], 41, "columns"),
    (["UPDATE payload SET subs = NULL WHERE n = 41"], 41, "columns"),
    (["UPDATE payload SET subs = zeroblob(32) WHERE n = 41"], 41, "columns"),
    (["UPDATE payload SET subs = zeroblob(16) WHERE n = 41"], 41, "columns"),
    (["UPDATE checkpoint SET note = x'00' WHERE size = 40"], 30, "checkpoint"),
    (["UPDATE checkpoint SET size = 41 WHERE size = 40"], 30, "checkpoint"),
    (["DELETE FROM checkpoint"], 0, "checkpoint"),
]
"""With the first leaf that is not known to be good, and the rule."""


@pytest.mark.parametrize(("statements", "at", "rule"), CHANGES)
def test_failed(seventy: Path, statements: list[str], at: int, rule: str) -> None:
    verdict = verdict_of(tampered(seventy, *statements))
    assert (verdict.result, verdict.failed_at, verdict.rule) == ("failed", at, rule)


def test_a_leaf_that_was_replaced_with_all_its_hashes(seventy: Path) -> None:
    """Whoever has the disk but not the key cannot make the next checkpoint fit."""
    connection = tampering(seventy)
    (data,) = connection.execute("SELECT bytes FROM payload WHERE n = 42").fetchone()
    forged = data.replace(b'"auth":"card+pin"', b'"auth":"card+pim"')
    assert forged != data
    connection.execute("UPDATE payload SET bytes = ? WHERE n = 42", (forged,))
    connection.execute("UPDATE leaf SET hash = ? WHERE n = 42", (leaf_hash(forged),))
    connection.close()
    verdict = verdict_of(seventy)
    assert (verdict.result, verdict.failed_at, verdict.rule) == ("failed", 43, "subtree")


@pytest.mark.parametrize("data", [b"[]", b"{", b"\xff", b'{"n":0,"dev":"lobby-02"}', b'{"n":1,"dev":"lobby-01"}'])
def test_a_signed_leaf_that_is_no_leaf_of_this_journal(tmp_path: Path, data: bytes) -> None:
    opened(tmp_path).close()
    connection = tampering(tmp_path)
    connection.execute("INSERT INTO leaf VALUES (0, ?, x'')", (leaf_hash(data),))
    connection.execute("INSERT INTO payload VALUES (0, 1, 'a.b', NULL, NULL, NULL, ?)", (data,))
    signed = Checkpoint(ORIGIN, 1, leaf_hash(data)).signed(SIGNER)
    connection.execute("INSERT INTO checkpoint VALUES (1, ?)", (signed,))
    connection.close()
    assert verdict_of(tmp_path) == Verdict("failed", 1, 1, 0, "leaf-form", 0)


def test_an_acknowledgement_is_checked_as_well(seventy: Path) -> None:
    wrong = b64.encode(Checkpoint(ORIGIN, 20, bytes(32)).signed(SIGNER))
    connection = tampering(seventy)
    connection.execute("INSERT INTO ack VALUES (20, ?)", (b64.decode(wrong),))
    connection.close()
    verdict = verdict_of(seventy)
    assert (verdict.result, verdict.failed_at, verdict.rule) == ("failed", 20, "checkpoint")


def test_changed_bytes_of_the_database_file_are_found(seventy: Path) -> None:
    """A sample of every stored thing: the bytes lie in the file as they are."""
    path = seventy / "journal-1.db"
    whole = path.read_bytes()
    found = 0
    for stored in _stored(seventy):
        start = whole.find(stored)
        for at in range(start, start + len(stored), max(1, len(stored) // 3)) if start >= 0 else ():
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x04]) + whole[at + 1 :])
            verdict = verdict_of(seventy)
            assert verdict.result == "failed", (at, stored[:20])
            found += 1
    assert found > 30
    path.write_bytes(whole)
    assert verdict_of(seventy).result == "verified"


def _stored(folder: Path) -> list[bytes]:
    connection = sqlite3.connect(f"file:{folder}/journal-1.db?immutable=1", uri=True)
    questions = (
        "SELECT bytes FROM payload WHERE n IN (0, 33, 69)",
        "SELECT hash FROM leaf WHERE n IN (0, 33, 69)",
        "SELECT subtrees FROM leaf WHERE n IN (1, 31, 63)",
        "SELECT note FROM checkpoint WHERE size IN (0, 30, 70)",
    )
    rows = [row[0] for question in questions for row in connection.execute(question).fetchall()]
    connection.close()
    return [*rows, b64.decode(HOLDER), b"item.removedK-0033"]


def test_a_broken_page(seventy: Path) -> None:
    path = seventy / "journal-1.db"
    whole = bytearray(path.read_bytes())
    for page in range(len(whole) // 2048, len(whole) // 1024, 9):
        whole[page * 1024 : page * 1024 + 8] = b"\xff" * 8
    path.write_bytes(whole)
    verdict = verdict_of(seventy)
    assert verdict.result == "failed"


@pytest.mark.parametrize(
    ("table", "column", "at"),
    [("checkpoint", "note", "size = 40"), ("payload", "bytes", "n = 41"), ("leaf", "hash", "n = 41")],
)
def test_values_of_another_type(seventy: Path, table: str, column: str, at: str) -> None:
    """As a changed byte in the head of a row makes them."""
    connection = tampering(seventy)
    (sql,) = connection.execute("SELECT sql FROM sqlite_master WHERE name = ?", (table,)).fetchone()
    connection.execute("PRAGMA writable_schema = ON")
    lax = sql.replace("STRICT", "").replace("NOT NULL", "")
    connection.execute("UPDATE sqlite_master SET sql = ? WHERE name = ?", (lax, table))
    connection.triggers.append("PRAGMA writable_schema = ON")
    connection.close()
    for value in ("NULL", "7", "'text'"):
        connection = tampering(seventy)
        connection.execute(f"UPDATE {table} SET {column} = {value} WHERE {at}")
        connection.close()
        verdict = verdict_of(seventy)
        assert (verdict.result, verdict.failed_at) == ("failed", 30 if table == "checkpoint" else 41), verdict


def test_a_column_that_is_no_text(seventy: Path) -> None:
    path = seventy / "journal-1.db"
    whole = path.read_bytes()
    beside_the_leaf = re.search(rb"item\.removed.K-0033.{16}\{", whole, re.DOTALL)
    assert beside_the_leaf is not None
    at = beside_the_leaf.start()
    path.write_bytes(whole[:at] + b"\xe9" + whole[at + 1 :])
    verdict = verdict_of(seventy)
    assert (verdict.result, verdict.failed_at, verdict.rule) == ("failed", 33, "unreadable")


def test_an_index_that_lies(seventy: Path) -> None:
    connection = tampering(seventy)
    connection.execute("PRAGMA writable_schema = ON")
    connection.execute("UPDATE sqlite_master SET sql = replace(sql, 'slot', 'n') WHERE name = 'payload_found'")
    connection.close()
    verdict = verdict_of(seventy)
    assert (verdict.result, verdict.rule) == ("failed", "unreadable")


def test_a_live_journal_may_grow_meanwhile(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.append([entry(n) for n in range(20)])
    with JournalReader(tmp_path) as reader:
        grown = verify(reader, SIGNER.vkey, progress=lambda done, size: _grow(journal.append, done))
        assert grown == Verdict("verified", 20, 20, None, None, 0)
        assert reader.size == 21
    journal.close()


def _grow(append: object, done: int) -> None:
    assert callable(append)
    append([entry(done)])
