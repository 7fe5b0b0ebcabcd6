"""Keys by the hundred and cards held for minutes: what they cost the journal, the lanes and the next one in line."""

from __future__ import annotations

from cabinet.core.effects import CheckPin
from cabinet.core.events import DigitsEntered, DigitsTyped
from hal.secret import Secret
from tests.core.cabinet import ADA, ADA_CARD, CARD_PIN, LIN, LIN_CARD, PIN, Cabinet, right, rights


def cabinet_of_two() -> Cabinet:
    return Cabinet(rights(right(ADA, "K-0001", factors=(CARD_PIN,)), right(LIN, "K-0002")))


def test_digits_without_an_end_journal_nothing_and_hold_nobody_up() -> None:
    cabinet = cabinet_of_two()
    before = len(cabinet.journal)
    for n in range(500):
        cabinet.send(DigitsTyped("keypad", min(n, 12)))
    assert len(cabinet.journal) == before
    cabinet.badge(LIN_CARD)
    assert cabinet.pulses() == [2]


def test_digits_without_an_end_do_not_make_a_visit_longer() -> None:
    cabinet = cabinet_of_two()
    cabinet.badge(ADA_CARD)
    for n in range(300):
        cabinet.pass_time(0.1)
        cabinet.send(DigitsTyped("keypad", n % 12 + 1))
    assert cabinet.last("visit.ended").fields["cause"] == "idle"


def test_a_flood_of_numbers_is_locked_out_and_counted_in_a_few_leaves() -> None:
    cabinet = cabinet_of_two()
    before = len(cabinet.journal)
    for _ in range(600):
        cabinet.enter("1")
        cabinet.pass_time(0.01)
    leaves = cabinet.journal[before:]
    assert len(leaves) <= 12  # three wrong tries, the alarm, and what repeats once a minute
    assert sum(isinstance(effect, CheckPin) for effect in cabinet.effects) <= 6
    cabinet.badge(LIN_CARD)
    cabinet.pass_time(10)
    assert LIN in [leaf.subs[0].person for _, leaf in cabinet.journal if leaf.ev == "visit.identified"]


def test_one_check_of_a_pin_at_a_time() -> None:
    cabinet = cabinet_of_two()
    cabinet.badge(ADA_CARD)
    checks = [
        e for _ in range(100) for e in cabinet.send(DigitsEntered("keypad", Secret(PIN))) if isinstance(e, CheckPin)
    ]
    assert len(checks) == 1


def test_a_card_held_for_minutes_is_shown_once() -> None:
    """The reader tells of it once (tests/drivers/test_rdm6300_reader.py); nothing of the visit depends on its going."""
    cabinet = cabinet_of_two()
    cabinet.badge(ADA_CARD)
    cabinet.pass_time(300)
    assert [leaf.fields.get("cause") for _, leaf in cabinet.journal if leaf.ev == "visit.ended"] == ["idle"]
    cabinet.badge(LIN_CARD)
    assert cabinet.pulses() == [2]
