"""What an explanation says is what the cabinet would do."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, time

from hypothesis import given
from hypothesis import strategies as st

from cabinet.policy.allowance import Held
from cabinet.policy.booking import Booking
from cabinet.policy.decide import Grant, decide
from cabinet.policy.explain import Explanation, could_show, explain
from cabinet.policy.rights import Curfew, Item, Person, Prompt, PromptAt, Quorum, Right, Rights, Schedule, Window

NOON_MS = 1_767_614_400_000 - 1_767_614_400_000 % 86_400_000 + 12 * 3_600_000
WEEK = frozenset(range(7))
OFFICE = Schedule("office", (Window(WEEK, time(8), time(18)),))
NIGHT = Schedule("night", (Window(WEEK, time(22), time(6)),))
ADA = Person("ADA", pin_set=True, roles=frozenset({"custodian"}), groups=frozenset({"approvers"}))
LIN = Person("LIN", groups=frozenset({"approvers"}))
MAX = Person("MAX", pin_set=True)
KEY = Item("K-0001", slot=1)
MINE = Right("mine", frozenset({"MAX"}), items=frozenset({"K-0001"}), factors=(frozenset({"card"}),))


def snapshot(*rights: Right, people: tuple[Person, ...] = (ADA, LIN, MAX)) -> Rights:
    return Rights(
        people={one.pseudonym: one for one in people},
        cards={b"a": "ADA", b"l": "LIN", b"m": "MAX"},
        numbers={"1": "MAX"},
        items={KEY.id: KEY},
        item_at={1: KEY.id},
        schedules={"office": OFFICE, "night": NIGHT},
        by_person={"MAX": tuple(right for right in rights if "MAX" in right.persons)},
        zone=UTC,
    )


def told(
    *rights: Right, person: Person = MAX, held: tuple[Held, ...] = (), trusted: bool = True, act: PromptAt = "take"
) -> Explanation:
    roster = snapshot(*rights, people=(ADA, LIN, person))
    return explain(roster, person, KEY, NOON_MS, wall_time_trusted=trusted, held=held, act=act)


def test_yes_by_the_right_that_grants() -> None:
    said = told(replace(MINE, id="night", schedule="night"), replace(MINE, curfew=Curfew(after_s=3600)))
    assert (said.rule, said.right, said.help, said.helpers) == (None, "mine", None, ())
    assert [(step.right, step.verdict) for step in said.steps] == [("night", "outside_schedule"), ("mine", "grants")]
    assert said.steps[1].due_ms == NOON_MS + 3_600_000


def test_no_names_the_rule_the_window_and_who_can_help() -> None:
    said = told(replace(MINE, schedule="night"))
    assert (said.rule, said.right, said.window) == ("outside_schedule", "mine", "mon-sun 22:00-06:00")
    assert (said.help, said.helpers) == ("come within the window; a custodian can widen it", ("ADA",))


def test_a_return_is_explained_by_its_own_rights() -> None:
    said = told(MINE, act="return")
    assert (said.rule, said.right, said.steps) == (None, None, ())  # it has no rule: anybody
    back = replace(MINE, id="back", acts=frozenset({"return"}), schedule="night")
    said = told(MINE, back, act="return")
    assert (said.rule, said.right, said.window) == ("outside_schedule", "back", "mon-sun 22:00-06:00")
    assert [step.right for step in said.steps] == ["back"]
    assert [step.right for step in told(MINE, back).steps] == ["mine"]


def test_no_right_at_all() -> None:
    said = told()
    assert (said.rule, said.steps, said.helpers) == ("no_right", (), ("ADA",))


def test_what_the_person_cannot_show_is_named() -> None:
    said = told(
        replace(MINE, factors=(frozenset({"card", "pin"}), frozenset({"card"}))), person=replace(MAX, pin_set=False)
    )
    assert said.rule is None
    assert (said.steps[0].factors, said.steps[0].lacking) == (("card+pin", "card"), ("card+pin",))
    said = told(replace(MINE, factors=(frozenset({"card", "pin"}),)), person=replace(MAX, pin_set=False))
    assert said.rule == "factor_missing"


def test_who_may_approve_is_named_and_too_few_are_said() -> None:
    two = Quorum(2, frozenset({"approvers"}))
    said = told(replace(MINE, quorum=two))
    assert (said.rule, said.steps[0].approvals, said.steps[0].approvers) == (None, 2, ("ADA", "LIN"))
    said = told(replace(MINE, quorum=replace(two, count=3)))
    assert said.rule == "approvers_missing"


def test_a_suspended_person_and_an_item_that_is_out() -> None:
    assert told(MINE, person=replace(MAX, suspended=True)).rule == "person_suspended"
    assert told(MINE, held=(Held("K-0001", "ADA"),)).rule == "item_out"


RIGHTS = st.builds(
    replace,
    st.just(MINE),
    id=st.sampled_from(["a", "b"]),
    schedule=st.sampled_from([None, "office", "night"]),
    factors=st.sampled_from([(frozenset({"card"}),), (frozenset({"card", "pin"}),), (frozenset({"number", "pin"}),)]),
    quorum=st.builds(Quorum, st.integers(0, 3), st.just(frozenset({"approvers"})), st.booleans()),
)
PERSONS = st.builds(
    replace,
    st.just(MAX),
    suspended=st.booleans(),
    pin_set=st.booleans(),
    active_until_ms=st.sampled_from([None, NOON_MS, NOON_MS + 1]),
)


@given(st.lists(RIGHTS, max_size=3), PERSONS, st.booleans())
def test_it_says_what_the_decision_says(rights: list[Right], person: Person, trusted: bool) -> None:
    roster = snapshot(*rights, people=(ADA, LIN, person))
    said = explain(roster, person, KEY, NOON_MS, wall_time_trusted=trusted)
    decision = decide(
        roster,
        person,
        KEY,
        could_show(roster, person),
        NOON_MS,
        wall_time_trusted=trusted,
        approvers=[ADA, LIN],
    )
    assert (said.rule is None) == isinstance(decision, Grant)
    assert (said.rule is None) == any(step.verdict == "grants" for step in said.steps)


def test_what_is_asked_before_a_release_is_said() -> None:
    ask = {"en": "Why?", "zh": "?"}
    prompts = (
        Prompt("why", "take", "rating", ask, items=frozenset({"K-0001"}), required=True),
        Prompt("how", "return", "rating", ask, items=frozenset({"K-0001"})),
        Prompt("other", "take", "rating", ask, items=frozenset({"K-0002"})),
    )
    found = explain(replace(snapshot(MINE), prompts=prompts), MAX, KEY, NOON_MS, wall_time_trusted=True)
    assert [one.id for one in found.asks] == ["why"]


def test_what_somebody_else_has_booked_is_said() -> None:
    booked = Booking("K-0001", "ADA", NOON_MS - 1, NOON_MS + 1)
    said = explain(snapshot(MINE), MAX, KEY, NOON_MS, wall_time_trusted=True, bookings=[booked])
    assert (said.rule, said.right, said.window) == ("booked", "mine", "2026-01-05 11:59-12:00")
    assert "booking" in (said.help or "")
    mine = replace(booked, holder=MAX.pseudonym)
    assert explain(snapshot(MINE), MAX, KEY, NOON_MS, wall_time_trusted=True, bookings=[mine]).rule is None


def test_a_code_counts_for_whom_it_was_given() -> None:
    by_code = replace(MINE, factors=(frozenset({"code"}),))
    booked = Booking("K-0001", MAX.pseudonym, NOON_MS, NOON_MS + 1, code="digest")
    assert explain(snapshot(by_code), MAX, KEY, NOON_MS, wall_time_trusted=True, bookings=[booked]).rule is None
    assert explain(snapshot(by_code), MAX, KEY, NOON_MS, wall_time_trusted=True).rule == "factor_missing"


def test_by_night_a_dark_camera_is_what_is_in_the_way() -> None:
    """By day the card would do; the explanation of each right names what it lacks."""
    all_of_it = (frozenset({"card", "pin", "verified"}),)
    rights = (replace(MINE, id="day", schedule="night"), replace(MINE, id="now", factors=all_of_it))
    said = told(*rights)
    assert (said.rule, said.right) == ("verifier_silent", "now")
    assert said.help == "a technician can look at it, see `cabinetctl devices`"
    assert [(step.right, step.verdict, step.lacking) for step in said.steps] == [
        ("day", "outside_schedule", ()),
        ("now", "verifier_silent", ("card+pin+verified",)),
    ]
    roster = snapshot(*rights)
    assert explain(roster, MAX, KEY, NOON_MS, wall_time_trusted=True, verifier="asks").rule is None
