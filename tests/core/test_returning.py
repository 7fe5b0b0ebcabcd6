"""Items that want an identified return: asked for, completed by who may, told otherwise, and never prevented."""

from __future__ import annotations

from dataclasses import replace
from datetime import time

import pytest

from cabinet.core.returning import RETURN_S
from cabinet.policy.rights import Quorum, Right, Rights, Schedule, Window
from tests.core.cabinet import (
    ADA,
    ADA_CARD,
    CARD,
    CARD_PIN,
    EVE_CARD,
    LIN,
    LIN_CARD,
    NUMBER_PIN,
    PIN,
    Cabinet,
    right,
    rights,
)

AGAINST = "item.returned_against_rule"
MINE = right(ADA, "K-0001")


def back(person: str = ADA, *, factors: tuple[frozenset[str], ...] = (CARD, NUMBER_PIN), **changes: object) -> Right:
    one = replace(right(person, "K-0001", factors=factors), id="back", acts=frozenset({"return"}))
    return replace(one, **changes)  # type: ignore[arg-type]


def taken(*lines: Right, schedules: tuple[Schedule, ...] = ()) -> Cabinet:
    """Ada has K-0001 and has gone."""
    cabinet = Cabinet(rights(MINE, *lines, schedules=schedules))
    cabinet.badge(ADA_CARD)
    cabinet.lift(1)
    cabinet.cancel()
    cabinet.pass_time(600)
    return cabinet


def test_who_identifies_first_has_returned_it() -> None:
    cabinet = taken(back())
    cabinet.badge(ADA_CARD)
    cabinet.seat(1)
    returned = cabinet.last("item.returned")
    assert "owed" not in returned.fields
    assert [s.role for s in returned.subs] == ["holder", "returner"]
    assert cabinet.screen().startswith("K-0001 is back")
    cabinet.pass_time(RETURN_S + 1)
    assert AGAINST not in cabinet.kinds()


def test_who_seats_it_first_is_asked_and_completes_it() -> None:
    cabinet = taken(back())
    cabinet.seat(1)
    assert cabinet.last("item.returned").fields == {
        "slot": 1, "item": "K-0001", "unattended": True, "owed": "not_identified", "right": "back",
    }  # fmt: skip
    assert cabinet.screen().startswith("K-0001 hangs here again.\nWho returns it: hold your card")
    cabinet.pass_time(RETURN_S - 1)
    cabinet.badge(ADA_CARD)
    done = cabinet.last("item.return_completed")
    assert (done.fields["right"], done.fields["auth"]) == ("back", "card")
    assert [(s.role, s.person) for s in done.subs] == [("holder", ADA), ("returner", ADA)]
    cabinet.pass_time(120)
    assert AGAINST not in cabinet.kinds()
    assert cabinet.refolded() == cabinet.state.ledger


def test_nobody_comes_and_it_is_told_once_with_the_rule() -> None:
    cabinet = taken(back())
    cabinet.seat(1)
    cabinet.pass_time(RETURN_S)
    assert cabinet.last(AGAINST).fields | {"returned_n": 0} == {
        "slot": 1, "item": "K-0001", "rule": "not_identified", "right": "back", "returned_n": 0,
    }  # fmt: skip
    assert f"{AGAINST}/1" in cabinet.state.ledger.alarms
    cabinet.pass_time(600)
    assert cabinet.kinds().count(AGAINST) == 1
    cabinet.badge(ADA_CARD)  # too late to be said to have brought it: she takes it
    assert "item.return_completed" not in cabinet.kinds()
    cabinet.lift(1)
    assert f"{AGAINST}/1" not in cabinet.state.ledger.alarms


def test_somebody_else_brings_it_and_is_told_why_that_is_not_enough() -> None:
    cabinet = taken(back())
    cabinet.badge(LIN_CARD)
    cabinet.seat(1)
    assert cabinet.last("item.returned").fields["owed"] == "no_right"
    assert cabinet.screen() == "K-0001 已放回，但：\n您没有此权限。\n请找管理员授权。"
    cabinet.badge(ADA_CARD)
    done = cabinet.last("item.return_completed")
    assert [(s.role, s.person) for s in done.subs] == [("holder", ADA), ("returner", ADA)]


def test_the_pin_is_asked_after_the_card() -> None:
    cabinet = taken(back(factors=(CARD_PIN,)))
    cabinet.seat(1)
    cabinet.badge(ADA_CARD)
    assert cabinet.screen() == "PIN, then #"
    cabinet.enter(PIN)
    assert cabinet.last("item.return_completed").fields["auth"] == "card+pin"
    assert cabinet.pulses() == [1], "the PIN for a return opens nothing"


