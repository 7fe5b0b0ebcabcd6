"""The roster as the core sees it: an immutable snapshot with look-ups, built by cabinet.roster on each change.

People are known by their pseudonym alone (standard base64 of 16 bytes); names stay in the roster."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from copy import copy
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, tzinfo
from typing import Final, Literal, TypeAlias

Pseudonym: TypeAlias = str
Factor = Literal["card", "strong-card", "number", "code", "finger", "pin", "verified"]
"""strong-card: a card enrolled as strong has proved its key; it is a card as well. verified: a verifier, such as a
camera, has said that it is the person whom the others name."""
AUTH_ORDER: Final[tuple[Factor, ...]] = ("card", "strong-card", "number", "code", "finger", "pin", "verified")
"""In which factors are written: `card+pin`."""
Language = Literal["en", "zh"]
ActKind = Literal["take", "return", "door"]
"""What a right is for."""
Finger = Literal["none", "silent", "locked", "asks"]
"""Whether somebody can show a finger: none of theirs is known, no reader can tell it just now, too many were not known,
or it can be asked for."""
FINGERPRINT: Final = "fingerprint"
"""The purpose of the consent without which no finger is kept."""


@dataclass(frozen=True, slots=True)
class Person:
    pseudonym: Pseudonym
    language: Language = "en"
    department: str = ""
    groups: frozenset[str] = frozenset()
    roles: frozenset[str] = frozenset()
    active_from_ms: int | None = None
    """Wall time, Unix ms; None: since ever."""
    active_until_ms: int | None = None
    """Wall time, Unix ms, first instant no longer active; None: without end."""
    suspended: bool = False
    pin_set: bool = False
    pin_since_ms: int = 0
    """When it was set, Unix ms."""
    pin_temporary: bool = False
    """To be changed at its first use."""
    qualifications: Mapping[str, int | None] = field(default_factory=dict)
    """What they have learnt or signed, and the first instant at which it does not hold any more (Unix ms; None: it
    does not expire)."""
    host: Pseudonym | None = None
    """Who answers for a visitor; None: this is none."""
    fingers_agreed: bool = False
    """They have consented to their fingers being kept."""


@dataclass(frozen=True, slots=True)
class Item:
    """`slot` is the place it belongs to, None while it has none."""

    id: str
    kind: str = "key"
    slot: int | None = None
    groups: frozenset[str] = frozenset()
    fob: str | None = None
    keys: int | None = None
    """How many a bunch has."""
    seal: str = ""
    anywhere: bool = False
    """It may be put back into any slot whose fob reader tells which item hangs there, and that is no other's own."""
    expires_ms: int | None = None
    """Wall time, Unix ms, first instant at which a document does not hold any more."""


PromptAt = Literal["take", "return"]
NUMBER_MAX: Final = 999_999
"""Where a prompt says no other."""
PromptKind = Literal["number", "yes-no", "rating", "choice", "count", "seal"]


@dataclass(frozen=True, slots=True)
class Prompt:
    """A question of the cabinet about an item. `least` and `most` bound a number; `choices` are numbered from 1."""

    id: str
    at: PromptAt
    kind: PromptKind
    ask: Mapping[Language, str]
    items: frozenset[str] = frozenset()
    item_groups: frozenset[str] = frozenset()
    required: bool = False
    least: int = 0
    most: int = NUMBER_MAX
    choices: tuple[Mapping[Language, str], ...] = ()

    def covers(self, item: Item) -> bool:
        return _covers(self.items, self.item_groups, item)


@dataclass(frozen=True, slots=True)
class Window:
    """Days of the week (0 = Monday) and a local time of day; `until` before `start` runs past midnight into the
    next day, and both equal means the whole day."""

    days: frozenset[int]
    start: time
    until: time


@dataclass(frozen=True, slots=True)
class Schedule:
    """On a day of `closed` no window begins."""

    id: str
    windows: tuple[Window, ...]
    closed: frozenset[date] = frozenset()


