"""Upstream as a cabinet may meet it: verifies by a tree of its own, cosigns what it holds, crashes, and asks again.

Its disk takes a batch whole or not at all; what it has cosigned it holds. Of a cabinet that has opened another epoch it
confirms the newest alone. What the cabinet has given up it keeps aside, until an operator accepts the new epoch."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from cabinet.journal.note import Signer
from simulator.harness.happenings import Accepted, Aside, Held
from simulator.harness.network.broker import ModelBroker
from simulator.harness.second_tree import SecondTree, leaf_hash, parse_note
from simulator.harness.witness import Witness

STORED_S: Final = (0.001, 0.020)
ASK_AFTER_S: Final = 6.0
STAGED_MAX: Final = 200
ACCEPTED_S: Final = (30.0, 7200.0)
"""So long after a new epoch somebody has looked into it."""


@dataclass(slots=True)
class _Origin:
    hashes: list[bytes] = field(default_factory=list)
    tree: SecondTree = field(default_factory=SecondTree)
    ack: bytes = b""
    staged: dict[int, dict[str, Any]] = field(default_factory=dict)
    head: int = 0
    ends: int | None = None
    """The size that the next epoch goes on from."""


class ModelUpstream:
    def __init__(
        self, broker: ModelBroker, cosigner: Signer, witness: Witness, random: Random, wall_ms: Callable[[], int]
    ) -> None:
        self.alive = False
        self.origins: dict[str, _Origin] = {}
        self.refused = 0
        """Batches that were no continuation of what is held."""
        self.accepts = True
        """Whether there is somebody who accepts new epochs."""
        self._accepted = b""
        self._broker = broker
        self._cosigner = cosigner
        self._witness = witness
        self._random = random
        self._wall_ms = wall_ms
        self._life = 0
        self._asking = False

    def start(self) -> None:
        self.alive = True
        self._life += 1
        self._broker.serve(frozenset({"journal", "session"}), self._deliver)
        for name, origin in self.origins.items():
            if origin.ack and origin.ends is None:
                self._broker.send(_topic(name, "journal/ack"), origin.ack, retain=True)
            if self._accepted:
                self._broker.send(_topic(name, "journal/epoch"), self._accepted, retain=True)
        self._asking = False
        self._ask_later()

    def crash(self) -> None:
        """What it had not stored is gone."""
        self.alive = False
        self._life += 1
        self._broker.serve(frozenset(), None)
        for origin in self.origins.values():
            origin.staged.clear()

    def accept(self, name: str) -> None:
        """An operator has looked into this epoch."""
        self._accepted = json.dumps({"origin": name}).encode()
        self._witness.tell(Accepted(name))
        if self.alive:
            self._broker.send(_topic(name, "journal/epoch"), self._accepted, retain=True)

    def _deliver(self, topic: str, payload: bytes, retained: bool) -> None:
        message = json.loads(payload)
        origin = self.origins.setdefault(message["origin"], _Origin())
        if topic.endswith("/session"):
            origin.head = message["head"]
            self._ask_later()
            return
        life = self._life
        delay_s = self._random.uniform(*STORED_S)

        def store() -> None:
            if life == self._life:
                self._take(message["origin"], origin, message)

        asyncio.get_running_loop().call_later(delay_s, store)

    def _take(self, name: str, origin: _Origin, batch: dict[str, Any]) -> None:
        """In order it is stored; ahead of a gap it waits; what was given up is kept aside."""
        if batch.get("orphan", False):
            self._witness.tell(Aside(name, batch["first"], batch["first"] + len(batch["leaves"])))
            return
        if batch["first"] > len(origin.hashes):
            if len(origin.staged) < STAGED_MAX:
                origin.staged[batch["first"]] = batch
                self._ask_later()
            return
        grown = self._store(name, origin, batch)
        while grown and (more := origin.staged.pop(len(origin.hashes), None)) is not None:
            self._store(name, origin, more)

    def _store(self, name: str, origin: _Origin, batch: dict[str, Any]) -> bool:
        hashes = [_hash(one) for one in batch["leaves"]]
        first, held = batch["first"], len(origin.hashes)
        size = first + len(hashes)
        if origin.hashes[first:size] != hashes[: held - first] or (origin.ends is not None and size > origin.ends):
            self.refused += 1
            return False
        if size <= held:
            return False
        tree = origin.tree.copy()
        for one in hashes[held - first :]:
            tree.add_hash(one)
        note = parse_note(batch["checkpoint"].encode())
        if (note.origin, note.size, note.root) != (name, size, tree.root):
            self.refused += 1
            return False
        origin.hashes += hashes[held - first :]
        origin.tree = tree
        if held == 0:
            self._begun(name, batch["leaves"][0])
        cosignature = self._cosigner.cosign(note.text, self._wall_ms() // 1000)
        origin.ack = batch["checkpoint"].encode() + cosignature.line().encode()
        self._witness.tell(Held(name, size, tree.root))
        if origin.ends is None:
            self._broker.send(_topic(name, "journal/ack"), origin.ack, retain=True)
        return True

    def _begun(self, name: str, leaf: object) -> None:
        """A later epoch says which one it goes on from."""
        said = json.loads(base64.b64decode(leaf)) if isinstance(leaf, str) else {}
        if said.get("ev") != "epoch.opened":
            return
        self.origins.setdefault(said["old_origin"], _Origin()).ends = said["old_size"]
        if self.accepts:
            asyncio.get_running_loop().call_later(self._random.uniform(*ACCEPTED_S), self.accept, name)

    def _ask_later(self) -> None:
        """For what is missing, now and then, while something is."""
        if any(map(_lacks, self.origins.values())) and not self._asking:
            self._asking = True
            asyncio.get_running_loop().call_later(ASK_AFTER_S, self._ask, self._life)

    def _ask(self, life: int) -> None:
        if life != self._life:
            return
        self._asking = False
        for name, origin in self.origins.items():
            if _lacks(origin):
                request = json.dumps({"origin": name, "from": len(origin.hashes)}).encode()
                self._broker.send(_topic(name, "journal/req"), request, retain=False)
                origin.staged.clear()
        self._ask_later()


def _lacks(origin: _Origin) -> bool:
    """A cabinet sends nothing again of what it has ended."""
    return origin.ends is None and bool(origin.staged or origin.head > len(origin.hashes))


def _hash(one: Any) -> bytes:
    """Of a leaf as it is sent; pruned ones come as their hash."""
    return base64.b64decode(one["hash"]) if isinstance(one, dict) else leaf_hash(base64.b64decode(one))


def _topic(origin: str, plane: str) -> str:
    site, device = origin.removeprefix("cabinet.").split("/")[:2]
    return f"kc/v1/{site}/{device}/{plane}"
