"""Others approve what the visitor wants: who counts, who does not, and what becomes of the visit meanwhile."""

from __future__ import annotations

from dataclasses import replace

from cabinet.policy.rights import Quorum, Rights
from tests.core.cabinet import (
    ADA,
    ADA_CARD,
    CARD,
    CARD_PIN,
    EVE,
    EVE_CARD,
    LIN,
    LIN_CARD,
    NUMBER_PIN,
    PIN,
    Cabinet,
    people,
    right,
    rights,
)

APPROVERS = frozenset({"approvers"})
TWO = Quorum(2, APPROVERS)
ONE = Quorum(1, APPROVERS)


def guarded(quorum: Quorum = TWO, *items: str, pin: bool = False, **who: dict[str, object]) -> Rights:
    """Ada may take them once enough of Lin and Eve have approved."""
    approvers: dict[str, dict[str, object]] = {LIN: {"groups": APPROVERS}, EVE: {"groups": APPROVERS}}
    factors = (CARD_PIN, NUMBER_PIN) if pin else (CARD, NUMBER_PIN)
    one = right(ADA, *(items or ("K-0001",)), factors=factors)
    return rights(replace(one, quorum=quorum), who=people(**{**approvers, **who}))


def test_it_opens_once_two_others_have_approved() -> None:
    cabinet = Cabinet(guarded())
    cabinet.badge(ADA_CARD)
    assert "K-0001 needs 2 more to approve" in cabinet.screen()
    cabinet.badge(LIN_CARD)
    assert "K-0001 needs 1 more to approve" in cabinet.screen()
    assert cabinet.pulses() == []
    cabinet.badge(EVE_CARD)
    assert cabinet.pulses() == [1]
    assert cabinet.kinds() == ["visit.identified", "visit.authorised", "visit.authorised", "item.granted"]
    said = [(s.role, s.person) for s in cabinet.last("item.granted").subs]
    assert said == [("holder", ADA), ("authoriser", LIN), ("authoriser", EVE)]
    assert cabinet.last("visit.authorised").fields == {
        "visit": 1, "item": "K-0001", "right": "QURB-K-0001", "auth": "card", "reader": "reader",
    }  # fmt: skip


def test_the_same_person_counts_once_and_the_taker_never() -> None:
    cabinet = Cabinet(guarded())
    cabinet.badge(ADA_CARD)
    for card in (LIN_CARD, LIN_CARD, ADA_CARD, LIN_CARD):
        cabinet.badge(card)
    assert "needs 1 more" in cabinet.screen()
    assert cabinet.pulses() == []


def test_who_may_not_approve_is_refused_and_the_visit_goes_on() -> None:
    cabinet = Cabinet(guarded(ONE, **{LIN: {"groups": frozenset()}}))
    cabinet.badge(ADA_CARD)
    cabinet.badge(LIN_CARD)
    refused = cabinet.last("visit.refused")
    assert (refused.fields["rule"], [s.role for s in refused.subs]) == ("may_not_approve", ["authoriser"])
    assert "You may not approve this" in cabinet.screen()
    cabinet.badge(EVE_CARD)
    assert cabinet.pulses() == [1]


def test_a_suspended_person_approves_nothing() -> None:
    cabinet = Cabinet(guarded(ONE, **{LIN: {"groups": APPROVERS, "suspended": True}}))
    cabinet.badge(ADA_CARD)
    cabinet.badge(LIN_CARD)
    assert cabinet.last("visit.refused").fields["rule"] == "person_suspended"
    assert cabinet.pulses() == []


def test_approval_takes_the_factors_that_taking_takes() -> None:
    cabinet = Cabinet(guarded(ONE, pin=True))
    cabinet.badge(ADA_CARD)
    cabinet.enter(PIN)
    cabinet.badge(LIN_CARD)
    assert cabinet.screen() == "PIN, then #"
    cabinet.enter(PIN)
    assert cabinet.pulses() == [1]
    assert cabinet.last("visit.authorised").fields["auth"] == "card+pin"
    assert cabinet.last("item.granted").fields["auth"] == "card+pin"


