"""What the core wants journaled, before it is sealed and has its index."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from cabinet.policy.rights import Pseudonym

Role = Literal["holder", "authoriser", "returner", "receiver", "operator", "host", "customer", "concerned"]
Field: TypeAlias = str | int | bool | list[str] | list[list[str]] | list[list[int]] | dict[str, int] | None


@dataclass(frozen=True, slots=True)
class Subject:
    """A person concerned, by pseudonym. What `private` says is sealed under that person's own key; the vault adds
    their name to it."""

    role: Role
    person: Pseudonym
    private: Mapping[str, Field] = field(default_factory=dict)
    bare: bool = False
    """Nothing is sealed for them, not even their name."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """`ev` is one of the journal kinds, `fields` hold nothing personal."""

    ev: str
    fields: Mapping[str, Field] = field(default_factory=dict)
    subs: tuple[Subject, ...] = ()
