"""What a change amounts to while it is worked out: rows, leaves, new keys, and what to tell the operator."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from cabinet.core.leaves import Field, Leaf
from cabinet.policy.rights import Pseudonym
from cabinet.roster.writes import Writes

LINES_MAX: Final = 10_000
"""Lines an operator is shown; what goes beyond is counted."""
LEAVES_MAX: Final = 1000
"""A change of more leaves is journaled as counts; but what somebody or something loses, always one by one."""
_SAID_MAX: Final = 8
_SHOWN_MAX: Final = 200
_PLURAL: Final = {"person": "people"}

Undo = tuple[str, str, Any]
"""Kind, key (of a person the pseudonym), and what was there before; None: nothing."""
Said = tuple[str, str, str]
"""Kind, key (of a person the pseudonym), what was done."""


@dataclass(slots=True)
class Draft:
    place: Callable[[str, str], str] = lambda kind, name: ""
    """Where the entry of this kind and id stands, to be put before a line; empty: nowhere."""
    writes: Writes = field(default_factory=Writes)
    leaves: list[Leaf] = field(default_factory=list)
    keys: dict[Pseudonym, bytes] = field(default_factory=dict, repr=False)
    lines: list[str] = field(default_factory=list, repr=False)
    """For the operator: they hold ids and names of people."""
    left_out: int = 0
    """Lines beyond LINES_MAX."""
    summary: list[str] = field(default_factory=list, repr=False)
    """In the place of the lines, where these are too many."""
    said: list[Said] = field(default_factory=list)
    """The first few, for the list of versions."""
    undo: list[Undo] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    tally: Counter[str] = field(default_factory=Counter)
    """`people_added`, `items_changed`, ...: names as in roster.applied."""
    _additions: list[int] = field(default_factory=list)
    """Indexes of leaves that may be left out."""

    def count(self, kind: str, how: str) -> None:
        self.tally[f"{_PLURAL.get(kind, kind + 's')}_{how}"] += 1

    def say(
        self, kind: str, key: str, how: str, more: Callable[[], str] = str, person: Pseudonym | None = None
    ) -> None:
        """A line of what is done to whom or what; `more` is for the operator alone, and not asked for in vain. For
        the list of versions a person is their pseudonym; without it, it is nothing for that list."""
        if len(self.lines) < LINES_MAX:
            told = more()
            self.lines.append(f"{self.place(kind, key)}{kind} {key} {how}{': ' if told else ''}{told}")
        else:
            self.left_out += 1
        if len(self.said) < _SAID_MAX and (person or kind != "person"):
            self.said.append((kind, person or key, how))

    def tell(self, leaves: Callable[[], list[Leaf]], *, loss: bool = False) -> None:
        """Leaves of one entry, made when they are wanted."""
        if loss or len(self._additions) <= LEAVES_MAX:
            made = leaves()
            if not loss:
                self._additions += range(len(self.leaves), len(self.leaves) + len(made))
            self.leaves += made

    def told(self) -> list[Leaf]:
        """All leaves, or of a change that is too large those of what is lost."""
        if len(self._additions) <= LEAVES_MAX:
            return self.leaves
        left_out = set(self._additions)
        return [leaf for n, leaf in enumerate(self.leaves) if n not in left_out]


@dataclass(frozen=True, slots=True)
class Author:
    """Who asked for a change, and when (Unix ms)."""

    operator: str = ""
    at_ms: int = 0


NOBODY: Final = Author()


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
    lines: tuple[str, ...] = field(repr=False, default=())
    """Each difference, of a change that is asked for them."""
    left_out: int = 0
    """How many lines more there would be."""


def stamped(leaf: Leaf, version: int, digest: str) -> Leaf:
    """Each leaf of a change says which roster it leads to."""
    stamp: dict[str, Field] = {"roster": version, "digest": digest}
    return Leaf(leaf.ev, {**leaf.fields, **stamp}, leaf.subs)


def from_to(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """`slot 3 -> 4; tags - -> spare`: every column that differs."""
    changed = [name for name in new if old.get(name) != new[name]]
    return "; ".join(f"{name.replace('_', ' ')} {shown(old.get(name))} -> {shown(new[name])}" for name in changed)


def given(new: Mapping[str, Any]) -> str:
    """`kind key, slot 4`: every column that says something."""
    told = [name for name in new if new[name] not in (None, "", 0, (), [])]
    return ", ".join(f"{name.replace('_', ' ')} {shown(new[name])}" for name in told)


def shown(value: Any) -> str:
    if isinstance(value, list | tuple):
        value = ";".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = str(value if value not in (None, "") else "-").replace("\n", ", ")
    return text if len(text) <= _SHOWN_MAX else text[: _SHOWN_MAX - 3] + "..."