def test_who_has_no_pin_cannot_approve_what_needs_one() -> None:
    cabinet = Cabinet(guarded(ONE, pin=True))
    cabinet.badge(ADA_CARD)
    cabinet.enter(PIN)
    cabinet.badge(EVE_CARD)
    assert cabinet.last("visit.refused").fields["rule"] == "factor_missing"
    cabinet.enter("1002")
    cabinet.enter(PIN)
    assert cabinet.pulses() == [1]
    assert cabinet.last("visit.authorised").fields["auth"] == "number+pin"


def test_wrong_pins_of_an_approver_count_for_them_and_leave_the_visit() -> None:
    cabinet = Cabinet(guarded(ONE))
    cabinet.badge(ADA_CARD)
    for _ in range(3):
        cabinet.enter("1002")
        cabinet.enter("0000")
    assert cabinet.state.ledger.failures[LIN].count == 3
    assert cabinet.state.visit is not None
    cabinet.badge(EVE_CARD)
    assert cabinet.pulses() == [1]


def test_a_right_pin_ends_the_row_of_wrong_ones() -> None:
    cabinet = Cabinet(guarded(ONE))
    cabinet.badge(ADA_CARD)
    cabinet.enter("1002")
    cabinet.enter("0000")
    assert set(cabinet.state.ledger.failures) == {LIN, "keypad:keypad"}
    cabinet.enter(PIN)
    assert cabinet.pulses() == [1]
    assert cabinet.state.ledger.failures == {}
    assert cabinet.refolded() == cabinet.state.ledger


def test_an_unknown_number_of_an_approver_looks_like_any_other() -> None:
    cabinet = Cabinet(guarded(ONE))
    cabinet.badge(ADA_CARD)
    cabinet.enter("9999")
    assert cabinet.screen() == "PIN, then #"
    cabinet.enter(PIN)
    assert cabinet.screen() == "Number or PIN is wrong."
    assert cabinet.pulses() == []


def test_approval_holds_for_the_whole_visit_and_for_no_other() -> None:
    cabinet = Cabinet(guarded(ONE, "K-0001", "K-0002"))
    cabinet.badge(ADA_CARD)
    cabinet.enter("1")
    cabinet.badge(LIN_CARD)
    cabinet.lift(1)
    cabinet.enter("2")
    assert cabinet.pulses() == [1, 2]
    assert cabinet.kinds().count("visit.authorised") == 1
    cabinet.cancel()
    cabinet.seat(1)
    cabinet.badge(ADA_CARD)
    cabinet.enter("1")
    assert cabinet.pulses() == [1, 2]
    assert "needs 1 more" in cabinet.screen()


def test_departments_that_have_to_differ() -> None:
    apart = Quorum(2, APPROVERS, departments=True)
    same: dict[str, dict[str, object]] = {p: {"groups": APPROVERS, "department": "Facility"} for p in (LIN, EVE)}
    cabinet = Cabinet(guarded(apart, **same))
    cabinet.badge(ADA_CARD)
    cabinet.badge(LIN_CARD)
    cabinet.badge(EVE_CARD)
    assert "needs 1 more" in cabinet.screen()
    assert cabinet.pulses() == []


def test_nobody_comes() -> None:
    cabinet = Cabinet(guarded())
    cabinet.badge(ADA_CARD)
    cabinet.badge(LIN_CARD)
    cabinet.pass_time(31)
    assert cabinet.last("visit.ended").fields["cause"] == "idle"
    cabinet.badge(LIN_CARD)
    assert cabinet.state.visit is not None
    assert cabinet.state.visit.person == LIN, "a card after the visit begins its own"
    assert cabinet.pulses() == []
