"""One-time codes: good once, in their time, for their item; and guesses cost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cabinet.core.effects import Answer, CheckPin
from cabinet.core.lockout import wait_s
from cabinet.core.requests import BookingAsked, BookingCancelled
from cabinet.policy.rights import Rights
from tests.core.cabinet import (
    ADA,
    ADA_CARD,
    CARD,
    CARD_PIN,
    EVE,
    LIN,
    LIN_CARD,
    NUMBER_PIN,
    PIN,
    Cabinet,
    code_digest,
    people,
    right,
    rights,
)

CODE = frozenset({"code"})
DIGITS = "40961327"
HOUR_MS = 3_600_000


def with_code(
    *factors: frozenset[str], who: str = LIN, starts_h: float = 0, until_h: float = 2, roster: Rights | None = None
) -> Cabinet:
    """K-0001 is booked for Lin, with a code."""
    cabinet = Cabinet(roster or rights(right(who, "K-0001", "K-0002", factors=factors or (CODE,))))
    starts_ms, until_ms = (cabinet.now.wall_ms + int(h * HOUR_MS) for h in (starts_h, until_h))
    asked = BookingAsked(7, who, "K-0001", starts_ms, until_ms, "chief", code=code_digest(DIGITS))
    [answer] = [effect for effect in cabinet.send(asked) if isinstance(effect, Answer)]
    assert answer.refusal is None
    return cabinet


def test_the_code_alone_opens_what_its_right_gives_for_it_and_only_once() -> None:
    cabinet = with_code()
    cabinet.enter(DIGITS)
    assert cabinet.last("visit.identified").fields["auth"] == "code"
    granted = cabinet.last("item.granted")
    assert (granted.fields["auth"], granted.fields["item"]) == ("code", "K-0001")
    assert [(sub.role, sub.person) for sub in granted.subs] == [("holder", LIN)]
    assert cabinet.pulses() == [1]
    cabinet.lift(1)
    cabinet.seat(1)
    cabinet.cancel()
    cabinet.enter(DIGITS)
    assert cabinet.last("visit.refused").fields["rule"] == "unknown_code"
    assert cabinet.pulses() == [1]
    cabinet.boot()
    cabinet.enter(DIGITS)
    assert cabinet.pulses() == [1]
    assert cabinet.refolded() == cabinet.state.ledger


def test_it_counts_for_the_booked_item_alone() -> None:
    cabinet = with_code()
    cabinet.enter(DIGITS)
    cabinet.enter("2")
    assert cabinet.last("item.denied").fields["rule"] == "factor_missing"
    assert cabinet.pulses() == [1]


@pytest.mark.parametrize(("early_s", "opens"), [(900, True), (901, False)])
def test_it_is_taken_from_a_quarter_of_an_hour_before(early_s: int, opens: bool) -> None:
    cabinet = with_code(starts_h=1)
    cabinet.pass_time(3600 - early_s)
    cabinet.enter(DIGITS)
    assert cabinet.pulses() == ([1] if opens else [])
    if not opens:
        assert cabinet.last("visit.refused").fields["rule"] == "code_early"
        assert cabinet.screen() == "This code is for later.\nCome from 2026-01-05 12:45."


def test_it_ends_with_its_booking() -> None:
    cabinet = with_code()
    cabinet.pass_time(2 * 3600)
    cabinet.enter(DIGITS)
    assert cabinet.last("visit.refused").fields["rule"] == "unknown_code"


def test_where_it_does_not_suffice_the_pin_is_asked() -> None:
    cabinet = with_code(CARD_PIN, NUMBER_PIN)
    cabinet.enter(DIGITS)
    assert (cabinet.screen(), cabinet.pulses()) == ("请输入密码并按 #", [])
    cabinet.enter(PIN)
    assert cabinet.last("item.granted").fields["auth"] == "code+pin"


def test_or_the_card() -> None:
    cabinet = with_code(CARD)
    cabinet.enter(DIGITS)
    assert (cabinet.screen(), cabinet.pulses()) == ("K-0001 还需其他验证：\n请刷卡。", [])
    cabinet.badge(LIN_CARD)
    assert cabinet.last("item.granted").fields["auth"] == "card+code"


def test_a_code_that_gave_nothing_is_still_good() -> None:
    """What is booked is still out with somebody else."""
    one = replace(right(LIN, "K-0001", factors=(CODE, CARD)), persons=frozenset({ADA, LIN}))
    cabinet = with_code(starts_h=1, roster=rights(one))
    cabinet.badge(ADA_CARD)
    cabinet.lift(1)
    cabinet.pass_time(3600)
    cabinet.enter(DIGITS)
    assert cabinet.last("item.denied").fields["rule"] == "item_out"
    cabinet.cancel()
    cabinet.seat(1)
    cabinet.enter(DIGITS)
    assert cabinet.last("item.granted").fields["auth"] == "code"


def test_by_a_clock_that_nobody_vouches_for_no_code_is_taken() -> None:
    cabinet = with_code()
    cabinet.now = replace(cabinet.now, quality="none")
    cabinet.enter(DIGITS)
    assert cabinet.last("visit.refused").fields["rule"] == "clock_untrusted"
    assert cabinet.pulses() == []


def test_a_suspended_person_gets_nothing_by_it() -> None:
    cabinet = with_code()
    cabinet.rights = replace(cabinet.rights, people=people(**{LIN: {"suspended": True}}))
    cabinet.enter(DIGITS)
    assert cabinet.last("visit.refused").fields["rule"] == "person_suspended"


def test_twenty_guesses_lock_the_keypad_by_the_curve_and_a_cut_does_not_help() -> None:
    cabinet = with_code(CARD, NUMBER_PIN, until_h=24)
    for guess in range(20):
        cabinet.enter(f"{guess:08}")
        leaf = cabinet.last("visit.refused")
        assert (leaf.fields["rule"], leaf.fields["codes_failed"]) == ("unknown_code", guess + 1)
        cabinet.boot()  # somebody pulls the plug
        if wait_s(guess + 1):
            before = len(cabinet.journal)
            cabinet.enter(DIGITS)
            assert next(leaf.ev for _, leaf in cabinet.journal[before:]) == "visit.locked_out"
            assert cabinet.state.visit is None
        cabinet.pass_time(wait_s(guess + 1))
    assert wait_s(20) == 900
    assert "visit.locked_out/keypad" in cabinet.state.ledger.alarms
    cabinet.enter(DIGITS)
    assert cabinet.last("visit.identified").fields["auth"] == "code"
    assert cabinet.refolded() == cabinet.state.ledger


def test_cancelling_in_between_does_not_help() -> None:
    cabinet = with_code()
    for guess in range(3):
        cabinet.enter(f"{guess:08}")
        cabinet.cancel()
    cabinet.enter("1001")
    assert cabinet.screen().startswith("Too many wrong tries.")


def test_ones_own_pin_does_not_end_the_row() -> None:
    """Or whoever has one could guess on and on."""
    cabinet = with_code(CARD)
    for guess in range(2):
        cabinet.enter(f"{guess:08}")
    cabinet.enter("1001")
    cabinet.enter(PIN)
    cabinet.cancel()
    cabinet.enter("99999999")
    assert cabinet.last("visit.refused").fields["codes_failed"] == 3


def test_a_day_ends_it() -> None:
    cabinet = with_code(CARD)
    for guess in range(3):
        cabinet.enter(f"{guess:08}")
    cabinet.pass_time(86_400 + 5)
    cabinet.enter("99999999")
    assert cabinet.last("visit.refused").fields["codes_failed"] == 1


def test_what_is_shorter_and_what_is_somebodys_number_is_no_guess() -> None:
    roster = rights(right(EVE, "K-0001"))
    cabinet = Cabinet(replace(roster, numbers={**roster.numbers, "10000009": ADA}))
    for number in ("9999", "10000009"):
        cabinet.enter(number)
        assert cabinet.screen() == "PIN, then #"
        cabinet.cancel()
    assert not any(leaf.ev == "visit.refused" for _, leaf in cabinet.journal)


def test_a_wrong_pin_after_a_code_counts_for_its_person() -> None:
    cabinet = with_code(NUMBER_PIN)
    effects = cabinet.enter(DIGITS)
    assert not any(isinstance(effect, CheckPin) for effect in effects)
    cabinet.enter("0000")
    leaf = cabinet.last("visit.refused")
    assert (leaf.fields["failed"], [sub.person for sub in leaf.subs]) == (1, [LIN])
    assert "keypad_failed" not in leaf.fields


def test_a_code_counts_no_longer_when_its_booking_is_cancelled() -> None:
    cabinet = with_code(CARD)
    cabinet.enter(DIGITS)
    [n] = cabinet.state.ledger.bookings
    cabinet.rights = rights(right(LIN, "K-0001", factors=(CODE,)))
    cabinet.send(BookingCancelled(8, n, "called off", "chief"))
    cabinet.enter("1")
    assert cabinet.last("item.denied").fields["rule"] == "factor_missing"
    assert cabinet.pulses() == []


def test_after_its_release_only_what_else_was_shown_counts() -> None:
    cabinet = with_code(CODE, CARD)
    cabinet.enter(DIGITS)
    cabinet.lift(1)
    cabinet.seat(1)
    cabinet.enter(DIGITS) if cabinet.state.visit is None else cabinet.enter("1")
    assert cabinet.pulses() == [1]
    cabinet.badge(LIN_CARD)
    cabinet.enter("1")
    assert cabinet.last("item.granted").fields["auth"] == "card"
