"""What a full check of an epoch ends in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Result: TypeAlias = Literal["verified", "unsealed-tail", "failed", "rolled-back", "forked"]
Rule: TypeAlias = Literal[
    "leaf-missing",  # an index is skipped, or leaves that a checkpoint counts are not there
    "leaf-hash",  # the payload does not hash to the stored leaf hash
    "leaf-form",  # the payload is no leaf of this index and device
    "payload-missing",  # pruned although upstream does not hold it
    "subtree",  # a stored inner hash is not that of its leaves
    "columns",  # time, kind, slot, item or pseudonyms beside the payload differ from it
    "epoch",  # the first leaf does not say which epoch it goes on from
    "rotation",  # a leaf names another key than the one that signs there, or no new one
    "key-revoked",  # signed by a revoked key, beyond the size up to which it is trusted
    "checkpoint",  # a kept note is malformed, of another size or root, or not signed by the key that is due
    "schema",  # tables, view or triggers are not as this program makes them
    "unreadable",  # the database itself is broken, one of its indexes perhaps
]


@dataclass(frozen=True, slots=True)
class Verdict:
    """`sealed` leaves are covered by the newest checkpoint; a failure names the first leaf not known to be good."""

    result: Result
    size: int
    sealed: int
    failed_at: int | None
    rule: Rule | None
    pruned: int
    keys: tuple[str, ...] = field(default=(), compare=False)
    """Verifier keys of those that signed, as far as the check came; the first one was given."""


class Failed(Exception):
    """Leaf `n` is the first that is not known to be good."""

    def __init__(self, n: int, rule: Rule) -> None:
        super().__init__(n, rule)
        self.n = n
        self.rule = rule
