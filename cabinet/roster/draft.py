"""What a change amounts to while it is worked out: rows, leaves, new keys, and what to tell the operator."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from cabinet.core.leaves import Field, Leaf
from cabinet.policy.rights import Pseudonym
from cabinet.roster.writes import Writes


@dataclass(slots=True)
class Draft:
    writes: Writes = field(default_factory=Writes)
    leaves: list[Leaf] = field(default_factory=list)
    keys: dict[Pseudonym, bytes] = field(default_factory=dict, repr=False)
    summary: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    tally: Counter[str] = field(default_factory=Counter)
    """`people_added`, `items_changed`, ...: names as in roster.applied."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A checked change. Its leaves go into the journal first; then Roster.commit() writes it.

    A change that changes nothing has no leaves and the version the roster has."""

    version: int
    digest: str
    leaves: tuple[Leaf, ...]
    new_keys: Mapping[Pseudonym, bytes] = field(repr=False)
    """Of people this change adds: needed to seal its leaves before it is committed."""
    summary: tuple[str, ...] = field(repr=False)
    """Lines for the operator; they hold ids of people."""
    writes: Writes = field(repr=False)
    base: int
    """The version it was worked out against."""


def stamped(leaf: Leaf, version: int, digest: str) -> Leaf:
    """Each leaf of a change says which roster it leads to."""
    stamp: dict[str, Field] = {"roster": version, "digest": digest}
    return Leaf(leaf.ev, {**leaf.fields, **stamp}, leaf.subs)
