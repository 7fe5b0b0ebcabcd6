"""Journals and an upstream as this contract sees them, in memory: leaves, signed notes, cosignatures."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import Any

from cabinet.journal.checkpoint import Checkpoint, parse
from cabinet.journal.errors import NoteRefused
from cabinet.journal.note import COSIGNATURE, Note, Signer, Verifier
from cabinet.journal.note import parse as parse_note
from cabinet.journal.tree import Frontier, leaf_hash

ORIGIN = "cabinet.demo/lobby-01"
SIGNER = Signer(ORIGIN, bytes(range(32)))
DELIVERY = Signer("collector.demo/one", bytes(range(1, 33)), COSIGNATURE)
WITNESS = Signer("witness.example/w", bytes(range(2, 34)), COSIGNATURE)
WALL_MS = 1_767_225_600_000
SECONDS = WALL_MS // 1000


def leaf(n: int, **fields: Any) -> bytes:
    body = {"v": 1, "dev": "lobby-01", "n": n, "ts": WALL_MS + n, "tq": "ntp", "ev": "item.removed"} | fields
    return json.dumps(body, sort_keys=True, separators=(",", ":")).encode()


class MemoryJournal:
    """Transactions of leaves, and the note of each."""

    def __init__(self, signer: Signer = SIGNER) -> None:
        self.signer = signer
        self.origin = signer.name
        self.leaves: list[bytes] = []
        self.notes: dict[int, bytes] = {}
        self.roots: dict[int, bytes] = {0: Frontier().root()}
        self.acked = 0
        self._frontier = Frontier()

    @property
    def size(self) -> int:
        return len(self.leaves)

    def append(self, count: int, **fields: Any) -> None:
        """One transaction."""
        for _ in range(count):
            data = leaf(self.size, **fields)
            self.leaves.append(data)
            self._frontier.push(leaf_hash(data))
        self.roots[self.size] = self._frontier.root()
        self.notes[self.size] = self.checkpoint().signed(self.signer)

    def checkpoint(self, size: int | None = None) -> Checkpoint:
        size = self.size if size is None else size
        return Checkpoint(self.origin, size, self.roots[size])

    def batch(self, first: int) -> dict[str, Any]:
        """Whole transactions of at most 100 leaves from `first` on."""
        ends = [size for size in self.notes if first < size <= first + 100]
        if not ends:
            return {"first": first, "leaves": []}
        end = max(ends)
        return {
            "first": first,
            "leaves": [b64encode(data).decode() for data in self.leaves[first:end]],
            "checkpoint": self.notes[end].decode(),
            "ts": json.loads(self.leaves[end - 1])["ts"],
        }

    def judge(self, text: str) -> dict[str, Any]:
        """What cabinetd answers to an acknowledgement."""
        cause = self._cause(text)
        if cause is None:
            self.acked = parse(parse_note(text.encode()).text).size
        return {"counted": cause is None, "acked": self.acked, "cause": cause}

    def _cause(self, text: str) -> str | None:
        try:
            signed = parse_note(text.encode())
            claimed = parse(signed.text)
        except NoteRefused:
            return "malformed"
        if claimed.origin != self.origin:
            return "unknown-origin"
        if not _signed(signed, self.signer.verifier):
            return "unsigned"
        if not _signed(signed, DELIVERY.verifier):
            return "not-cosigned"
        if claimed.size > self.size:
            return "rollback"
        if claimed.size <= self.acked:
            return "stale"
        return None if self.roots.get(claimed.size) == claimed.root else "fork"


class MemoryUpstream:
    """Holds what a collector would: extends its tree, or waits for what is missing."""

    def __init__(self, cosigner: Signer = DELIVERY) -> None:
        self.leaves: list[bytes] = []
        self.batches = 0
        self._cosigner = cosigner
        self._frontier = Frontier()
        self.newest: bytes | None = None

    @property
    def size(self) -> int:
        return len(self.leaves)

    def take(self, payload: bytes) -> bytes | None:
        """The acknowledgement that this batch earns; None behind a gap. Fails for a batch that lies."""
        self.batches += 1
        batch = json.loads(payload)
        assert list(batch) == ["v", "origin", "first", "leaves", "checkpoint", "hist"]
        assert 0 < len(batch["leaves"]) <= 100
        first, leaves = batch["first"], [b64decode(text) for text in batch["leaves"]]
        assert self.leaves[first : first + len(leaves)] == leaves[: max(0, self.size - first)], "another leaf"
        if first > self.size:
            return None
        fresh = leaves[self.size - first :]
        if not fresh:
            return self.newest
        for data in fresh:
            self.leaves.append(data)
            self._frontier.push(leaf_hash(data))
        note = parse_note(batch["checkpoint"].encode())
        SIGNER.verifier.check(note)
        assert parse(note.text) == Checkpoint(batch["origin"], self.size, self._frontier.root())
        self.newest = cosigned(note, self._cosigner)
        return self.newest


def cosigned(note: Note | bytes, cosigner: Signer = DELIVERY) -> bytes:
    signed = parse_note(note) if isinstance(note, bytes) else note
    return Note(signed.text, (*signed.signatures, cosigner.cosign(signed.text, SECONDS))).encode()


def _signed(note: Note, verifier: Verifier) -> bool:
    try:
        verifier.check(note)
    except NoteRefused:
        return False
    return True
