"""A cabinet that only monitors: who is identified and active gets what they ask for; each leaf says against what."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time

import pytest

from cabinet.core.state import Setup, SlotSetup
from cabinet.policy.rights import Allowance, Curfew, Quorum, Right, Schedule, Window
from tests.core.cabinet import (
    ADA,
    ADA_CARD,
    CARD_PIN,
    LIN,
    LIN_CARD,
    MONDAY_NOON_MS,
    PIN,
    Cabinet,
    people,
    right,
    rights,
)

SETUP = Setup({n: SlotSetup("relays", 0.5) for n in range(1, 5)}, monitors=True)
NIGHT = Schedule("night", (Window(frozenset(range(7)), time(22), time(6)),))
MINE = right(ADA, "K-0001")


def asked(*lines: Right, slot: str = "1", who: dict[str, dict[str, object]] | None = None) -> Cabinet:
    """Ada badges and asks for a slot."""
    cabinet = Cabinet(rights(*lines, schedules=(NIGHT,), who=people(**(who or {}))), setup=SETUP)
    cabinet.badge(ADA_CARD)
    cabinet.enter(slot)
    return cabinet


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        (right(LIN, "K-0001"), "no_right"),
        (replace(MINE, schedule="night"), "outside_schedule"),
        (replace(MINE, factors=(CARD_PIN,)), "factor_missing"),
        (replace(MINE, quorum=Quorum(1, frozenset({"*"}))), "approvers_missing"),
        (replace(MINE, requires=frozenset({"forklift"})), "qualification_missing"),
        (replace(MINE, curfew=Curfew(dates=(datetime.fromisoformat("2026-01-01"),))), "curfew_passed"),
    ],
)
def test_what_a_rule_would_refuse_is_released_and_noted(line: Right, rule: str) -> None:
    cabinet = asked(line)
    granted = cabinet.last("item.granted").fields
    assert (granted["monitor"], granted["slot"], granted.get("due")) == (rule, 1, None)
    assert granted.get("right") == (None if rule == "no_right" else line.id)
    assert cabinet.pulses() == [1]
    assert cabinet.state.ledger.monitored == {rule: 1}
    assert cabinet.refolded() == cabinet.state.ledger


def test_an_allowance_is_noted() -> None:
    cabinet = asked(replace(MINE, items=frozenset({"K-0001", "K-0002"}), allowance=Allowance(each=1)))
    cabinet.lift(1)
    cabinet.enter("2")
    assert cabinet.last("item.granted").fields["monitor"] == "allowance_used"


def test_what_a_right_grants_is_as_ever() -> None:
    cabinet = Cabinet(rights(MINE), setup=SETUP)
    cabinet.badge(ADA_CARD)
    assert cabinet.pulses() == [1]
    assert "monitor" not in cabinet.last("item.granted").fields


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"suspended": True}, "person_suspended"),
        ({"active_until_ms": MONDAY_NOON_MS}, "person_expired"),
        ({"active_from_ms": MONDAY_NOON_MS + 60_000}, "person_not_yet_active"),
    ],
)
def test_who_is_not_active_gets_nothing(changes: dict[str, object], rule: str) -> None:
    cabinet = asked(MINE, who={ADA: changes})
    assert cabinet.last("visit.refused").fields["rule"] == rule
    assert cabinet.pulses() == []


def test_who_is_suspended_in_the_midst_of_a_visit_gets_nothing_more() -> None:
    cabinet = Cabinet(rights(), setup=SETUP)
    cabinet.badge(ADA_CARD)
    cabinet.rights = rights(who=people(**{ADA: {"suspended": True}}))
    cabinet.enter("1")
    assert cabinet.last("item.denied").fields["rule"] == "person_suspended"
    assert cabinet.pulses() == []


def test_strangers_and_wrong_pins_get_nothing() -> None:
    cabinet = Cabinet(rights(MINE), setup=SETUP)
    cabinet.badge(b"nobody's")
    assert cabinet.last("visit.refused").fields["rule"] == "unknown_card"
    cabinet.enter("1001")
    cabinet.enter("0000")
    assert cabinet.last("visit.refused").fields["rule"] == "wrong_pin"
    cabinet.enter("1")
    assert cabinet.pulses() == []


def test_what_is_out_stays_out_and_changes_hands_with_a_note() -> None:
    cabinet = Cabinet(rights(MINE), setup=SETUP)
    cabinet.badge(ADA_CARD)
    cabinet.lift(1)
    cabinet.enter("1")
    cabinet.badge(LIN_CARD)
    assert cabinet.last("item.handed_over").fields["monitor"] == "no_right"
    cabinet.cancel()
    cabinet.badge(ADA_CARD)
    cabinet.enter("1")
    assert cabinet.last("item.denied").fields["rule"] == "item_out"


def test_a_return_against_its_rule_is_noted() -> None:
    back = replace(right(ADA, "K-0001"), id="back", acts=frozenset({"return"}))
    cabinet = Cabinet(rights(MINE, back), setup=SETUP)
    cabinet.badge(ADA_CARD)
    cabinet.lift(1)
    cabinet.cancel()
    cabinet.seat(1)
    assert cabinet.last("item.returned").fields["monitor"] == "not_identified"
    assert (cabinet.state.ledger.owed, cabinet.state.ledger.alarms) == ({}, {})


def test_the_greeting_says_so_and_the_count_ends_with_the_mode() -> None:
    cabinet = asked()
    cabinet.enter("1001")
    cabinet.cancel()
    cabinet.pass_time(60)
    assert cabinet.screen().endswith("(introduction: rights are only noted)")
    cabinet.boot()
    assert cabinet.state.ledger.monitored == {"no_right": 1}
    cabinet.setup = replace(SETUP, monitors=False)
    cabinet.boot()
    assert cabinet.state.ledger.monitored == {}
    cabinet.badge(ADA_CARD)
    cabinet.enter(PIN)
    assert cabinet.refolded() == cabinet.state.ledger
