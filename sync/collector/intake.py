"""One transaction of the collector: what has arrived is verified against the trees and joined to them.

A batch that begins at our size or below is compared where it overlaps and joined where it goes on, if its leaves
lead to the root that the cabinet signed. One that begins beyond waits until the gap is closed. Nothing that is held
is ever changed by what comes in.
"""

from __future__ import annotations

from collections import Counter
from hashlib import sha256
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlalchemy import Connection

from cabinet.journal.checkpoint import MAX_SIZE
from cabinet.journal.errors import NoteRefused
from cabinet.journal.note import ED25519, MAX_NOTE, Note, Signer, Verifier
from sync.collector import aside, lineage, orphans, rows, witness
from sync.collector.batch import Batch, Cause, Refused, read
from sync.collector.erasure import erasures
from sync.collector.held import Held
from sync.collector.memory import Memory
from sync.collector.names import Cabinet

STAGED_MAX: Final = 64
STAGED_BYTES_MAX: Final = 4_000_000
"""Of one origin. When there is more, what is nearest to the tree stays."""


class Intake:
    """Changes `memory` together with the tables; when the transaction fails, `memory` is worth nothing."""

    def __init__(self, connection: Connection, memory: Memory, cosigner: Signer, now_ms: int) -> None:
        self.refused: Counter[Cause] = Counter()
        self.touched: dict[str, Held] = {}
        """Origins of which something came."""
        self.announced: dict[Cabinet, tuple[str, int]] = {}
        """Origin and size of a cabinet's tree as its session says."""
        self.has_erased = False
        """Bytes were dropped, which the write-ahead log still holds."""
        self._connection = connection
        self._memory = memory
        self._cosigner = cosigner
        self._now_ms = now_ms
        self._grown: set[str] = set()

    def batch(self, cabinet: Cabinet, payload: bytes) -> None:
        """Raises Refused."""
        batch = self._memory.erased.without(read(payload, cabinet))
        signed = self._signed(batch)
        held = self._memory.held(self._connection, cabinet, batch.origin, batch.epoch)
        if batch.orphan:
            self._keep_orphans(held, batch, signed)
            return
        self.touched[held.origin] = held
        if batch.first > held.size:
            self._stage(held, batch)
        else:
            self._join(held, batch, signed)
            self._promote(held)

    def ack(self, cabinet: Cabinet, data: bytes) -> None:
        """A retained acknowledgement. Raises Refused."""
        signed, said = witness.read_ack(data, self._cosigner)
        epoch = cabinet.epoch(said.origin)
        if epoch is None:
            raise Refused("foreign-origin")
        held = self._memory.held(self._connection, cabinet, said.origin, epoch)
        self.touched[held.origin] = held
        witness.recall(self._connection, held, signed, said, self._now_ms)

    def session(self, cabinet: Cabinet, payload: bytes) -> None:
        """What a cabinet says of itself. Raises Refused."""
        try:
            found = _Session.model_validate_json(payload)
            verifier = Verifier.from_vkey(found.vkey)
        except (ValidationError, NoteRefused):
            raise Refused("malformed") from None
        if cabinet.epoch(found.origin) is None:
            raise Refused("foreign-origin")
        if verifier.name != found.origin or verifier.kind != ED25519:
            raise Refused("malformed")
        held = self._memory.origins.get(found.origin)
        behind = held is not None and held.size < found.head
        if behind:
            self.announced[cabinet] = (found.origin, found.head)
        self._memory.pins.announce(self._connection, cabinet, verifier.public, self._now_ms, behind=behind)
        self.announced[cabinet] = (found.origin, found.head)

    def finish(self, may_sign: bool) -> list[Held]:
        """Store the newest checkpoints, and cosign. Gives the origins whose acknowledgement is to be published."""
        for name in self._grown:
            held = self._memory.origins[name]
            assert held.signed is not None
            rows.put_checkpoint(self._connection, held.id, held.size, held.signed.encode())
            rows.touch_origin(self._connection, held.id, self._now_ms)
        if may_sign:
            for name in self._memory.uncosigned:
                self._cosign(self._memory.origins[name])
            self._memory.uncosigned.clear()
        return [held for held in self._memory.newest_acked() if held.origin in self.touched]

    def _cosign(self, held: Held) -> None:
        try:
            if witness.cosign(self._connection, held, self._cosigner, self._now_ms):
                self.touched[held.origin] = held
        except Refused as refused:
            self.refused[refused.cause] += 1

    def _join(self, held: Held, batch: Batch, signed: Note) -> None:
        common_end = min(batch.end, held.size)
        differs = self._first_difference(held, batch, common_end)
        if batch.end <= held.size:
            if held.contradicts(self._connection, batch.checkpoint):
                kind: aside.Kind = "rollback" if batch.end < held.size else "fork"
                self._keep(held, kind, batch.end if differs is None else differs, batch, signed)
            elif differs is not None:
                self._keep(held, "tamper", differs, batch, signed)
        elif differs is not None:
            self._keep(held, self._kind_of_other_leaves(held, batch), differs, batch, signed)
        else:
            self._grow(held, batch, signed)

    def _first_difference(self, held: Held, batch: Batch, end: int) -> int | None:
        if end == batch.first:
            return None
        stored = rows.hashes(self._connection, held.id, batch.first, end)
        pairs = enumerate(zip(stored, batch.hashes[: end - batch.first], strict=True), batch.first)
        return next((n for n, (ours, theirs) in pairs if ours != theirs), None)

    def _kind_of_other_leaves(self, held: Held, batch: Batch) -> aside.Kind:
        """Whether the cabinet signed for these leaves, or they were changed on the way."""
        frontier = held.frontier_at(self._connection, batch.first)
        for hashed in batch.hashes:
            frontier.push(hashed)
        return "fork" if frontier.root() == batch.checkpoint.root else "tamper"

    def _signed(self, batch: Batch) -> Note:
        """Raises Refused."""
        held = self._memory.origins.get(batch.origin)
        ended = any(other.epoch > batch.epoch for other in self._memory.of(batch.cabinet))
        grows = held is None or batch.end > held.size
        try:
            return self._memory.pins.signed(batch, open_end=grows and not ended)
        except Refused as refused:
            if refused.cause == "revoked":
                rows.raise_alarm(self._connection, batch.origin, "key-revoked", batch.first, self._now_ms)
            raise

    def _keep_orphans(self, held: Held, batch: Batch, signed: Note) -> None:
        orphans.keep(self._connection, held, batch, signed, self._now_ms)
        if erasures(batch) and orphans.vouched(self._connection, held, batch):
            self._erase(held, batch)

    def _erase(self, held: Held, batch: Batch) -> None:
        origins = self._memory.of(held.cabinet)
        self.has_erased |= self._memory.erased.learn(self._connection, held, batch, origins, self._now_ms)

    def _grow(self, held: Held, batch: Batch, signed: Note) -> None:
        ended = self._memory.lineage.ends(held.origin)
        if ended is not None and batch.end > ended.old_size:
            self._keep(held, "ended", max(held.size, ended.old_size), batch, signed)
            return
        frontier = held.frontier.copy()
        skipped = held.size - batch.first
        added = [
            (held.id, n, hashed, frontier.push(hashed), leaf)
            for n, (hashed, leaf) in enumerate(
                zip(batch.hashes[skipped:], batch.leaves[skipped:], strict=True), held.size
            )
        ]
        if frontier.root() != batch.checkpoint.root:
            self._keep(held, "wrong-root", held.size, batch, signed)
            raise Refused("wrong-root")
        rows.insert_leaves(self._connection, added)
        grown_from, held.frontier, held.signed = held.size, frontier, signed
        self._grown.add(held.origin)
        self._memory.uncosigned.add(held.origin)
        for n, leaf in enumerate(batch.leaves[skipped:], grown_from):
            if leaf is not None:
                both = self._memory.pins.follow(self._connection, held, n, leaf, batch.note, self._now_ms)
                held.signed = both or held.signed
        if erasures(batch):
            self._erase(held, batch)
        if ended is not None:
            lineage.look_again(self._connection, held, ended, grown_from, signed.encode(), self._now_ms)
        if grown_from == 0 and held.epoch > 1:
            self._open(held, batch, signed)

    def _open(self, held: Held, batch: Batch, signed: Note) -> None:
        """The first leaves of a later epoch have come."""
        link = self._memory.lineage.open(self._connection, held, batch.leaves[0], self._now_ms)
        old = None if link is None else self._memory.origins.get(link.old_origin)
        lineage.announce(self._connection, held, link, old, batch.payload, signed.encode(), self._now_ms)

    def _stage(self, held: Held, batch: Batch) -> None:
        """Keep it until the gap is closed, for as long as nothing nearer needs its place."""
        while True:
            count, size = rows.staged_load(self._connection, held.id)
            if count < STAGED_MAX and size + len(batch.payload) <= STAGED_BYTES_MAX:
                break
            farthest = rows.staged_edge(self._connection, held.id, farthest=True)
            if farthest is None or farthest[0] <= batch.first:
                raise Refused("crowded")
            rows.unstage(self._connection, held.id, *farthest)
        rows.stage(self._connection, held.id, batch.first, sha256(batch.payload).digest(), batch.payload)
        held.staged = rows.staged_load(self._connection, held.id)[0]

    def _promote(self, held: Held) -> None:
        """Join what has waited for the gap to close."""
        while held.staged:
            nearest = rows.staged_edge(self._connection, held.id, farthest=False)
            if nearest is None or nearest[0] > held.size:
                return
            payload = rows.unstage(self._connection, held.id, *nearest)
            held.staged -= 1
            try:
                batch = read(payload, held.cabinet)
                self._join(held, batch, self._signed(batch))
            except Refused as refused:
                self.refused[refused.cause] += 1

    def _keep(self, held: Held, kind: aside.Kind, n: int, batch: Batch, signed: Note) -> None:
        aside.keep(self._connection, held, kind, n, signed.encode(), batch.payload, self._now_ms)


class _Session(BaseModel):
    """What is read of a session; the rest of it is for people."""

    model_config = ConfigDict(strict=True)

    origin: str
    vkey: Annotated[str, Field(max_length=MAX_NOTE)]
    head: Annotated[int, Field(ge=0, le=MAX_SIZE)]
