"""A real journal cut into batches, and a collector's database to take them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cabinet.journal import b64, checkpoint, note
from cabinet.journal.checkpoint import Checkpoint
from cabinet.journal.leaf import Entry
from cabinet.journal.note import COSIGNATURE, Signer
from cabinet.journal.store import Commit, Journal
from cabinet.journal.tree import Frontier, leaf_hash
from hal.clock import Now
from sync.collector.ingest import Ack, Arrived, Ingest, Pin
from sync.collector.names import ACK, JOURNAL, SESSION, Cabinet
from sync.collector.store import Store

CABINET = Cabinet("demo", "lobby-01")
SIGNER = Signer(CABINET.origin, bytes(range(32)))
COSIGNER = Signer("collector.demo/one", bytes(range(1, 33)), COSIGNATURE)
PIN = Pin(CABINET, SIGNER.verifier.public)
START_MS = 1_767_225_600_000


class HandClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def mono_s(self) -> float:
        return self.now_s

    def now(self) -> Now:
        return Now(self.now_s, START_MS + int(self.now_s * 1000), "ntp")


@dataclass
class Log:
    """Leaves and the sizes at which there is a checkpoint; signs any of them."""

    leaves: list[bytes]
    sizes: list[int]
    signer: Signer = field(default=SIGNER)

    @property
    def size(self) -> int:
        return len(self.leaves)

    def root(self, size: int) -> bytes:
        return root_of(self.leaves[:size])

    def note(self, size: int) -> bytes:
        return Checkpoint(self.signer.name, size, self.root(size)).signed(self.signer)

    def batch(self, first: int, end: int, *, pruned: Iterable[int] = (), **changes: object) -> bytes:
        """Leaves `first` up to `end` as the cabinet sends them; `changes` replace keys of the payload."""
        hidden = set(pruned)
        leaves: list[object] = [
            {"hash": b64.encode(leaf_hash(leaf))} if n in hidden else b64.encode(leaf)
            for n, leaf in enumerate(self.leaves[first:end], first)
        ]
        payload = {
            "v": 1,
            "origin": self.signer.name,
            "first": first,
            "leaves": leaves,
            "checkpoint": self.note(end).decode(),
            "hist": False,
        }
        return json.dumps(payload | changes).encode()

    def session(self, **changes: object) -> bytes:
        return json.dumps(
            {"schema": 1, "origin": self.signer.name, "vkey": self.signer.vkey, "head": self.size} | changes
        ).encode()

    def batches(self, step: int = 10) -> list[bytes]:
        return [self.batch(first, min(first + step, self.size)) for first in range(0, self.size, step)]


def journal_log(folder: Path, transactions: Sequence[int]) -> Log:
    """What a real journal of transactions of these sizes holds."""
    folder.mkdir(exist_ok=True)
    journal = Journal.open(folder, CABINET.origin, CABINET.device, SIGNER)
    commits: list[Commit] = []
    for count in transactions:
        commits.append(journal.append([entry(journal.size + offset) for offset in range(count)]))
    journal.close()
    log = Log([leaf for commit in commits for leaf in commit.leaves], [commit.size for commit in commits])
    assert not commits or commits[-1].checkpoint == log.note(log.size)
    return log


def made_log(count: int, signer: Signer = SIGNER, tag: str = "") -> Log:
    """So many leaves of no particular content."""
    return Log([b"leaf %d of %s" % (n, tag.encode()) for n in range(count)], list(range(1, count + 1)), signer)


def entry(number: int) -> Entry:
    return Entry(
        ev="item.removed",
        ts=START_MS + number,
        tq="ntp",
        mono_ms=number,
        boot="1f0c9a2e",
        salt=b64.encode(os.urandom(16)),
        fields={"slot": number % 8 + 1, "item": f"K-{number:04}", "auth": "card+pin"},
        subs=({"r": "holder", "p": b64.encode(b"holder of key 07"), "e": b64.encode(bytes(92))},),
    )


def root_of(leaves: Iterable[bytes]) -> bytes:
    frontier = Frontier()
    for leaf in leaves:
        frontier.push(leaf_hash(leaf))
    return frontier.root()


class Collector:
    """Ingest over a database in a folder, with a clock in hand."""

    def __init__(self, folder: Path, *, pins: Sequence[Pin] = (PIN,), may_sign: bool = True) -> None:
        folder.mkdir(exist_ok=True)
        self.path = folder / "collector.db"
        self.clock = HandClock()
        self.may_sign = may_sign
        self.store = Store(self.path)
        try:
            self.ingest = Ingest(self.store, COSIGNER, self.clock, pins)
        except BaseException:
            self.store.close()
            raise

    def take(self, *payloads: bytes, cabinet: Cabinet = CABINET, plane: str = JOURNAL) -> list[Ack]:
        arrived = [Arrived(cabinet, plane, payload) for payload in payloads]
        return self.ingest.take(arrived, may_sign=self.may_sign)

    def hear_ack(self, data: bytes, cabinet: Cabinet = CABINET) -> list[Ack]:
        return self.take(data, cabinet=cabinet, plane=ACK)

    def hear_session(self, payload: bytes, cabinet: Cabinet = CABINET) -> list[Ack]:
        return self.take(payload, cabinet=cabinet, plane=SESSION)

    def ask(self, statement: str) -> list[tuple[object, ...]]:
        """Rows of a SELECT."""
        with self.store.transaction() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(statement)]

    def leaves(self, origin: str = CABINET.origin) -> list[object]:
        """The bytes of every stored leaf, in order; None where pruned."""
        statement = f"SELECT n, bytes FROM leaf JOIN origin ON id = origin WHERE name = '{origin}' ORDER BY n"
        found = self.ask(statement)
        assert [n for n, _ in found] == list(range(len(found)))
        return [data for _, data in found]

    def dropped(self) -> dict[str, int]:
        """How much was refused so far, by cause."""
        self.ingest.count(at_once=True)
        return {str(cause): int(str(count)) for cause, count in self.ask("SELECT cause, count FROM refused")}

    def alarms(self) -> list[tuple[object, ...]]:
        """Origin, kind, index, how often."""
        return self.ask("SELECT origin, kind, n, count FROM alarm ORDER BY origin, kind")

    def close(self) -> None:
        self.store.close()


def acked_size(acks: Sequence[Ack]) -> int:
    """Of the one acknowledgement, whose two signatures are right."""
    (ack,) = acks
    signed = note.parse(ack.note)
    assert [line.name for line in signed.signatures] == [SIGNER.name, COSIGNER.name]
    COSIGNER.verifier.check(signed)
    return checkpoint.read(ack.note, SIGNER.verifier).size
