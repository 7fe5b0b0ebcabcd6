"""41: who is erased is unknown from the first leaf that says so, and gone to the last byte at the second."""

from __future__ import annotations

from collections.abc import Mapping

from simulator.harness import happenings as seen
from simulator.harness.memory_roster import Shelf
from simulator.harness.oracle import Oracle
from simulator.harness.witness import Hear, Violated

SERVED = frozenset(
    ("visit.identified", "visit.authorised", "visit.queued", "item.granted", "booking.made", "credential.offered")
)
"""What nobody gets who is unknown."""


class Forgotten:
    number = 41
    title = "who is erased is unknown at once, and nothing is left of them when it is done"

    def __init__(self, shelf: Shelf, oracle: Oracle, names: Mapping[str, str]) -> None:
        """`names` by pseudonym. The oracle is told who is gone."""
        self._shelf = shelf
        self._oracle = oracle
        self._names = names
        self._pending: dict[str, tuple[list[bytes], bytes | None]] = {}
        """What stood in the roster of whom that is not done, and their key."""
        self._gone: dict[str, bytes] = {}
        """Their keys."""

    def hears(self) -> Mapping[type, Hear]:
        return {seen.Leaf: self._leaf}

    def at_rest(self) -> None:
        if self._pending:
            raise Violated(self, f"the erasure of {self._name(next(iter(self._pending)))} has begun, and is not done")
        image = self._shelf.image() if self._gone else b""
        for label, key in self._gone.items():
            self._look(image, label, [key])

    def _leaf(self, leaf: seen.Leaf) -> None:
        content = leaf.content
        if content["ev"] == "person.erased":
            [sub] = content["subs"]
            if "e" in sub:
                raise Violated(self, f"leaf {leaf.n}: something is sealed for {self._name(sub['p'])}, who is erased")
            (self._begun if content["stage"] == "intent" else self._done)(leaf.reference, sub["p"])
            return
        for sub in content.get("subs", ()):
            label = sub["p"]
            if label in self._gone and "e" in sub:
                raise Violated(self, f"leaf {leaf.n}: there is a key for {self._name(label)}, who was erased")
            if label in self._oracle.labels and content["ev"] in SERVED and sub["r"] != "host":
                raise Violated(self, f"leaf {leaf.n}: {content['ev']} of {self._name(label)}, who was erased")

    def _begun(self, n: int, label: str) -> None:
        name, traces = self._name(label), self._shelf.traces_of(label)
        if label in self._oracle.labels:
            raise Violated(self, f"leaf {n}: the erasure of {name} begins a second time")
        if not traces:
            raise Violated(self, f"leaf {n}: {name} was erased before the journal says so")
        self._pending[label] = traces, self._shelf.open().key_of(label)
        self._oracle.erase(name, label)

    def _done(self, n: int, label: str) -> None:
        if label not in self._pending:
            raise Violated(self, f"leaf {n}: an erasure is done that has not begun")
        traces, key = self._pending.pop(label)
        assert key is not None, "whoever is here has a key"
        self._look(self._shelf.image(), label, [*traces, key])
        self._gone[label] = key

    def _look(self, image: bytes, label: str, traces: list[bytes]) -> None:
        left = sum(trace in image for trace in traces) or len(self._shelf.traces_of(label))
        if left:
            raise Violated(
                self, f"{self._name(label)} is erased, and {left} things of theirs stand in the roster's file"
            )

    def _name(self, label: str) -> str:
        return self._names.get(label, "somebody")