def test_the_pin_is_asked_of_who_stands_there_already() -> None:
    cabinet = taken(back(factors=(CARD_PIN,)))
    cabinet.badge(ADA_CARD)  # K-0001 is out: nothing to take
    cabinet.seat(1)
    assert cabinet.last("item.returned").fields["owed"] == "factor_missing"
    assert cabinet.screen() == "PIN, then #"
    cabinet.enter(PIN)
    assert "item.return_completed" in cabinet.kinds()


def test_a_second_person_approves_a_return() -> None:
    cabinet = taken(back(quorum=Quorum(1, frozenset({"cleaning"}))))
    cabinet.seat(1)
    cabinet.badge(ADA_CARD)
    assert cabinet.screen().startswith("K-0001 needs 1 more to approve")
    cabinet.badge(EVE_CARD)
    assert cabinet.last("visit.refused").fields["rule"] == "may_not_approve"
    cabinet.badge(LIN_CARD)
    assert cabinet.last("visit.authorised").fields["right"] == "back"
    done = cabinet.last("item.return_completed")
    assert [(s.role, s.person) for s in done.subs] == [("holder", ADA), ("returner", ADA), ("authoriser", LIN)]
    assert cabinet.pulses() == [1]


def test_a_schedule_says_its_window() -> None:
    never = Schedule("never", (Window(frozenset({6}), time(8), time(18)),))
    cabinet = taken(back(schedule="never"), schedules=(never,))
    cabinet.badge(ADA_CARD)
    cabinet.seat(1)
    assert cabinet.last("item.returned").fields["window"] == "sun 08:00-18:00"
    assert cabinet.screen().endswith("Open: sun 08:00-18:00")
    cabinet.pass_time(RETURN_S)
    assert cabinet.last(AGAINST).fields["rule"] == "outside_schedule"


@pytest.mark.parametrize("after_s", [0, 30])
def test_a_cut_forgets_nothing(after_s: int) -> None:
    cabinet = taken(back())
    cabinet.seat(1)
    cabinet.pass_time(after_s)
    cabinet.boot({1: True})
    cabinet.pass_time(RETURN_S - 1)
    assert AGAINST not in cabinet.kinds(after="cabinet.started")
    cabinet.pass_time(1)
    assert AGAINST in cabinet.kinds(after="cabinet.started")


def test_what_comes_back_while_nobody_watches_is_asked_for_too() -> None:
    cabinet = taken(back())
    cabinet.boot({1: True})
    assert cabinet.last("item.found_present").fields["owed"] == "not_identified"
    cabinet.badge(ADA_CARD)
    assert "item.return_completed" in cabinet.kinds(after="cabinet.started")


def test_an_item_without_such_a_rule_is_just_seated() -> None:
    cabinet = taken(replace(back(), items=frozenset({"K-0002"})))
    cabinet.seat(1)
    assert "owed" not in cabinet.last("item.returned").fields
    assert cabinet.state.ledger.owed == {}


def test_a_right_for_returning_releases_nothing() -> None:
    cabinet = Cabinet(rights(back(), right(LIN, "K-0002")))
    cabinet.badge(ADA_CARD)
    assert cabinet.pulses() == []
    cabinet.enter("1")
    assert cabinet.last("item.denied").fields["rule"] == "no_right"


def test_a_return_goes_before_the_offer() -> None:
    cabinet = taken(back(), right(ADA, "K-0002"))
    cabinet.seat(1)
    roster: Rights = cabinet.rights
    assert roster.return_rules[0].id == "back"
    cabinet.badge(ADA_CARD)
    assert cabinet.kinds()[-3:] == ["visit.identified", "item.return_completed", "visit.ended"]


def test_who_has_approved_in_this_visit_is_named_with_the_return() -> None:
    quorum = Quorum(1, frozenset({"*"}))
    cabinet = Cabinet(rights(replace(MINE, quorum=quorum), right(ADA, "K-0002"), back(quorum=quorum)))
    cabinet.badge(ADA_CARD)
    cabinet.enter("1")
    cabinet.badge(LIN_CARD)
    cabinet.lift(1)
    cabinet.seat(1)
    returned = cabinet.last("item.returned")
    assert "owed" not in returned.fields
    assert [(s.role, s.person) for s in returned.subs] == [("holder", ADA), ("returner", ADA), ("authoriser", LIN)]
