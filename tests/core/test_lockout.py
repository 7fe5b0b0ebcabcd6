"""Guessing costs time, across cuts too, and never a badge."""

from __future__ import annotations

import pytest

from cabinet.core.effects import CheckPin, Show
from cabinet.core.events import DigitsEntered, PinChecked
from cabinet.core.lockout import wait_s
from hal.secret import Secret
from tests.core.cabinet import ADA, ADA_CARD, CARD_PIN, PIN, Cabinet, right, rights


def guess(cabinet: Cabinet, number: str = "1001", pin: str = "0000") -> None:
    cabinet.enter(number)
    cabinet.enter(pin)
    cabinet.cancel()


def test_the_curve() -> None:
    assert [wait_s(n) for n in range(13)] == [0, 0, 0, 5, 15, 30, 60, 120, 300, 900, 900, 900, 900]


def test_three_are_free_then_the_keypad_waits() -> None:
    cabinet = Cabinet(rights(right(ADA, "K-0001")))
    for _ in range(3):
        guess(cabinet)
    effects = cabinet.enter("1001")
    assert cabinet.last("visit.locked_out").fields == {"keypad": "keypad"}
    assert not [e for e in effects if isinstance(e, CheckPin)]
    cabinet.pass_time(6)
    cabinet.enter("1001")
    cabinet.enter(PIN)
    assert cabinet.pulses() == [1]
    assert cabinet.state.ledger.failures == {}


def test_a_pin_that_could_not_be_compared_counts_for_nothing() -> None:
    """The disk does not give its record."""
    cabinet = Cabinet(rights(right(ADA, "K-0001")))
    cabinet.enter("1001")
    (check,) = [e for e in cabinet.send(DigitsEntered("keypad", Secret(PIN), None)) if isinstance(e, CheckPin)]
    effects = cabinet.send(PinChecked(check.visit, check.seq, check.keypad, check.person, check.by_number, None))
    assert any("cannot record" in effect.text for effect in effects if isinstance(effect, Show))
    assert (cabinet.state.ledger.failures, cabinet.pulses()) == ({}, [])
    cabinet.enter(PIN)
    assert cabinet.pulses() == [1]


def test_a_cut_buys_no_guess() -> None:
    cabinet = Cabinet(rights(right(ADA, "K-0001")))
    for count in range(1, 4):
        guess(cabinet)
        cabinet.boot()
        assert cabinet.state.ledger.failures[ADA].count == count
    assert [e for e in cabinet.enter("1001") if isinstance(e, CheckPin)] == []
    assert cabinet.kinds(after="cabinet.started") == ["visit.locked_out"]


def test_walking_away_buys_no_guess() -> None:
    cabinet = Cabinet(rights(right(ADA, "K-0001")))
    cabinet.enter("1001")
    effects = cabinet.send(DigitsEntered("keypad", Secret("0000")))
    check = next(e for e in effects if isinstance(e, CheckPin))
    cabinet.cancel()
    cabinet.answer(check)
    assert cabinet.state.ledger.failures[ADA].count == 1


def test_a_right_pin_that_comes_too_late_opens_nothing() -> None:
    cabinet = Cabinet(rights(right(ADA, "K-0001")))
    cabinet.enter("1001")
    check = next(e for e in cabinet.send(DigitsEntered("keypad", Secret(PIN))) if isinstance(e, CheckPin))
    cabinet.cancel()
    cabinet.enter("1001")
    assert cabinet.answer(check) == []
    assert cabinet.pulses() == []


def test_the_badge_still_works_while_the_keypad_waits() -> None:
    cabinet = Cabinet(rights(right(ADA, "K-0001")))
    for _ in range(4):
        guess(cabinet, "9999")
    cabinet.badge(ADA_CARD)
    assert cabinet.pulses() == [1]


def test_guessing_numbers_does_not_lock_a_card_holders_pin() -> None:
    cabinet = Cabinet(rights(right(ADA, "K-0001", factors=(CARD_PIN,))))
    for _ in range(4):
        guess(cabinet, "9999")
    cabinet.badge(ADA_CARD)
    cabinet.enter(PIN)
    assert cabinet.pulses() == [1]


def test_five_wrong_tries_raise_a_silent_alarm() -> None:
    cabinet = Cabinet(rights(right(ADA, "K-0001")))
    for _ in range(5):
        guess(cabinet)
        cabinet.pass_time(31)
    assert cabinet.last("alarm.raised").fields == {"code": "visit.locked_out", "device": "keypad"}
    assert "alarm" not in cabinet.tones()


def test_a_hundred_wrong_tries_block_the_pin_for_good() -> None:
    cabinet = Cabinet(rights(right(ADA, "K-0001")))
    for _ in range(100):
        guess(cabinet)
        cabinet.pass_time(901)
    cabinet.enter("1001")
    cabinet.enter(PIN)
    assert cabinet.pulses() == []
    assert cabinet.screen().startswith("This PIN is blocked")


@pytest.mark.parametrize("jump_ms", [-86_400_000, 86_400_000])
def test_a_clock_that_jumps_neither_frees_early_nor_locks_for_long(jump_ms: int) -> None:
    cabinet = Cabinet(rights(right(ADA, "K-0001")))
    for _ in range(3):
        guess(cabinet)
    cabinet.now = type(cabinet.now)(cabinet.now.mono_s, cabinet.now.wall_ms - abs(jump_ms), "ntp")
    cabinet.enter("1001")
    assert cabinet.screen().endswith("Again in 5 s. Cards still work.")
