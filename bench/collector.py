"""How many leaves a second the collector verifies and stores: what bounds the drain of a backlog.

Batches of 100 leaves, in groups of as many as a cabinet keeps in flight; each group is one durable transaction with
one cosignature. Beside it what the same rows cost SQLite alone, in the same transactions.
"""

from __future__ import annotations

import json
import os
import sqlite3
import tempfile
from pathlib import Path
from time import perf_counter

from cabinet.journal import b64
from cabinet.journal.checkpoint import Checkpoint
from cabinet.journal.note import COSIGNATURE, Signer
from cabinet.journal.tree import Frontier, leaf_hash
from hal.system_clock import SystemClock
from sync.collector.ingest import Arrived, Ingest, Pin
from sync.collector.names import JOURNAL, Cabinet
from sync.collector.store import Store

LEAVES = 50_000
BATCH = 100
GROUP = 20
LEAF_BYTES = 320
CABINET = Cabinet("bench", "lobby-01")


def run() -> dict[str, float]:
    """Leaves a second: verified and stored, and the same rows only stored by stdlib sqlite3; and their ratio."""
    leaves = [b"%08d" % n + os.urandom(LEAF_BYTES - 8) for n in range(LEAVES)]
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as folder:
        stored = _stored(Path(folder) / "bare.db", leaves)
        ingested = _ingested(Path(folder) / "collector.db", batches(leaves, CABINET.origin, BATCH))
    return {
        "leaves_per_s": round(ingested),
        "sqlite_rows_per_s": round(stored),
        "ratio_to_sqlite": round(ingested / stored, 3),
    }


def batches(leaves: list[bytes], origin: str, each: int) -> list[bytes]:
    """Payloads of the journal plane, of `each` leaves, signed with a key of zeros."""
    signer = Signer(origin, bytes(32))
    frontier = Frontier()
    found = []
    for first in range(0, len(leaves), each):
        part = leaves[first : first + each]
        for leaf in part:
            frontier.push(leaf_hash(leaf))
        signed = Checkpoint(signer.name, frontier.size, frontier.root()).signed(signer)
        payload = {"v": 1, "origin": signer.name, "first": first, "leaves": [b64.encode(leaf) for leaf in part]}
        found.append(json.dumps(payload | {"checkpoint": signed.decode(), "hist": True}).encode())
    return found


def _ingested(path: Path, payloads: list[bytes]) -> float:
    pin = Pin(CABINET, Signer(CABINET.origin, bytes(32)).verifier.public)
    store = Store(path)
    ingest = Ingest(store, Signer("collector.bench/one", bytes(32), COSIGNATURE), SystemClock(), [pin])
    start = perf_counter()
    for at in range(0, len(payloads), GROUP):
        ingest.take([Arrived(CABINET, JOURNAL, one) for one in payloads[at : at + GROUP]], may_sign=True)
    seconds = perf_counter() - start
    (ack,) = ingest.acks()
    assert ack.note.split(b"\n")[1] == b"%d" % LEAVES
    store.close()
    return LEAVES / seconds


def _stored(path: Path, leaves: list[bytes]) -> float:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = wal")
    connection.execute("PRAGMA synchronous = full")
    connection.execute("CREATE TABLE leaf (n INTEGER PRIMARY KEY, hash BLOB, bytes BLOB)")
    rows = [(n, leaf_hash(leaf), leaf) for n, leaf in enumerate(leaves)]
    start = perf_counter()
    for at in range(0, len(rows), BATCH * GROUP):
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO leaf VALUES (?, ?, ?)", rows[at : at + BATCH * GROUP])
        connection.execute("COMMIT")
    seconds = perf_counter() - start
    connection.close()
    return len(rows) / seconds


def main() -> None:
    for name, value in run().items():
        print(f"{name:20}{value:12g}")


if __name__ == "__main__":
    main()
