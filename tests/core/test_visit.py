"""One visit, as stories: badge, take, return, and every way it can end otherwise."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time

import pytest

from cabinet.core.effects import Pulse, Show
from cabinet.policy.rights import Curfew, Schedule, Window
from tests.core.cabinet import (
    ADA,
    ADA_CARD,
    CARD_PIN,
    EVE_CARD,
    LIN,
    LIN_CARD,
    PIN,
    Cabinet,
    people,
    right,
    rights,
)

WEEKDAYS = frozenset(range(5))
OFFICE = Schedule("office", (Window(WEEKDAYS, time(8), time(18)),))
NIGHT = Schedule("night", (Window(WEEKDAYS, time(22), time(6)),))


def test_one_takeable_item_and_a_card_is_all_it_takes() -> None:
    cabinet = Cabinet(rights(right(ADA, "K-0001")))
    effects = cabinet.badge(ADA_CARD)
    granted = cabinet.last("item.granted")
    assert effects[0] == Pulse(1, len(cabinet.journal) - 1, 0.5), "the bolt is the first thing that moves"
    assert granted.fields == {
        "visit": 1, "slot": 1, "item": "K-0001", "auth": "card", "right": "QURB-K-0001",
    }  # fmt: skip
    cabinet.pulse_done(1)
    cabinet.lift(1)
    assert cabinet.kinds() == ["visit.identified", "item.granted", "item.removed", "visit.ended"]
    assert [(s.role, s.person) for s in cabinet.last("item.removed").subs] == [("holder", ADA)]
    assert cabinet.lamps()[1] == "off"


def test_seating_the_fob_returns_the_item_without_any_visit() -> None:
    cabinet = Cabinet(rights(right(ADA, "K-0001")))
    cabinet.badge(ADA_CARD)
    cabinet.lift(1)
    cabinet.seat(1)
    returned = cabinet.last("item.returned")
    assert returned.fields == {"slot": 1, "item": "K-0001", "unattended": True}
    assert cabinet.state.ledger.outs == {}


def test_a_return_during_a_visit_names_who_returned_and_ends_the_visit() -> None:
    cabinet = Cabinet(rights(right(ADA, "K-0001")))
    cabinet.badge(ADA_CARD)
    cabinet.lift(1)
    cabinet.badge(ADA_CARD)
    assert cabinet.screen().startswith("Nothing here is released to you")
    cabinet.seat(1)
    assert cabinet.kinds()[4:] == ["visit.identified", "item.returned", "visit.ended"]
    assert [s.role for s in cabinet.last("item.returned").subs] == ["holder", "returner"]


def test_what_was_to_be_back_by_a_date_is_not_released_after_it() -> None:
    curfew = Curfew(dates=(datetime.fromisoformat("2026-01-05 12:30"),))  # half an hour from now
    cabinet = Cabinet(rights(right(ADA, "K-0001", curfew=curfew)))
    cabinet.pass_time(1800)
    cabinet.badge(ADA_CARD)
    denied = cabinet.last("item.denied").fields
    assert (denied["rule"], denied["missing"]) == ("curfew_passed", "2026-01-05 12:30")
    assert cabinet.screen().startswith("This was to be back 2026-01-05 12:30")
    cabinet.now = replace(cabinet.now, quality="none")
    cabinet.badge(ADA_CARD)
    assert cabinet.last("item.denied").fields["rule"] == "clock_untrusted"
    assert cabinet.pulses() == []


def test_of_several_items_the_slot_is_asked() -> None:
    cabinet = Cabinet(rights(right(ADA, "K-0001", "K-0003")))
    cabinet.badge(ADA_CARD)
    assert cabinet.screen() == "Slot number, then #\n1: K-0001, 3: K-0003"
    assert cabinet.pulses() == []
    cabinet.enter("3")
    assert cabinet.pulses() == [3]


@pytest.mark.parametrize("digits", ["9", "0", "12345678901234567890", "4711"])
def test_a_slot_that_is_not_there_opens_nothing_and_what_was_typed_is_not_shown(digits: str) -> None:
    cabinet = Cabinet(rights(right(ADA, "K-0001", "K-0003")))
    cabinet.badge(ADA_CARD)
    cabinet.enter(digits)
    assert cabinet.pulses() == []
    assert cabinet.screen() == "There is no such slot."


def test_a_pin_is_asked_only_where_the_right_asks() -> None:
    cabinet = Cabinet(rights(right(ADA, "K-0001"), right(ADA, "K-0002", factors=(CARD_PIN,))))
    cabinet.badge(ADA_CARD)
    cabinet.enter("2")
    assert (cabinet.screen(), cabinet.pulses()) == ("PIN, then #", [])
    cabinet.enter(PIN)
    assert cabinet.pulses() == [2]
    assert cabinet.last("item.granted").fields["auth"] == "card+pin"


def test_number_and_pin_open_without_a_card() -> None:
    cabinet = Cabinet(rights(right(ADA, "K-0001")))
    cabinet.enter("1001")
    assert cabinet.pulses() == []
    cabinet.enter(PIN)
    assert cabinet.pulses() == [1]
    assert cabinet.last("visit.identified").fields["auth"] == "number+pin"


def test_a_number_nobody_has_looks_like_a_wrong_pin() -> None:
    cabinet = Cabinet(rights(right(ADA, "K-0001")))
    cabinet.enter("1001")
    cabinet.enter("0000")
    known = [cabinet.screen(), *cabinet.tones()]
    other = Cabinet(rights(right(ADA, "K-0001")))
    other.enter("7777")
    other.enter("0000")
    assert [other.screen(), *other.tones()] == known
    assert other.last("visit.refused").subs == ()


def test_an_unknown_card_is_refused_and_repeats_are_counted() -> None:
    cabinet = Cabinet(rights(right(ADA, "K-0001")))
    for _ in range(20):
        cabinet.badge(b"found in the street")
    assert cabinet.kinds() == ["visit.refused"]
    cabinet.pass_time(61)
    assert cabinet.kinds() == ["visit.refused", "visit.refused"]
    assert cabinet.last("visit.refused").fields == {"rule": "unknown_card", "reader": "reader", "count": 19}


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"suspended": True}, "person_suspended"),
        ({"active_until_ms": 1_000}, "person_expired"),
        ({"active_from_ms": 9_000_000_000_000}, "person_not_yet_active"),
    ],
)
def test_who_is_not_active_begins_no_visit(change: dict[str, object], rule: str) -> None:
    cabinet = Cabinet(rights(right(ADA, "K-0001"), who=people(**{ADA: change})))
    cabinet.badge(ADA_CARD)
    assert cabinet.kinds() == ["visit.refused"]
    assert cabinet.last("visit.refused").fields["rule"] == rule
    assert (cabinet.pulses(), cabinet.state.visit) == ([], None)


def test_outside_its_window_a_right_is_denied_with_the_window() -> None:
    cabinet = Cabinet(rights(right(ADA, "K-0001", schedule="night"), schedules=(NIGHT,)))
    cabinet.badge(ADA_CARD)
    denied = cabinet.last("item.denied")
    assert (denied.fields["rule"], denied.fields["window"]) == ("outside_schedule", "mon-fri 22:00-06:00")
    assert "22:00-06:00" in cabinet.screen()
    assert cabinet.pulses() == []


def test_scheduled_rights_wait_for_a_clock_that_can_be_trusted() -> None:
    cabinet = Cabinet(rights(right(ADA, "K-0001", schedule="office"), schedules=(OFFICE,)))
    cabinet.now = type(cabinet.now)(cabinet.now.mono_s, cabinet.now.wall_ms, "none")
    cabinet.badge(ADA_CARD)
    assert cabinet.last("item.denied").fields["rule"] == "clock_untrusted"
    assert cabinet.pulses() == []


def test_no_right_no_key() -> None:
    cabinet = Cabinet(rights(right(ADA, "K-0001")))
    cabinet.badge(EVE_CARD)
    cabinet.enter("1")
    assert cabinet.last("item.denied").fields["rule"] == "no_right"
    assert cabinet.pulses() == []


def test_what_is_out_is_not_released_again() -> None:
    cabinet = Cabinet(rights(right(ADA, "K-0001"), right("TElO", "K-0001")))
    cabinet.badge(ADA_CARD)
    cabinet.lift(1)
    cabinet.badge(LIN_CARD)
    cabinet.enter("1")
    assert cabinet.last("item.denied").fields["rule"] == "item_out"
    assert cabinet.pulses() == [1]


def test_a_sensor_that_reads_absent_does_not_block_a_release() -> None:
    cabinet = Cabinet(rights(right(ADA, "K-0001", "K-0002")))
    cabinet.lift(1)  # forced, or a sensor that lies
    cabinet.badge(ADA_CARD)
    cabinet.enter("1")
    assert cabinet.pulses() == [1]


def test_a_grant_nobody_uses_lapses() -> None:
    cabinet = Cabinet(rights(right(ADA, "K-0001")))
    cabinet.badge(ADA_CARD)
    cabinet.pulse_done(1)
    cabinet.pass_time(16)
    assert cabinet.last("item.not_taken").fields["cause"] == "time"
    cabinet.lift(1)
    assert cabinet.kinds()[-2:] == ["item.forced", "alarm.raised"]


def test_a_bolt_that_surely_did_not_move_ends_the_grant() -> None:
    cabinet = Cabinet(rights(right(ADA, "K-0001")))
    cabinet.badge(ADA_CARD)
    cabinet.pulse_done(1, "not_done")
    assert cabinet.last("item.not_taken").fields["cause"] == "bolt"
    assert "could not be opened" in cabinet.screen()


def test_lifting_without_a_grant_is_forced_and_clears_when_it_is_back() -> None:
    cabinet = Cabinet(rights(right(ADA, "K-0001")))
    cabinet.lift(2)
    assert cabinet.kinds() == ["item.forced", "alarm.raised"]
    assert cabinet.tones() == ["alarm"]
    cabinet.seat(2)
    assert cabinet.kinds() == ["item.forced", "alarm.raised", "item.returned", "alarm.cleared"]


def test_the_neighbour_slot_is_not_covered_by_the_grant() -> None:
    cabinet = Cabinet(rights(right(ADA, "K-0001")))
    cabinet.badge(ADA_CARD)
    cabinet.lift(2)
    assert cabinet.last("item.forced").fields["slot"] == 2
    assert 1 in cabinet.state.ledger.grants


def test_curfew_is_told_at_the_release_and_kept() -> None:
    cabinet = Cabinet(rights(right(ADA, "K-0001", curfew=Curfew(after_s=1800))))
    cabinet.badge(ADA_CARD)
    assert cabinet.screen().endswith("Due back 2026-01-05 12:30")
    cabinet.lift(1)
    assert cabinet.last("item.removed").fields["due"] == cabinet.now.wall_ms + 1_800_000
    cabinet.pass_time(1801)
    assert cabinet.kinds()[-2:] == ["item.overdue", "alarm.raised"]
    cabinet.seat(1)
    assert cabinet.kinds()[-2:] == ["item.returned", "alarm.cleared"]
    cabinet.pass_time(7200)
    assert cabinet.kinds().count("item.overdue") == 1


def test_the_display_goes_back_to_its_greeting() -> None:
    cabinet = Cabinet(rights(right(ADA, "K-0001")))
    cabinet.badge(ADA_CARD)
    cabinet.lift(1)
    assert cabinet.screen() == "K-0001 taken."
    cabinet.pass_time(6)
    assert cabinet.screen().startswith("Hold your card")
    cabinet.badge(b"unknown")
    cabinet.pass_time(6)
    assert cabinet.screen().startswith("Hold your card")


def test_messages_follow_the_language_of_the_person() -> None:
    cabinet = Cabinet(rights(right("TElO", "K-0001", "K-0002")))
    cabinet.badge(LIN_CARD)
    assert cabinet.screen().startswith("请输入槽位号")
    cabinet.cancel()
    assert cabinet.screen() == "Goodbye."


def test_another_card_ends_a_visit_in_which_nothing_happens() -> None:
    cabinet = Cabinet(rights(right(ADA, "K-0001", "K-0002"), right("TElO", "K-0003", "K-0004")))
    cabinet.badge(ADA_CARD)
    cabinet.pass_time(8)
    cabinet.badge(LIN_CARD)
    cabinet.enter("1")
    assert cabinet.kinds() == ["visit.identified", "visit.ended", "visit.identified", "item.denied"]
    assert cabinet.pulses() == []


def test_an_idle_visit_ends() -> None:
    cabinet = Cabinet(rights(right(ADA, "K-0001", "K-0002")))
    cabinet.badge(ADA_CARD)
    cabinet.pass_time(31)
    assert (cabinet.kinds()[-1], cabinet.state.visit) == ("visit.ended", None)
    cabinet.enter("1")  # nobody's slot choice any more: a personal number
    assert cabinet.pulses() == []


def test_one_reason_for_all_is_said_and_several_are_not() -> None:
    closed = right(ADA, "K-0001", "K-0002", schedule="night")
    cabinet = Cabinet(rights(closed, schedules=(NIGHT, OFFICE)))
    cabinet.badge(ADA_CARD)
    assert cabinet.screen() == "Not at this time.\nOpen: mon-fri 22:00-06:00"
    assert "item.denied" not in cabinet.kinds(), "nothing was asked for yet"
    cabinet.enter("2")
    assert cabinet.last("item.denied").fields["item"] == "K-0002"
    without_pin = right(ADA, "K-0003", factors=(frozenset({"number", "pin"}),))
    cabinet = Cabinet(rights(closed, without_pin, schedules=(NIGHT,)))
    cabinet.badge(ADA_CARD)
    assert cabinet.screen().startswith("Nothing here is released to you.")


def test_who_has_it_is_told_to_those_who_may_take_it() -> None:
    """By a name that is put in last: the core does not know it."""
    cabinet = Cabinet(rights(right(ADA, "K-0001"), right(LIN, "K-0001", "K-0002")))
    cabinet.badge(ADA_CARD)
    cabinet.lift(1)
    cabinet.badge(LIN_CARD)
    cabinet.enter("1")
    assert [one for one in cabinet.effects if isinstance(one, Show)][-1] == Show(
        "K-0001 已被领出，\n现由 {name} 持有。", ADA
    )
    assert cabinet.last("item.denied").fields["rule"] == "item_out"


def test_who_has_it_is_not_told_to_others() -> None:
    cabinet = Cabinet(rights(right(ADA, "K-0001"), right(LIN, "K-0002", "K-0003")))
    cabinet.badge(ADA_CARD)
    cabinet.lift(1)
    cabinet.badge(LIN_CARD)
    cabinet.enter("1")
    assert [one for one in cabinet.effects if isinstance(one, Show)][-1] == Show("K-0001 已被领出。")
