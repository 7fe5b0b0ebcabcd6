"""Decisions with their reason."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cabinet.policy.decide import (
    Decision,
    Denial,
    Grant,
    NeedsFactor,
    Rule,
    Verifier,
    decide,
    lacking_of,
    person_denial,
    reach,
)
from cabinet.policy.rights import Factor, Finger, Item, Person, Right, Rights, Schedule, Window

ADA = Person("QURB", groups=frozenset({"cleaning"}), pin_set=True)
KEY = Item("K-0001", slot=1, groups=frozenset({"flats"}))
NOON_MS = 1_767_614_400_000 - 1_767_614_400_000 % 86_400_000 + 12 * 3_600_000
NEVER = Schedule("never", (Window(frozenset(), time(0), time(0)),))


def decision(
    *rights: Right, factors: set[Factor] | None = None, person: Person = ADA, trusted: bool = True
) -> Decision:
    snapshot = Rights(
        people={person.pseudonym: person},
        items={KEY.id: KEY},
        schedules={"never": NEVER},
        by_person={p: rights for right in rights for p in right.persons},
        by_group={g: rights for right in rights for g in right.groups},
        zone=UTC,
    )
    return decide(snapshot, person, KEY, frozenset(factors or {"card"}), NOON_MS, wall_time_trusted=trusted)


def items_of(roster: Rights, person: Person) -> list[Item]:
    return [item for item, _ in reach(roster, person)]


MINE = Right("mine", frozenset({"QURB"}), items=frozenset({"K-0001"}))


@pytest.mark.parametrize(
    "right",
    [
        MINE,
        replace(MINE, persons=frozenset(), groups=frozenset({"cleaning"})),
        replace(MINE, persons=frozenset(), groups=frozenset({"*"})),
        replace(MINE, items=frozenset(), item_groups=frozenset({"flats"})),
        replace(MINE, items=frozenset({"*"})),
        replace(MINE, items=frozenset(), item_groups=frozenset({"*"})),
    ],
)
def test_rights_reach_by_name_group_or_star(right: Right) -> None:
    assert decision(right) == Grant(right)


@pytest.mark.parametrize(
    "right",
    [
        replace(MINE, persons=frozenset(), groups=frozenset({"guards"})),
        replace(MINE, items=frozenset({"K-0002"})),
        replace(MINE, items=frozenset(), item_groups=frozenset({"cars"})),
        replace(MINE, items=frozenset()),
        replace(MINE, persons=frozenset()),
    ],
)
def test_and_no_further(right: Right) -> None:
    assert decision(right) == Denial("no_right")


def test_a_missing_pin_is_asked_for() -> None:
    strict = replace(MINE, factors=(frozenset({"card", "pin"}),))
    assert decision(strict) == NeedsFactor(strict, frozenset({"pin"}))
    assert decision(strict, factors={"card", "pin"}) == Grant(strict)
    assert decision(strict, factors={"number", "pin"}) == Denial("factor_missing", None, "mine")


def test_who_has_no_pin_is_told_so_and_not_asked() -> None:
    strict = replace(MINE, factors=(frozenset({"card", "pin"}),))
    assert decision(strict, person=replace(ADA, pin_set=False)) == Denial("factor_missing", None, "mine")


def test_any_right_that_holds_grants() -> None:
    closed = replace(MINE, id="closed", schedule="never")
    assert decision(closed, MINE) == Grant(MINE)
    assert decision(MINE, closed) == Grant(MINE)


def test_the_closest_reason_is_given() -> None:
    closed = replace(MINE, id="closed", schedule="never")
    other_way = replace(MINE, id="pin only", factors=(frozenset({"number", "pin"}),))
    assert decision(other_way, closed) == Denial("factor_missing", None, "pin only")
    assert decision(closed, trusted=False) == Denial("clock_untrusted", " 00:00-00:00", "closed")


def test_dates_of_a_person_need_a_trusted_clock() -> None:
    visitor = replace(ADA, active_until_ms=NOON_MS + 1)
    assert decision(MINE, person=visitor) == Grant(MINE)
    assert decision(MINE, person=replace(ADA, active_until_ms=NOON_MS)) == Denial("person_expired")
    assert decision(MINE, person=visitor, trusted=False) == Denial("clock_untrusted")


def test_items_are_listed_by_slot() -> None:
    items = {f"K-{n}": Item(f"K-{n}", slot=9 - n if n < 4 else None) for n in range(1, 5)}
    every = Right("all", groups=frozenset({"*"}), items=frozenset({"*"}))
    snapshot = Rights(items=items, by_group={"*": (every,)})
    assert [item.id for item in items_of(snapshot, ADA)] == ["K-3", "K-2", "K-1"]


NAMES, GROUPS = st.frozensets(st.sampled_from(["a", "b", "c", "*"])), st.frozensets(st.sampled_from(["g", "h", "*"]))


@given(
    st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from([None, 1, 2, 3]), GROUPS)),
    st.lists(st.tuples(NAMES, GROUPS)),
)
def test_what_a_person_reaches_is_what_their_rights_cover(
    items: list[tuple[str, int | None, frozenset[str]]], rights: list[tuple[frozenset[str], frozenset[str]]]
) -> None:
    known = {name: Item(name, slot=slot, groups=groups - {"*"}) for name, slot, groups in items}
    mine = tuple(Right("r", frozenset({"QURB"}), items=names, item_groups=groups) for names, groups in rights)
    roster = Rights(people={ADA.pseudonym: ADA}, items=known, by_person={ADA.pseudonym: mine})
    found = items_of(roster, ADA)
    covered = {item.id for item in known.values() if item.slot and any(right.covers(item) for right in mine)}
    assert {item.id for item in found} == covered
    assert all([right for right in mine if right.covers(item)] == over for item, over in reach(roster, ADA))
    assert [item.slot for item in found] == sorted(item.slot or 0 for item in found)


@pytest.mark.parametrize(
    ("qualifications", "trusted", "rule"),
    [
        ({"forklift": None, "secrecy": None}, False, None),
        ({"forklift": NOON_MS + 1, "secrecy": None}, True, None),
        ({"forklift": NOON_MS, "secrecy": None}, True, "qualification_missing"),
        ({"forklift": NOON_MS + 1, "secrecy": None}, False, "clock_untrusted"),
        ({"forklift": None}, True, "qualification_missing"),
        ({}, True, "qualification_missing"),
    ],
)
def test_what_a_right_requires(qualifications: dict[str, int | None], trusted: bool, rule: str | None) -> None:
    guarded = replace(MINE, requires=frozenset({"forklift", "secrecy"}))
    found = decision(guarded, person=replace(ADA, qualifications=qualifications), trusted=trusted)
    assert (found.rule if isinstance(found, Denial) else None) == rule
    if rule == "qualification_missing":
        assert isinstance(found, Denial)
        assert found.missing in ("forklift", "secrecy")


HOST = Person("SE9TVA==")


@pytest.mark.parametrize(
    ("host", "rule"),
    [
        (HOST, None),
        (replace(HOST, suspended=True), "host_inactive"),
        (replace(HOST, active_until_ms=NOON_MS), "host_inactive"),
        (replace(HOST, active_from_ms=NOON_MS + 1), "host_inactive"),
        (replace(HOST, pseudonym="somebody else"), "host_inactive"),
        (replace(HOST, host="nobody, and that is not looked at"), None),
    ],
)
def test_a_visitor_may_as_long_as_their_host_might(host: Person, rule: str | None) -> None:
    visitor = replace(ADA, host=HOST.pseudonym)
    roster = Rights(people={one.pseudonym: one for one in (visitor, host)})
    denial = person_denial(roster, visitor, NOON_MS, wall_time_trusted=True)
    assert denial == (Denial(rule) if rule else None)  # type: ignore[arg-type]


def test_a_visitor_who_is_suspended_hears_of_that_first() -> None:
    visitor = replace(ADA, host="gone", suspended=True)
    roster = Rights(people={visitor.pseudonym: visitor})
    assert person_denial(roster, visitor, NOON_MS, wall_time_trusted=True) == Denial("person_suspended")


FACE: frozenset[Factor] = frozenset({"card", "verified"})
ALL: frozenset[Factor] = frozenset({"card", "pin", "verified"})
CARD_PIN: frozenset[Factor] = frozenset({"card", "pin"})


@pytest.mark.parametrize(
    ("factors", "pin_set", "verifier", "expected"),
    [
        ((FACE,), False, "asks", {"verified"}),
        ((FACE,), False, "silent", "verifier_silent"),
        ((FACE,), False, "refused", "not_verified"),
        ((ALL,), True, "asks", {"pin", "verified"}),
        ((ALL,), False, "asks", "factor_missing"),
        ((ALL,), True, "silent", "verifier_silent"),
        ((CARD_PIN, FACE), True, "asks", {"verified"}),
        ((CARD_PIN, FACE), True, "silent", {"pin"}),
        ((CARD_PIN, FACE), False, "refused", "not_verified"),
        ((frozenset({"number", "pin", "verified"}),), True, "asks", "factor_missing"),
    ],
)
def test_what_a_card_lacks(
    factors: tuple[frozenset[Factor], ...], pin_set: bool, verifier: Verifier, expected: set[Factor] | Rule
) -> None:
    person = replace(ADA, pin_set=pin_set)
    lacking = lacking_of(factors, frozenset({"card"}), person, "none", verifier)
    assert lacking == (frozenset(expected) if isinstance(expected, set) else expected)


FINGER: frozenset[Factor] = frozenset({"finger"})
CARD_FINGER: frozenset[Factor] = frozenset({"card", "finger"})
FINGER_PIN: frozenset[Factor] = frozenset({"finger", "pin"})


@pytest.mark.parametrize(
    ("factors", "shown", "finger", "expected"),
    [
        ((CARD_FINGER,), {"card"}, "asks", {"finger"}),
        ((CARD_FINGER,), {"card"}, "silent", "finger_silent"),
        ((CARD_FINGER,), {"card"}, "locked", "finger_locked"),
        ((CARD_FINGER,), {"card"}, "none", "factor_missing"),
        ((CARD_FINGER,), {"finger"}, "asks", {"card"}),  # beside a finger a card is held
        ((frozenset({"card"}),), {"finger"}, "asks", "factor_missing"),  # another visit
        ((CARD_FINGER, frozenset({"card", "pin"})), {"card"}, "asks", {"finger"}),  # without typing
        ((CARD_FINGER, frozenset({"card", "pin"})), {"card"}, "silent", {"pin"}),
        ((FINGER_PIN,), {"finger"}, "asks", {"pin"}),
        ((frozenset({"card", "finger", "pin"}),), {"card"}, "asks", {"finger", "pin"}),
        ((frozenset({"number", "finger"}),), {"number"}, "asks", {"finger"}),
        ((FINGER,), {"card"}, "asks", {"finger"}),
    ],
)
def test_what_a_finger_adds(
    factors: tuple[frozenset[Factor], ...], shown: set[Factor], finger: Finger, expected: set[Factor] | Rule
) -> None:
    lacking = lacking_of(factors, frozenset(shown), ADA, finger, "silent")
    assert lacking == (frozenset(expected) if isinstance(expected, set) else expected)


def test_a_finger_is_read_where_its_template_is() -> None:
    snapshot = Rights(people={ADA.pseudonym: ADA}, fingers={"aa": {3: ADA.pseudonym}})
    assert snapshot.finger_of(ADA) == "silent"
    assert snapshot.reading({"aa": frozenset({3})}, frozenset()).finger_of(ADA) == "asks"
    assert snapshot.reading({"aa": frozenset({4})}, frozenset()).finger_of(ADA) == "silent"
    assert snapshot.reading({"bb": frozenset({3})}, frozenset()).finger_of(ADA) == "silent"
    assert snapshot.reading({"aa": frozenset({3})}, frozenset({ADA.pseudonym})).finger_of(ADA) == "locked"
    assert snapshot.finger_of(Person("RVZF")) == "none"


DAY = Schedule("day", (Window(frozenset(range(7)), time(8), time(18)),))
NIGHT = Schedule("night", (Window(frozenset(range(7)), time(22), time(6)),))
BY_DAY = replace(MINE, id="by-day", schedule="day", factors=(frozenset({"card"}),))
BY_NIGHT = replace(MINE, id="by-night", schedule="night", factors=(ALL,))


@pytest.mark.parametrize(
    ("hour", "pin_set", "expected"),
    [
        (12, False, Grant(BY_DAY)),
        (23, True, NeedsFactor(BY_NIGHT, frozenset({"pin", "verified"}))),
        (23, False, Denial("factor_missing", None, "by-night")),
        (20, True, Denial("outside_schedule", "mon-sun 08:00-18:00; mon-sun 22:00-06:00", "by-day")),
    ],
)
def test_by_day_the_card_by_night_everything(hour: int, pin_set: bool, expected: Decision) -> None:
    person = replace(ADA, pin_set=pin_set)
    roster = Rights(
        people={person.pseudonym: person},
        schedules={"day": DAY, "night": NIGHT},
        by_person={person.pseudonym: (BY_DAY, BY_NIGHT)},
        zone=UTC,
    )
    wall_ms = NOON_MS + (hour - 12) * 3_600_000
    found = decide(roster, person, KEY, frozenset({"card"}), wall_ms, wall_time_trusted=True, verifier="asks")
    assert found == expected
