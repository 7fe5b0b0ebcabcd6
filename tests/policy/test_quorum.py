"""Who may approve, and how many more have to: distinct people, of distinct departments where that is asked."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cabinet.policy.quorum import may_approve, missing
from cabinet.policy.rights import Person, Quorum

TAKER = Person("TAKER", department="Technical", groups=frozenset({"approvers", "technical"}))
ADA = Person("ADA", department="Facility", groups=frozenset({"approvers"}))
LIN = Person("LIN", department="Reception", groups=frozenset({"approvers"}))
KIM = Person("KIM", department="Facility", groups=frozenset({"approvers"}))
EVE = Person("EVE", department="Facility", groups=frozenset({"drivers"}))
TWO = Quorum(2, frozenset({"approvers"}))
APART = replace(TWO, departments=True)


@pytest.mark.parametrize(
    ("quorum", "approvers", "more"),
    [
        (Quorum(), [], 0),
        (TWO, [], 2),
        (TWO, [ADA], 1),
        (TWO, [ADA, LIN], 0),
        (TWO, [ADA, KIM], 0),
        (TWO, [ADA, ADA], 1),
        (TWO, [ADA, TAKER], 1),
        (TWO, [ADA, EVE], 1),
        (TWO, [ADA, LIN, KIM], 0),
        (replace(TWO, groups=frozenset({"*"})), [ADA, EVE], 0),
        (APART, [ADA, KIM], 1),
        (APART, [ADA, LIN], 0),
        (APART, [ADA, replace(LIN, department="Technical")], 1),
        (APART, [ADA, replace(LIN, department="")], 1),
    ],
)
def test_how_many_more_have_to_approve(quorum: Quorum, approvers: list[Person], more: int) -> None:
    assert missing(quorum, TAKER, approvers) == more


PEOPLE = st.builds(
    Person,
    st.sampled_from(["TAKER", "A", "B", "C"]),
    department=st.sampled_from(["", "Technical", "Facility", "Reception"]),
    groups=st.frozensets(st.sampled_from(["approvers", "drivers"])),
)


@given(st.integers(1, 4), st.booleans(), st.lists(PEOPLE, max_size=6))
def test_nobody_counts_twice_and_nobody_for_themselves(count: int, apart: bool, approvers: list[Person]) -> None:
    quorum = Quorum(count, frozenset({"approvers"}), apart)
    if missing(quorum, TAKER, approvers) == 0:
        counted = [person for person in approvers if may_approve(quorum, TAKER, person)]
        assert len({person.pseudonym for person in counted}) >= (1 if apart else count)
        assert "TAKER" not in {person.pseudonym for person in counted}
        if apart:
            assert len({person.department for person in counted} - {"", "Technical"}) >= count


@given(st.lists(PEOPLE, max_size=6), PEOPLE)
def test_one_more_never_makes_more_missing(approvers: list[Person], person: Person) -> None:
    for quorum in (TWO, APART):
        before, after = missing(quorum, TAKER, approvers), missing(quorum, TAKER, [*approvers, person])
        assert before - 1 <= after <= before
