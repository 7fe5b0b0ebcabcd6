"""The journal as a whole: 6 (it verifies, nothing is lost), 7 (nothing leaves before it is durable), worked out by
a second implementation of the tree."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from typing import Any

from simulator.harness import happenings as seen
from simulator.harness.second_tree import SecondTree, parse_note
from simulator.harness.witness import Hear, Violated

UNDER_WAY_MAX = 4


class Verifies:
    number = 6
    title = "the journal verifies from the first leaf"

    def __init__(self, kept: Callable[[], list[bytes | None]]) -> None:
        """`kept`: the leaves that are on the disk now."""
        self._kept = kept
        self._tree = SecondTree()
        self._boot = ""
        self._mono_ms = 0
        self.leaves: list[bytes] = []
        self.roots: dict[int, bytes] = {0: self._tree.root}
        """By size, of each checkpoint."""

    def hears(self) -> Mapping[type, Hear]:
        return {seen.Leaf: self._leaf, seen.Sealed: self._sealed, seen.Acked: self._acked, seen.Booted: self._booted}

    def at_rest(self) -> None:
        self._booted(None)

    def _leaf(self, leaf: seen.Leaf) -> None:
        content = leaf.content
        if leaf.n != self._tree.size or content["n"] != leaf.n:
            raise Violated(self, f"leaf {content['n']} stands where {self._tree.size} is due")
        if _canonical(content) != leaf.data:
            raise Violated(self, f"leaf {leaf.n} is not in canonical form")
        if content["boot"] == self._boot and content["mono_ms"] < self._mono_ms:
            raise Violated(self, f"leaf {leaf.n} is from before the leaf before it, by the monotonic clock")
        self._boot, self._mono_ms = content["boot"], content["mono_ms"]
        self._tree.add(leaf.data)
        self.leaves.append(leaf.data)

    def _sealed(self, sealed: seen.Sealed) -> None:
        note = parse_note(sealed.note)
        if note.size != self._tree.size or note.root != self._tree.root:
            raise Violated(self, f"the checkpoint of {note.size} is of another tree than its leaves make")
        self.roots[note.size] = self._tree.root

    def _acked(self, acked: seen.Acked) -> None:
        if self.roots.get(acked.size) != parse_note(acked.note).root:
            raise Violated(self, f"acknowledged up to {acked.size}, by a note of another tree")

    def _booted(self, _: object) -> None:
        """Whatever was durable is there."""
        kept = self._kept()
        if len(kept) < len(self.leaves):
            raise Violated(self, f"leaf {len(kept)} was durable, and is gone")
        if kept[: len(self.leaves)] != self.leaves:
            raise Violated(self, "a durable leaf has changed")


class NothingEarly:
    number = 7
    title = "nothing leaves before it is durable, and upstream holds a prefix"

    def __init__(self, log: Verifies) -> None:
        self._log = log
        self.held = 0
        """So many leaves upstream has cosigned."""

    def hears(self) -> Mapping[type, Hear]:
        return {seen.Published: self._published, seen.Held: self._holds, seen.Acked: self._acked}

    def at_rest(self) -> None:
        """Nothing more than at each moment."""

    def arrived(self) -> None:
        """Everything works for some minutes: upstream holds all but what is under way."""
        if self.held < len(self._log.leaves) - UNDER_WAY_MAX:
            raise Violated(self, f"upstream holds {self.held} of {len(self._log.leaves)} leaves, and no more come")

    def _acked(self, acked: seen.Acked) -> None:
        if acked.size > self.held:
            raise Violated(self, f"the cabinet counts {acked.size} leaves as held upstream, which holds {self.held}")

    def _published(self, published: seen.Published) -> None:
        plane = published.topic.rpartition("/")[2]
        if plane == "journal":
            message = json.loads(published.payload)
            for n, one in enumerate(message["leaves"], message["first"]):
                self._durable(n, None if isinstance(one, dict) else base64.b64decode(one))
        elif plane == "event":
            self._durable(json.loads(published.payload)["n"], None)

    def _durable(self, n: int, data: bytes | None) -> None:
        if n >= len(self._log.leaves):
            raise Violated(self, f"leaf {n} is on its way to the broker, and not on the disk")
        if data is not None and data != self._log.leaves[n]:
            raise Violated(self, f"leaf {n} went to the broker with other bytes than were stored")

    def _holds(self, held: seen.Held) -> None:
        if held.size < self.held:
            raise Violated(self, f"upstream cosigned {held.size} after {self.held}")
        if self._log.roots.get(held.size) != held.root:
            raise Violated(self, f"upstream holds another tree of {held.size} leaves than the cabinet")
        self.held = held.size


def _canonical(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
