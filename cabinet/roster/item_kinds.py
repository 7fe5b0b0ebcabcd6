"""What kinds of items there are, and what each may have beside name, customer, slot, fob, groups and tags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

ItemKind = Literal["key", "bunch", "vehicle-key", "document", "document-pouch", "certificate", "card"]
MAY_HAVE: Final[Mapping[str, frozenset[str]]] = {
    "key": frozenset({"seal"}),
    "bunch": frozenset({"keys", "seal"}),
    "vehicle-key": frozenset({"keys", "seal"}),
    "document": frozenset({"expires", "seal"}),
    "document-pouch": frozenset({"expires", "seal"}),
    "certificate": frozenset({"expires"}),
    "card": frozenset({"expires"}),
}
OWN: Final = ("expires", "seal", "keys")
"""What only some kinds may have."""


def misfit(kind: str, column: str) -> str:
    """The sentence for a value that an item of this kind has not."""
    having = ", ".join(name for name, columns in MAY_HAVE.items() if column in columns)
    return f"{column}: an item of the kind {kind} has none; those that have: {having}"
