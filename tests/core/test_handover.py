"""An item goes from hand to hand at the cabinet: only from who has it, only to who may have it."""

from __future__ import annotations

from dataclasses import replace
from datetime import time
from typing import get_args

import pytest

from cabinet.core.messages import text
from cabinet.policy.decide import Rule
from cabinet.policy.rights import Allowance, Curfew, Language, Quorum, Rights, Schedule, Window
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
    people,
    right,
    rights,
)


def shared(
    *items: str, pin: bool = False, who: dict[str, dict[str, object]] | None = None, **changes: object
) -> Rights:
    """Ada and Lin may have them, without a word K-0001 and K-0002; Eve may not."""
    factors = (CARD_PIN, NUMBER_PIN) if pin else (CARD, NUMBER_PIN)
    one = right(ADA, *(items or ("K-0001", "K-0002")), factors=factors, curfew=Curfew(after_s=3600))
    one = replace(one, persons=frozenset({ADA, LIN}), **changes)  # type: ignore[arg-type]
    return rights(one, who=people(**(who or {})))


def with_ada(roster: Rights) -> Cabinet:
    """She has K-0001, and stands there again to hand it over."""
    cabinet = Cabinet(roster)
    cabinet.badge(ADA_CARD)
    if "Slot number" in cabinet.screen():
        cabinet.enter("1")
    if cabinet.screen() == "PIN, then #":
        cabinet.enter(PIN)
    cabinet.lift(1)
    cabinet.cancel()
    cabinet.pass_time(600)
    cabinet.badge(ADA_CARD)
    cabinet.enter("1")
    return cabinet


def test_who_gets_it_has_it_and_answers_for_it() -> None:
    cabinet = with_ada(shared())
    assert cabinet.screen().startswith("K-0001: who takes it over")
    cabinet.badge(LIN_CARD)
    leaf = cabinet.last("item.handed_over")
    assert [(s.role, s.person) for s in leaf.subs] == [("holder", ADA), ("receiver", LIN)]
    out = cabinet.state.ledger.outs[1]
    assert (out.holder, out.item, out.due_ms) == (LIN, "K-0001", cabinet.now.wall_ms + 3_600_000)
    assert cabinet.refolded() == cabinet.state.ledger
    cabinet.seat(1)
    assert next((s.role, s.person) for s in cabinet.last("item.returned").subs) == ("holder", LIN)


def test_who_may_not_have_it_does_not_get_it() -> None:
    cabinet = with_ada(shared())
    cabinet.badge(EVE_CARD)
    refused = cabinet.last("visit.refused")
    assert (refused.fields["rule"], [s.role for s in refused.subs]) == ("no_right", ["receiver"])
    assert cabinet.state.ledger.outs[1].holder == ADA
    cabinet.badge(LIN_CARD)
    assert cabinet.state.ledger.outs[1].holder == LIN


def test_the_receiver_identifies_as_for_taking() -> None:
    cabinet = with_ada(shared("K-0001", pin=True))
    cabinet.badge(LIN_CARD)
    assert cabinet.state.ledger.outs[1].holder == ADA
    cabinet.enter(PIN)
    assert cabinet.state.ledger.outs[1].holder == LIN
    assert cabinet.last("item.handed_over").fields["auth"] == "card+pin"


def test_nobody_hands_over_to_themselves() -> None:
    cabinet = with_ada(shared())
    cabinet.enter("1001")
    cabinet.enter(PIN)
    assert cabinet.last("visit.refused").fields["rule"] == "same_person"
    assert "item.handed_over" not in cabinet.kinds()


def test_a_suspended_receiver_and_one_who_has_enough() -> None:
    cabinet = with_ada(shared(who={LIN: {"suspended": True}}))
    cabinet.badge(LIN_CARD)
    assert cabinet.last("visit.refused").fields["rule"] == "person_suspended"
    cabinet = with_ada(shared(allowance=Allowance(each=1)))
    cabinet.cancel()
    cabinet.badge(LIN_CARD)
    cabinet.enter("2") if "Slot number" in cabinet.screen() else None
    cabinet.lift(2)
    cabinet.cancel()
    cabinet.badge(ADA_CARD)
    cabinet.enter("1")
    cabinet.badge(LIN_CARD)
    assert cabinet.last("visit.refused").fields["rule"] == "allowance_used"
    assert cabinet.state.ledger.outs[1].holder == ADA


def test_what_needs_approval_is_not_handed_over() -> None:
    cabinet = Cabinet(shared(quorum=Quorum(1, frozenset({"cleaning"}))))
    cabinet.badge(ADA_CARD)
    cabinet.enter("1")
    cabinet.badge(LIN_CARD)
    cabinet.lift(1)
    cabinet.enter("1")
    cabinet.badge(LIN_CARD)
    assert cabinet.last("visit.refused").fields["rule"] == "approvers_missing"
    assert cabinet.state.ledger.outs[1].holder == ADA


def test_nobody_hands_over_what_somebody_else_has() -> None:
    cabinet = with_ada(shared())
    cabinet.cancel()
    cabinet.badge(LIN_CARD)
    cabinet.enter("1")
    assert cabinet.last("item.denied").fields["rule"] == "item_out"
    cabinet.badge(ADA_CARD)
    assert cabinet.state.ledger.outs[1].holder == ADA


def test_an_overdue_item_begins_anew_with_the_receiver() -> None:
    cabinet = with_ada(shared())
    cabinet.cancel()
    cabinet.pass_time(3601)
    assert "item.overdue/1" in cabinet.state.ledger.alarms
    cabinet.badge(ADA_CARD)
    cabinet.enter("1")
    cabinet.badge(LIN_CARD)
    assert "item.overdue/1" not in cabinet.state.ledger.alarms
    assert not cabinet.state.ledger.outs[1].overdue


def test_every_reason_can_be_said() -> None:
    """Also one that needs a window, or a slot."""
    closed = Schedule("never", (Window(frozenset(), time(8), time(18)),))
    mine, theirs = right(ADA, "K-0001"), right(LIN, "K-0001", schedule="never")
    cabinet = with_ada(rights(mine, theirs, schedules=(closed,)))
    cabinet.badge(LIN_CARD)
    refused = cabinet.last("visit.refused").fields
    assert (refused["rule"], refused["window"]) == ("outside_schedule", " 08:00-18:00")
    assert cabinet.screen() == "Not at this time.\nOpen:  08:00-18:00"


@pytest.mark.parametrize("language", get_args(Language))
@pytest.mark.parametrize("rule", [*get_args(Rule), "same_person", "may_not_approve", "approvers_missing"])
def test_every_rule_has_its_words(rule: str, language: Language) -> None:
    """With no more to fill in than a refusal knows."""
    assert text(rule, language, item="K-0001", window="mon 08:00-18:00", slot=1, missing="forklift")
