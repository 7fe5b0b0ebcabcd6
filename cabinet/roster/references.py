"""What a roster must agree on across its entries: no id, card, slot or fob twice, and every name leads somewhere."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field

from cabinet.roster.content import EVERYONE, Content, ItemEntry
from hal.problems import Problem
from hal.wording import did_you_mean, quoted


@dataclass(frozen=True, slots=True)
class Known:
    """What the roster holds already."""

    people: Collection[str] = frozenset()
    groups: Collection[str] = frozenset()
    items: Collection[str] = frozenset()
    item_groups: Collection[str] = frozenset()
    schedules: Collection[str] = frozenset()
    slots: Mapping[str, int] = field(default_factory=dict)
    """Item to its slot."""
    fobs: Mapping[str, str] = field(default_factory=dict)
    """Item to its fob."""
    card_owner: Callable[[str], str | None] = lambda _: None
    """The id of the person a card number belongs to."""


NOTHING_KNOWN = Known()


def conflicts(content: Content, known: Known, slots: Collection[int] | None) -> Iterator[Problem]:
    """Paths begin with people, items, right, schedule or customer and the index in `content`. `slots` are those of
    the configuration; None: not known here."""
    yield from _twice("people", [p.id for p in content.people])
    yield from _cards(content, known)
    yield from _twice("items", [i.id for i in content.items])
    yield from _places(content, known, slots)
    yield from _fobs(content, known)
    yield from _twice("schedule", [s.id for s in content.schedules])
    yield from _twice("customer", [c.id for c in content.customers])
    yield from _twice("right", [r.id or "" for r in content.rights])
    yield from _names(content, known)


def _twice(table: str, ids: list[str]) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, name in enumerate(ids):
        if name and name in seen:
            yield Problem((table, index, "id"), f"id {quoted(name)} stands here twice; every id is used once")
        seen.add(name)


def _cards(content: Content, known: Known) -> Iterator[Problem]:
    owners: dict[str, str] = {}
    for index, person in enumerate(content.people):
        for position, card in enumerate(person.cards):
            path = ("people", index, "cards", position)
            if (other := owners.setdefault(card, person.id)) != person.id:
                yield Problem(path, f"this card stands at {quoted(other)} too; a card belongs to one person")
            elif (owner := known.card_owner(card) or person.id) != person.id:
                yield Problem(path, f"this card belongs to {quoted(owner)} already; revoke it there first")


def _places(content: Content, known: Known, slots: Collection[int] | None) -> Iterator[Problem]:
    moved = {item.id for item in content.items if "slot" in item.model_fields_set}
    taken = {slot: item for item, slot in known.slots.items() if item not in moved}
    for index, item in enumerate(content.items):
        if item.slot is None:
            continue
        path = ("items", index, "slot")
        if slots is not None and item.slot not in slots:
            yield Problem(path, f"slot {item.slot} is not in the configuration, which has {_ranges(slots)}")
        holder = taken.setdefault(item.slot, item.id)
        if holder != item.id:
            yield Problem(path, f"slot {item.slot} is taken by {quoted(holder)}")


def _fobs(content: Content, known: Known) -> Iterator[Problem]:
    changed = {item.id for item in content.items if "fob" in item.model_fields_set}
    taken = {fob: item for item, fob in known.fobs.items() if item not in changed}
    for index, item in enumerate(content.items):
        if item.fob is not None and (holder := taken.setdefault(item.fob, item.id)) != item.id:
            yield Problem(("items", index, "fob"), f"this fob hangs on {quoted(holder)} already")


def _names(content: Content, known: Known) -> Iterator[Problem]:
    exists: dict[str, tuple[str, set[str]]] = {
        "persons": ("person", {p.id for p in content.people}.union(known.people)),
        "groups": ("group of people", {g for p in content.people for g in p.groups}.union(known.groups)),
        "items": ("item", {i.id for i in content.items}.union(known.items)),
        "item_groups": ("group of items", _item_groups(content.items).union(known.item_groups)),
    }
    schedules = {s.id for s in content.schedules}.union(known.schedules)
    for index, right in enumerate(content.rights):
        for key, (what, names) in exists.items():
            for position, name in enumerate(getattr(right, key)):
                if name != EVERYONE and name not in names:
                    yield Problem(("right", index, key, position), _nobody(what, name, names))
        groups = exists["groups"][1]
        for position, name in enumerate(right.authorised_by):
            if name != EVERYONE and name not in groups:
                yield Problem(("right", index, "authorised_by", position), _nobody("group of people", name, groups))
        if right.schedule is not None and right.schedule not in schedules:
            yield Problem(("right", index, "schedule"), _nobody("schedule", right.schedule, schedules))


def _item_groups(items: tuple[ItemEntry, ...]) -> set[str]:
    return {group for item in items for group in item.groups}


def _nobody(what: str, name: str, names: set[str]) -> str:
    return f"there is no {what} {quoted(name)}{did_you_mean(name, names)}"


def _ranges(slots: Collection[int]) -> str:
    """`1-8, 10`."""
    runs: list[list[int]] = []
    for slot in sorted(slots):
        if runs and runs[-1][1] == slot - 1:
            runs[-1][1] = slot
        else:
            runs.append([slot, slot])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in runs) or "none"
