"""How long the content of a journal leaf is kept: by its kind, and by whether it is about somebody. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from cabinet.policy.rights import Pseudonym, Rights

NEVER: Final = frozenset({"epoch.opened", "signer.rotated", "payload.destroyed", "person.erased"})
"""Kinds that stay: whoever verifies the journal walks by them, a restored backup repeats each erasure, and what was
destroyed has to be known."""
PERSONAL_DAYS: Final = 365
LEFT_DAYS: Final = 365
KIND_DAYS: Final[Mapping[str, int | None]] = {"visit.*": 90}
EVERY: Final = "*"
DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class Rule:
    """`name` as in the configuration: a kind, a group such as visit.*, or personal."""

    name: str
    days: int


@dataclass(frozen=True, slots=True)
class Periods:
    """Days by kind, `noun.*` or `*`, and for what is about somebody; None: for good."""

    personal_days: int | None = PERSONAL_DAYS
    kinds: Mapping[str, int | None] = field(default_factory=lambda: KIND_DAYS)

    @property
    def shortest_days(self) -> int | None:
        """What is younger than this is due by no rule; None: nothing ever is."""
        days = (self.personal_days, *self.kinds.values())
        return min((one for one in days if one is not None), default=None)

    def rule(self, kind: str, *, personal: bool) -> Rule | None:
        """The one that ends first for such a leaf; None: it is kept for good."""
        if kind in NEVER:
            return None
        rules = [self._of_kind(kind)]
        if personal and self.personal_days is not None:
            rules.append(Rule("personal", self.personal_days))
        return min((rule for rule in rules if rule is not None), key=lambda rule: rule.days, default=None)

    def due(self, kind: str, age_ms: int, *, personal: bool) -> Rule | None:
        """The rule by which a leaf of this age has to go; None while it is kept."""
        rule = self.rule(kind, personal=personal)
        return rule if rule is not None and age_ms > rule.days * DAY_MS else None

    def _of_kind(self, kind: str) -> Rule | None:
        """The most special name counts."""
        for name in (kind, f"{kind.partition('.')[0]}.*", EVERY):
            if name in self.kinds:
                days = self.kinds[name]
                return None if days is None else Rule(name, days)
        return None


def left_long_ago(rights: Rights, wall_ms: int, days: int) -> list[Pseudonym]:
    """Whose access ended more than so many days ago, who left first in front."""
    ended = [(one.active_until_ms, person) for person, one in rights.people.items() if one.active_until_ms is not None]
    return [person for until_ms, person in sorted(ended) if until_ms + days * DAY_MS < wall_ms]
