"""Upstream as a cabinet may meet it: verifies by a tree of its own, cosigns what it holds, crashes, and asks again.

Its disk takes a batch whole or not at all; what it has cosigned it holds."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from cabinet.journal.note import Signer
from simulator.harness.happenings import Held
from simulator.harness.network.broker import ModelBroker
from simulator.harness.second_tree import SecondTree, parse_note
from simulator.harness.witness import Witness

STORED_S: Final = (0.001, 0.020)
ASK_AFTER_S: Final = 6.0
STAGED_MAX: Final = 200


@dataclass(slots=True)
class _Origin:
    leaves: list[bytes] = field(default_factory=list)
    tree: SecondTree = field(default_factory=SecondTree)
    ack: bytes = b""
    staged: dict[int, dict[str, Any]] = field(default_factory=dict)
    head: int = 0


class ModelUpstream:
    def __init__(
        self, broker: ModelBroker, cosigner: Signer, witness: Witness, random: Random, wall_ms: Callable[[], int]
    ) -> None:
        self.alive = False
        self.origins: dict[str, _Origin] = {}
        self.refused = 0
        """Batches that were no continuation of what is held."""
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
            if origin.ack:
                self._broker.send(_topic(name, "journal/ack"), origin.ack, retain=True)
        self._asking = False
        self._ask_later()

    def crash(self) -> None:
        """What it had not stored is gone."""
        self.alive = False
        self._life += 1
        self._broker.serve(frozenset(), None)
        for origin in self.origins.values():
            origin.staged.clear()

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
        """In order it is stored; ahead of a gap it waits."""
        if batch["first"] > len(origin.leaves):
            if len(origin.staged) < STAGED_MAX:
                origin.staged[batch["first"]] = batch
                self._ask_later()
            return
        grown = self._store(name, origin, batch)
        while grown and (more := origin.staged.pop(len(origin.leaves), None)) is not None:
            self._store(name, origin, more)

    def _store(self, name: str, origin: _Origin, batch: dict[str, Any]) -> bool:
        data = [base64.b64decode(one) for one in batch["leaves"]]
        first, held = batch["first"], len(origin.leaves)
        size = first + len(data)
        if origin.leaves[first:size] != data[: held - first]:
            self.refused += 1
            return False
        if size <= held:
            return False
        tree = origin.tree.copy()
        for leaf in data[held - first :]:
            tree.add(leaf)
        note = parse_note(batch["checkpoint"].encode())
        if (note.origin, note.size, note.root) != (name, size, tree.root):
            self.refused += 1
            return False
        origin.leaves += data[held - first :]
        origin.tree = tree
        cosignature = self._cosigner.cosign(note.text, self._wall_ms() // 1000)
        origin.ack = batch["checkpoint"].encode() + cosignature.line().encode()
        self._witness.tell(Held(name, size, tree.root))
        self._broker.send(_topic(name, "journal/ack"), origin.ack, retain=True)
        return True

    def _ask_later(self) -> None:
        """For what is missing, now and then, while something is."""
        missing = any(origin.staged or origin.head > len(origin.leaves) for origin in self.origins.values())
        if missing and not self._asking:
            self._asking = True
            asyncio.get_running_loop().call_later(ASK_AFTER_S, self._ask, self._life)

    def _ask(self, life: int) -> None:
        if life != self._life:
            return
        self._asking = False
        for name, origin in self.origins.items():
            if origin.staged or origin.head > len(origin.leaves):
                request = json.dumps({"origin": name, "from": len(origin.leaves)}).encode()
                self._broker.send(_topic(name, "journal/req"), request, retain=False)
                origin.staged.clear()
        self._ask_later()


def _topic(origin: str, plane: str) -> str:
    site, device = origin.removeprefix("cabinet.").split("/")[:2]
    return f"kc/v1/{site}/{device}/{plane}"
