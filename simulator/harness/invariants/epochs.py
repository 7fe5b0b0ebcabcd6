"""The chain of epochs: each begins with a set of state that is what the one before it came to, and names its end.

Counted from the leaves by a reading of its own: who is in which slot, what is out and with whom."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from simulator.harness import happenings as seen
from simulator.harness.invariants.log import Verifies
from simulator.harness.witness import Hear, Violated

DAY_MS: Final = 86_400_000
OUT: Final = ("item.removed", "item.forced", "item.found_absent")
BACK: Final = ("item.returned", "item.found_present", "item.misplaced", "item.foreign", "item.unreadable")
KNOWN: Final = (None, "leaves", "table")
"""Where the state of an epoch is from that says all."""


@dataclass(slots=True)
class _Set:
    parts: int
    come: int = 0
    rows: dict[str, Any] = field(default_factory=dict)


class EpochsLinked:
    number = 46
    title = "the next epoch begins with the state of the one before it, and names where that ended"

    def __init__(self, log: Verifies) -> None:
        self._log = log
        self._seated: dict[str, bool] = {}
        self._with: dict[str, str | None] = {}
        """Who has what is out, by item."""
        self._set: _Set | None = None
        self._known = True
        self._by_itself: int | None = None

    def hears(self) -> Mapping[type, Hear]:
        return {seen.Leaf: self._leaf}

    def at_rest(self) -> None:
        """Nothing more than at each moment."""
        if self._set is not None:
            raise Violated(self, f"{self._set.come} of {self._set.parts} parts of the state are there")

    def _leaf(self, leaf: seen.Leaf) -> None:
        content = leaf.content
        kind = content["ev"]
        if kind == "epoch.opened":
            self._opened(leaf)
        elif kind == "epoch.state" and self._set is not None:
            self._part(leaf)
        elif self._set is not None:
            raise Violated(self, f"leaf {leaf.n} stands before the last part of the state")
        elif leaf.epoch > 1 and content["n"] == 0:
            raise Violated(self, f"leaf {leaf.n} begins an epoch, and does not say so")
        elif kind in OUT:
            self._seated[f"slots/{content['slot']}"] = False
            if content.get("item") is not None:
                self._with[content["item"]] = _of(content, "holder")
        elif kind in BACK:
            self._seated[f"slots/{content['slot']}"] = True
            self._with.pop(content.get("item", ""), None)
        elif kind == "item.handed_over":
            self._with[content["item"]] = _of(content, "receiver")

    def _opened(self, leaf: seen.Leaf) -> None:
        content = leaf.content
        if content["n"] != 0 or content["epoch"] != leaf.epoch:
            raise Violated(self, f"leaf {leaf.n} opens an epoch in the midst of one")
        before = self._log.epochs.get(leaf.epoch - 1)
        size, root = content["old_size"], base64.b64decode(content["old_root"])
        if before is None or before.roots.get(size) != root:
            raise Violated(self, f"leaf {leaf.n}: the epoch before it had another root at {size}")
        if before.sound is not None and size > before.sound:
            raise Violated(self, f"leaf {leaf.n}: {size} leaves are called good, and {before.sound} are")
        if content["reason"] in ("fork", "rollback"):
            self._judge(leaf)
        self._known = content.get("state_from") in KNOWN
        self._set = _Set(content["parts"])

    def _judge(self, leaf: seen.Leaf) -> None:
        """By itself once a day."""
        if "operator" in leaf.content:
            return
        now_ms = leaf.content["ts"]
        if self._by_itself is not None and now_ms - self._by_itself < DAY_MS:
            raise Violated(self, f"leaf {leaf.n}: the second epoch within a day that nobody has asked for")
        self._by_itself = now_ms

    def _part(self, leaf: seen.Leaf) -> None:
        assert self._set is not None
        self._set.come += 1
        if (leaf.content["part"], leaf.content["of"]) != (self._set.come, self._set.parts):
            raise Violated(self, f"leaf {leaf.n}: part {self._set.come} of {self._set.parts} is due")
        self._set.rows |= {key: json.loads(value) for key, value in leaf.content["rows"]}
        if self._set.come == self._set.parts:
            self._compare(leaf, self._set.rows)
            self._set = None

    def _compare(self, leaf: seen.Leaf, rows: dict[str, Any]) -> None:
        if not self._known:
            self._seated, self._with = {}, {}
            return
        seated = {key: row["seated"] for key, row in rows.items() if key.startswith("slots/")}
        if seated != self._seated:
            raise Violated(self, f"leaf {leaf.n}: the state says of the slots {seated}, the leaves before it did not")
        out = {row["item"]: row["holder"] for key, row in rows.items() if key.startswith("outs/") and row["item"]}
        if out != self._with:
            raise Violated(self, f"leaf {leaf.n}: the state has other items out, or with others, than the leaves")


def _of(content: Mapping[str, Any], role: str) -> str | None:
    return next((sub["p"] for sub in content.get("subs", ()) if sub["r"] == role), None)
