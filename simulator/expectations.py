"""What has to be so in a story, and what a sentence can be in all."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from simulator.acts import Act


@dataclass(frozen=True, slots=True)
class Shows:
    """The display, soon; `no`: it does not, now."""

    text: str
    no: bool = False


@dataclass(frozen=True, slots=True)
class BoltIs:
    slot: int
    locked: bool


@dataclass(frozen=True, slots=True)
class Journals:
    """A leaf after the last one that was told of, with these fields among others; `holder` and `host` are names.
    `no`: there is none since the beginning."""

    kind: str
    fields: Mapping[str, str] = field(default_factory=dict)
    no: bool = False

    def fits(self, leaf: Mapping[str, Any], is_called: Callable[[str, str], bool]) -> bool:
        """`is_called`: whether a pseudonym is of the person with this name."""
        return leaf["ev"] == self.kind and all(_has(leaf, *one, is_called) for one in self.fields.items())


@dataclass(frozen=True, slots=True)
class HeldUpstream:
    """All leaves have arrived and are acknowledged, soon."""


Expectation: TypeAlias = Shows | BoltIs | Journals | HeldUpstream
Sentence: TypeAlias = Act | Expectation


def _has(leaf: Mapping[str, Any], key: str, wanted: str, is_called: Callable[[str, str], bool]) -> bool:
    if key in ("holder", "host", "concerned"):
        return any(sub["r"] == key and is_called(sub["p"], wanted) for sub in leaf.get("subs", ()))
    value = leaf.get(key)
    return (value if isinstance(value, str) else json.dumps(value)) == wanted
