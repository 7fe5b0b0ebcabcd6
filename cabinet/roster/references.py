"""What a roster must agree on across its entries: no id, card, slot or fob twice, and every name leads somewhere."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from cabinet.roster.content import EVERYONE, VISITOR, Content, PersonEntry, PromptEntry, RightEntry
from cabinet.roster.groups import cycle_through, members_of
from cabinet.roster.item_kinds import MAY_HAVE, OWN, misfit
from hal.problems import Problem
from hal.wording import did_you_mean, quoted


class Stored(Protocol):
    """A person as the roster has them."""

    @property
    def roles(self) -> Sequence[str]: ...

    @property
    def active_until(self) -> str | None: ...

    @property
    def host(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Known:
    """What the roster holds already."""

    people: Collection[str] = frozenset()
    groups: Collection[str] = frozenset()
    items: Collection[str] = frozenset()
    item_groups: Collection[str] = frozenset()
    schedules: Collection[str] = frozenset()
    retired: Collection[str] = frozenset()
    """Items, which are not among `items`."""
    includes: Mapping[str, Collection[str]] = field(default_factory=dict)
    """Groups of groups."""
    right_naming: Callable[[str], str | None] = lambda _: None
    """The id of a right that names an item."""
    slots: Mapping[str, int] = field(default_factory=dict)
    """Item to its slot."""
    fobs: Mapping[str, str] = field(default_factory=dict)
    """Item to its fob."""
    goods: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """Item to its kind and what only some kinds may have."""
    card_owner: Callable[[str], str | None] = lambda _: None
    """The id of the person a card number belongs to."""
    person: Callable[[str], Stored | None] = lambda _: None
    """By id."""


NOTHING_KNOWN = Known()


def conflicts(content: Content, known: Known, slots: Collection[int] | None) -> Iterator[Problem]:
    """Paths begin with people, items, right, schedule, group, prompt or customer and the index in `content`. `slots`
    are those of the configuration; None: not known here."""
    yield from _twice("people", [p.id for p in content.people])
    yield from _cards(content, known)
    yield from _visitors(content.people, known)
    yield from _twice("items", [i.id for i in content.items])
    yield from _kinds(content, known)
    yield from _places(content, known, slots)
    yield from _fobs(content, known)
    includes = {**known.includes, **{group.id: group.includes for group in content.groups}}
    yield from _retired(content, known)
    yield from _twice("group", [g.id for g in content.groups])
    yield from _cycles(content, includes)
    yield from _twice("schedule", [s.id for s in content.schedules])
    yield from _twice("prompt", [p.id for p in content.prompts])
    yield from _twice("customer", [c.id for c in content.customers])
    yield from _twice("right", [r.id or "" for r in content.rights])
    yield from _names(content, known, includes)


def _twice(table: str, ids: list[str]) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, name in enumerate(ids):
        if name and name in seen:
            yield Problem((table, index, "id"), f"id {quoted(name)} stands here twice; every id is used once")
        seen.add(name)


def _cards(content: Content, known: Known) -> Iterator[Problem]:
    owners: dict[str, str] = {}
    for index, person in enumerate(content.people):
        listed = [("cards", *one) for one in enumerate(person.cards)]
        listed += [("strong_cards", *one) for one in enumerate(person.strong_cards)]
        for key, position, card in listed:
            path = ("people", index, key, position)
            if (other := owners.setdefault(card, person.id)) != person.id:
                yield Problem(path, f"this card stands at {quoted(other)} too; a card belongs to one person")
            elif (owner := known.card_owner(card) or person.id) != person.id:
                yield Problem(path, f"this card belongs to {quoted(owner)} already; revoke it there first")


def _visitors(people: tuple[PersonEntry, ...], known: Known) -> Iterator[Problem]:
    """Judged as they will be: what an entry does not give stays."""
    listed = {person.id: person for person in people}

    def stands(person: PersonEntry, key: str) -> object:
        old = None if key in person.model_fields_set else known.person(person.id)
        return getattr(old or person, key)

    def is_visitor(person: PersonEntry) -> bool:
        return VISITOR in stands(person, "roles")  # type: ignore[operator]  # a list of texts

    for index, person in enumerate(people):
        host = person.host
        if not is_visitor(person):
            if stands(person, "host") is not None:
                message = f'a host is for visitors; give the role "{VISITOR}" too, or leave the host out'
                yield Problem(("people", index, "host"), message)
            continue
        if stands(person, "host") is None:
            yield Problem(
                ("people", index, "host"), "a visitor needs a host: the id of the person who answers for them"
            )
        if stands(person, "active_until") is None:
            yield Problem(("people", index, "active_until"), "a visitor needs a last day, such as 2026-03-31")
        if host is None:
            continue
        stored = known.person(host)
        if host in listed:
            hosts_visit = is_visitor(listed[host])
        elif stored is not None:
            hosts_visit = VISITOR in stored.roles
        elif host in known.people:  # a row with faults of its own
            hosts_visit = False
        else:
            yield Problem(("people", index, "host"), _nobody("person", host, {*listed, *known.people}))
            continue
        if hosts_visit:
            yield Problem(("people", index, "host"), f"{quoted(host)} is a visitor too, and answers for nobody")


def _kinds(content: Content, known: Known) -> Iterator[Problem]:
    kinds_given = any("kind" in item.model_fields_set for item in content.items)
    for index, item in enumerate(content.items):
        before, given = known.goods.get(item.id, {}), item.model_fields_set
        if kinds_given and not before and "kind" not in given:
            continue  # its kind is wrong, which was said
        has = {name: before[name] if before and name not in given else getattr(item, name) for name in ("kind", *OWN)}
        for name in OWN:
            if has[name] and name not in MAY_HAVE[str(has["kind"])]:
                yield Problem(("items", index, name if name in given else "kind"), misfit(str(has["kind"]), name))


def _places(content: Content, known: Known, slots: Collection[int] | None) -> Iterator[Problem]:
    moved = {item.id for item in content.items if "slot" in item.model_fields_set}
    taken = {slot: item for item, slot in known.slots.items() if item not in moved}
    for index, item in enumerate(content.items):
        path = ("items", index, "slot")
        if item.slot is None:
            if item.back == "any" and not item.retired and (item.id in moved or item.id not in known.slots):
                yield Problem(path, 'return = "any" needs a slot: where it hangs until it was put into another')
            continue
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


def _retired(content: Content, known: Known) -> Iterator[Problem]:
    for index, item in enumerate(content.items):
        if item.id in known.retired and "retired" not in item.model_fields_set and (item.slot or item.fob):
            key = "slot" if item.slot else "fob"
            back = "say so in the column retired (no) to have it back in service, or take its slot and fob out"
            yield Problem(("items", index, key), f"item {quoted(item.id)} is retired and hangs nowhere; {back}")
        if item.retired and (right := known.right_naming(item.id)) not in (None, *(r.id for r in content.rights)):
            yield Problem(("items", index, "retired"), f"right {quoted(right)} names it; change that right first")


def _cycles(content: Content, includes: Mapping[str, Collection[str]]) -> Iterator[Problem]:
    told: set[str] = set()
    for index, group in enumerate(content.groups):
        way = [] if group.id in told else cycle_through(group.id, includes)
        if way:
            told |= set(way)
            position = group.includes.index(way[1])
            yield Problem(("group", index, "includes", position), f"a circle: {' includes '.join(map(quoted, way))}")


def _names(content: Content, known: Known, includes: Mapping[str, Collection[str]]) -> Iterator[Problem]:
    retired = _retired_items(content, known)
    of_people = {g for p in content.people for g in p.groups}.union(known.groups)
    of_items = {g for i in content.items if i.id not in retired for g in i.groups}.union(known.item_groups)
    items = {i.id for i in content.items}.union(known.items) - retired
    exists: dict[str, tuple[str, Collection[str]]] = {
        "persons": ("person", {p.id for p in content.people}.union(known.people)),
        "groups": ("group of people", _filled(of_people, includes)),
        "items": ("item", items),
        "item_groups": ("group of items", _filled(of_items, includes)),
    }
    exists["authorised_by"] = exists["groups"]
    schedules = {s.id for s in content.schedules}.union(known.schedules)

    def unknown(table: str, index: int, entry: RightEntry | PromptEntry, keys: Iterable[str]) -> Iterator[Problem]:
        for key in keys:
            what, names = exists[key]
            for position, name in enumerate(getattr(entry, key)):
                if name != EVERYONE and name not in names:
                    gone = f"item {quoted(name)} is retired" if key == "items" and name in retired else None
                    empty = f"nobody and nothing is in {what} {quoted(name)}" if name in includes else None
                    yield Problem((table, index, key, position), gone or empty or _nobody(what, name, names))

    for index, prompt in enumerate(content.prompts):
        yield from unknown("prompt", index, prompt, ("items", "item_groups"))
    for index, right in enumerate(content.rights):
        yield from unknown("right", index, right, exists)
        if right.schedule is not None and right.schedule not in schedules:
            yield Problem(("right", index, "schedule"), _nobody("schedule", right.schedule, schedules))
    groups = of_people | of_items | set(includes)
    for index, group in enumerate(content.groups):
        for position, name in enumerate(group.includes):
            if name not in groups:
                yield Problem(("group", index, "includes", position), _nobody("group", name, groups))


def _retired_items(content: Content, known: Known) -> set[str]:
    said = {item.id: item.retired for item in content.items if "retired" in item.model_fields_set}
    return {item for item in {*said, *known.retired} if said.get(item, True)}


def _filled(groups: set[str], includes: Mapping[str, Collection[str]]) -> set[str]:
    """Those that somebody or something is in, by itself or by another group."""
    return groups | {group for group in includes if not groups.isdisjoint(members_of(group, includes))}


def _nobody(what: str, name: str, names: Collection[str]) -> str:
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