@dataclass(frozen=True, slots=True)
class Curfew:
    """When an item is due, the earliest of all that is given: `after_s` from the grant, the next local time of day
    `at`, the next of `weekly` (0 = Monday), a local date without its zone, the end of the window it is taken in."""

    after_s: int | None = None
    at: time | None = None
    weekly: tuple[tuple[int, time], ...] = ()
    dates: tuple[datetime, ...] = ()
    with_window: bool = False


@dataclass(frozen=True, slots=True)
class Quorum:
    """So many other people approve before an item is released: members of `groups` ("*" for everyone), each counted
    once; with `departments` each of another department, and none of the taker's."""

    count: int = 0
    groups: frozenset[str] = frozenset()
    departments: bool = False


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many of the items that a right covers may be out at a time: with each person, and with all its people
    together. None: any number."""

    each: int | None = None
    together: int | None = None


@dataclass(frozen=True, slots=True)
class Right:
    """One line of rights.toml. Empty `persons` and `groups` match nobody, empty `items` and `item_groups` nothing;
    "*" stands for all."""

    id: str
    persons: frozenset[Pseudonym] = frozenset()
    groups: frozenset[str] = frozenset()
    items: frozenset[str] = frozenset()
    item_groups: frozenset[str] = frozenset()
    schedule: str | None = None
    factors: tuple[frozenset[Factor], ...] = (frozenset({"card"}), frozenset({"number", "pin"}))
    """Alternatives, each a set that must be presented completely."""
    curfew: Curfew = Curfew()
    quorum: Quorum = Quorum()
    allowance: Allowance = Allowance()
    requires: frozenset[str] = frozenset()
    """Qualifications, all of them."""
    blocked_while_overdue: bool = False
    """Nothing by this right for who has something that is overdue."""
    acts: frozenset[ActKind] = frozenset({"take"})
    any_of: bool = False
    """Its items are equal to each other: the cabinet gives the one that was used least."""

    def covers(self, item: Item) -> bool:
        """It names the item, one of its groups, or everything."""
        return _covers(self.items, self.item_groups, item)

    def names(self, person: Person) -> bool:
        """It is the person's, one of their groups', or everybody's."""
        return person.pseudonym in self.persons or "*" in self.groups or not self.groups.isdisjoint(person.groups)


