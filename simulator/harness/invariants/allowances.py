"""How much anybody may have: 20, folded from the leaves once more, and judged by the roster's files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simulator.harness import happenings as seen
from simulator.harness.oracle import Oracle
from simulator.harness.witness import Hear, Violated

GONE = frozenset(("item.removed", "item.found_absent"))
BACK = frozenset(("item.returned", "item.found_present", "item.misplaced"))
NOT_TAKEN = frozenset(("item.not_taken", "item.outcome_unknown"))


@dataclass(frozen=True, slots=True)
class _Having:
    item: str
    holder: str
    """By pseudonym: who is erased and comes back is somebody else."""
    due_ms: int | None


class NotTooMuch:
    number = 20
    title = "nobody has more than they may, and who has what is as the journal told it"

    def __init__(self, oracle: Oracle, names: Mapping[str, str]) -> None:
        """`names` by pseudonym."""
        self._oracle = oracle
        self._names = names
        self._out: dict[str, _Having] = {}
        """By item."""
        self._released: dict[int, _Having] = {}

    def hears(self) -> Mapping[type, Hear]:
        return {seen.Leaf: self._leaf}

    def at_rest(self) -> None:
        """Nothing more than at each moment."""

    def _leaf(self, leaf: seen.Leaf) -> None:
        content, kind = leaf.content, leaf.content["ev"]
        if kind == "item.granted":
            if (wanted := self._judged(leaf, "holder")) is not None:
                self._released[content["slot"]] = wanted
        elif kind == "item.handed_over":
            self._handed_over(leaf)
        elif kind in GONE or kind == "item.forced":
            self._released.pop(content["slot"], None)
            self._out.pop(content.get("item", ""), None)
            if kind in GONE and (having := self._having(content, "holder")) is not None:
                self._out[having.item] = having
        elif kind in BACK:
            self._released.pop(content["slot"], None)
            self._came_back(leaf, self._out.pop(content.get("item", ""), None))
        elif kind in NOT_TAKEN:
            self._released.pop(content["slot"], None)

    def _handed_over(self, leaf: seen.Leaf) -> None:
        before, giver = self._out.get(leaf.content["item"]), self._having(leaf.content, "holder")
        if before is None or giver is None or before.holder != giver.holder:
            raise Violated(self, f"leaf {leaf.n}: somebody hands over {leaf.content['item']}, which they do not have")
        if (wanted := self._judged(leaf, "receiver")) is not None:
            self._out[wanted.item] = wanted

    def _came_back(self, leaf: seen.Leaf, had: _Having | None) -> None:
        said = self._having(leaf.content, "holder")
        if (said.holder if said else None) != (had.holder if had else None):
            raise Violated(self, f"leaf {leaf.n}: {leaf.content['item']} is back from somebody who did not have it")

    def _judged(self, leaf: seen.Leaf, role: str) -> _Having | None:
        """What somebody gets by this leaf; None: it is nobody."""
        content = leaf.content
        wanted = self._having(content, role)
        self._released.pop(content["slot"], None)
        if wanted is None:
            return None
        if content.get("monitor") is not None:
            return wanted  # 2 sees to it
        others = [one for one in (*self._out.values(), *self._released.values()) if one.item != wanted.item]
        right = self._oracle.right(content["right"])
        mine = [one for one in others if one.holder == wanted.holder]
        late = [one for one in mine if one.due_ms is not None and one.due_ms < content["ts"]]
        if right.get("blocked_while_overdue") and late and content["tq"] != "none":
            raise Violated(self, f"{self._names[wanted.holder]} got {wanted.item}, and {late[0].item} is overdue")
        reached = [one for one in mine if self._oracle.reaches(right, one.item)]
        if len(reached) >= right.get("most_out", len(reached) + 1):
            has = ", ".join(one.item for one in reached)
            raise Violated(self, f"{self._names[wanted.holder]} got {wanted.item}, and has {has}")
        return wanted

    def _having(self, content: Mapping[str, Any], role: str) -> _Having | None:
        """None: it is nobody's."""
        holder = next((sub["p"] for sub in content.get("subs", ()) if sub["r"] == role), None)
        if holder is None or content.get("item") is None:
            return None
        return _Having(content["item"], holder, content.get("due"))
