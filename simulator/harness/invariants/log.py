"""The journal as a whole: 6 (it verifies, nothing is lost), epoch after epoch, worked out by a second implementation of
the tree."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from simulator.harness import happenings as seen
from simulator.harness.second_tree import SecondTree, parse_note
from simulator.harness.witness import Hear, Violated


@dataclass(slots=True)
class Epoch:
    """One that was begun."""

    tree: SecondTree = field(default_factory=SecondTree)
    leaves: list[bytes] = field(default_factory=list)
    roots: dict[int, bytes] = field(default_factory=lambda: {0: SecondTree().root})
    """By size, of each checkpoint."""
    acked: int = 0
    ends: int | None = None
    """The size that the next epoch goes on from."""
    sound: int | None = None
    """So many leaves are as they were in a file that was damaged; None: all."""


class Verifies:
    number = 6
    title = "the journal verifies from the first leaf"

    def __init__(self, kept: Callable[[int], list[bytes | None]]) -> None:
        """`kept`: the leaves of an epoch that are on the disk now."""
        self._kept = kept
        self._boot = ""
        self._mono_ms = 0
        self.epochs: dict[int, Epoch] = {1: Epoch()}
        """By their number."""

    @property
    def newest(self) -> Epoch:
        return self.epochs[max(self.epochs)]

    @property
    def leaves(self) -> list[bytes]:
        """Of the present epoch."""
        return self.newest.leaves

    def hears(self) -> Mapping[type, Hear]:
        return {
            seen.Leaf: self._leaf,
            seen.Sealed: self._sealed,
            seen.Acked: self._acked,
            seen.Booted: self._booted,
            seen.Damaged: self._damaged,
        }

    def at_rest(self) -> None:
        self._booted(None)

    def _damaged(self, damaged: seen.Damaged) -> None:
        self.epochs[damaged.epoch].sound = damaged.sound

    def _leaf(self, leaf: seen.Leaf) -> None:
        content = leaf.content
        if leaf.epoch not in self.epochs:
            self._begins(leaf)
        epoch = self.epochs[leaf.epoch]
        if epoch.ends is not None:
            raise Violated(self, f"leaf {leaf.n} was added to epoch {leaf.epoch}, which has ended")
        if leaf.n != epoch.tree.size or content["n"] != leaf.n:
            raise Violated(self, f"leaf {content['n']} stands where {epoch.tree.size} is due")
        if _canonical(content) != leaf.data:
            raise Violated(self, f"leaf {leaf.n} is not in canonical form")
        if content["boot"] == self._boot and content["mono_ms"] < self._mono_ms:
            raise Violated(self, f"leaf {leaf.n} is from before the leaf before it, by the monotonic clock")
        self._boot, self._mono_ms = content["boot"], content["mono_ms"]
        epoch.tree.add(leaf.data)
        epoch.leaves.append(leaf.data)

    def _begins(self, leaf: seen.Leaf) -> None:
        """The next epoch says truly which tree it goes on from, and that is one that upstream has confirmed."""
        number, said = max(self.epochs), leaf.content
        old = self.epochs[number]
        if leaf.epoch <= number or leaf.n != 0 or said["ev"] != "epoch.opened":
            raise Violated(self, f"epoch {leaf.epoch} begins with leaf {leaf.n}, {said['ev']}")
        if epoch_of(said["old_origin"]) != number:
            raise Violated(self, f"epoch {leaf.epoch} goes on from {said['old_origin']}, the newest is {number}")
        size, root = said["old_size"], base64.b64decode(said["old_root"])
        if old.roots.get(size) != root:
            raise Violated(self, f"epoch {leaf.epoch} goes on from {size} leaves of another tree")
        if said["reason"] in ("fork", "rollback") and size > old.acked:
            raise Violated(self, f"epoch {leaf.epoch} goes on from {size} leaves, {old.acked} are known to be common")
        old.ends = size
        self.epochs[leaf.epoch] = Epoch()

    def _sealed(self, sealed: seen.Sealed) -> None:
        epoch, note = self.epochs[sealed.epoch], parse_note(sealed.note)
        if note.size != epoch.tree.size or note.root != epoch.tree.root:
            raise Violated(self, f"the checkpoint of {note.size} is of another tree than its leaves make")
        if epoch_of(note.origin) != sealed.epoch:
            raise Violated(self, f"a checkpoint of epoch {sealed.epoch} is in the name of {note.origin}")
        epoch.roots[note.size] = epoch.tree.root

    def _acked(self, acked: seen.Acked) -> None:
        epoch = self.epochs[acked.epoch]
        if epoch.ends is not None:
            raise Violated(self, f"epoch {acked.epoch} has ended, and counts {acked.size} leaves as acknowledged")
        if epoch.roots.get(acked.size) != parse_note(acked.note).root:
            raise Violated(self, f"acknowledged up to {acked.size}, by a note of another tree")
        epoch.acked = acked.size

    def _booted(self, _: object) -> None:
        """Whatever was durable is there, of every epoch."""
        for number, epoch in self.epochs.items():
            durable = epoch.leaves[: epoch.sound]
            kept = self._kept(number) if durable else []
            if len(kept) < len(durable):
                raise Violated(self, f"leaf {len(kept)} was durable, and is gone")
            there = zip(kept, durable, strict=False)
            if any(one is not leaf and one is not None and one != leaf for one, leaf in there):
                raise Violated(self, "a durable leaf has changed")


def epoch_of(origin: str) -> int:
    """1 for an origin without a number."""
    head, _, number = origin.rpartition("/e")
    return int(number) if head and number.isdecimal() else 1


def _canonical(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