@dataclass(frozen=True, slots=True)
class Rights:
    """Everything the core may know. `cards` maps the keyed digest of a card number (never the number itself) to a
    person; `numbers` maps personal numbers, as typed, to a person. `by_person`/`by_group` index `rights`."""

    version: int = 0
    people: Mapping[Pseudonym, Person] = field(default_factory=dict)
    cards: Mapping[bytes, Pseudonym] = field(default_factory=dict)
    numbers: Mapping[str, Pseudonym] = field(default_factory=dict)
    items: Mapping[str, Item] = field(default_factory=dict)
    item_at: Mapping[int, str] = field(default_factory=dict)
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    by_person: Mapping[Pseudonym, tuple[Right, ...]] = field(default_factory=dict)
    by_group: Mapping[str, tuple[Right, ...]] = field(default_factory=dict)
    zone: tzinfo = UTC
    prompts: tuple[Prompt, ...] = ()
    strong: frozenset[bytes] = frozenset()
    """Cards that are taken only when they prove their key."""
    fingers: Mapping[str, Mapping[int, Pseudonym]] = field(default_factory=dict)
    """Whose each template is, by the mark of its module (hex)."""
    readable: Mapping[str, frozenset[int]] = field(default_factory=dict)
    """Templates that a reader can tell just now, by the mark of its module."""
    locked: frozenset[Pseudonym] = frozenset()
    """Whose finger is not asked for, after too many that were not known."""
    fingers_by_person: Mapping[Pseudonym, tuple[tuple[str, int], ...]] = field(init=False, repr=False, compare=False)
    items_in: Mapping[str, tuple[Item, ...]] = field(init=False, repr=False, compare=False)
    """Items with a slot, by group; those under "*" are all."""
    return_rules: tuple[Right, ...] = field(init=False, repr=False, compare=False)
    """Rights for returning, of anybody: what one covers wants to be returned by it."""
    door_rules: tuple[Right, ...] = field(init=False, repr=False, compare=False)
    """Rights for the door, of anybody."""
    by_fob: Mapping[str, Item] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_fob = {item.fob: item for item in self.items.values() if item.fob is not None}
        object.__setattr__(self, "by_fob", by_fob)
        mine: dict[Pseudonym, list[tuple[str, int]]] = {}
        for module, templates in self.fingers.items():
            for template, person in templates.items():
                mine.setdefault(person, []).append((module, template))
        object.__setattr__(self, "fingers_by_person", {person: tuple(each) for person, each in mine.items()})
        found: dict[str, list[Item]] = {}
        for item in self.items.values():
            for group in (*item.groups, "*") if item.slot is not None else ():
                found.setdefault(group, []).append(item)
        object.__setattr__(self, "items_in", {group: tuple(items) for group, items in found.items()})
        lines = [right for rights in (*self.by_person.values(), *self.by_group.values()) for right in rights]
        object.__setattr__(self, "return_rules", _of(lines, "return"))
        object.__setattr__(self, "door_rules", _of(lines, "door"))

    def without(self, people: Collection[Pseudonym]) -> Rights:
        """None of these is known any more. Costs the same whatever the roster holds."""
        other = copy(self)
        object.__setattr__(other, "people", _Without(self.people, frozenset(people)))
        return other

    def finger_of(self, person: Person) -> Finger:
        """What can be had of theirs, as far as the snapshot was told."""
        mine = self.fingers_by_person.get(person.pseudonym)
        if mine is None:
            return "none"
        if not any(template in self.readable.get(module, ()) for module, template in mine):
            return "silent"
        return "locked" if person.pseudonym in self.locked else "asks"

    def reading(self, readable: Mapping[str, frozenset[int]], locked: frozenset[Pseudonym]) -> Rights:
        """With what the finger readers can tell just now. Costs the same whatever the roster holds."""
        other = copy(self)
        object.__setattr__(other, "readable", readable)
        object.__setattr__(other, "locked", locked)
        return other

    def rights_of(self, person: Person, act: ActKind = "take") -> list[Right]:
        """Every right to do this that names the person, one of their groups, or everybody; in roster order per
        source."""
        found = list(self.by_person.get(person.pseudonym, ()))
        for group in sorted(person.groups | {"*"}):
            found.extend(self.by_group.get(group, ()))
        return [right for right in found if act in right.acts]


def auth(factors: Collection[Factor]) -> str:
    """As it is written: `strong-card+pin`."""
    return "+".join(one for one in AUTH_ORDER if one in factors and not (one == "card" and "strong-card" in factors))


def _covers(items: frozenset[str], groups: frozenset[str], item: Item) -> bool:
    return item.id in items or "*" in items or "*" in groups or not groups.isdisjoint(item.groups)


def _of(lines: list[Right], act: ActKind) -> tuple[Right, ...]:
    return tuple({right.id: right for right in lines if act in right.acts}.values())


class _Without(Mapping[Pseudonym, Person]):
    """A view of people that leaves some out."""

    def __init__(self, people: Mapping[Pseudonym, Person], hidden: frozenset[Pseudonym]) -> None:
        self._people = people
        self._hidden = hidden

    def __getitem__(self, person: Pseudonym) -> Person:
        if person in self._hidden:
            raise KeyError(person)
        return self._people[person]

    def __iter__(self) -> Iterator[Pseudonym]:
        return (person for person in self._people if person not in self._hidden)

    def __len__(self) -> int:
        return sum(1 for _ in self)
