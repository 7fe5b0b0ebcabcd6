"""People give themselves a PIN or a card: guided, confirmed, and nothing is released before."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cabinet.core.effects import Answer, Enrol
from cabinet.core.events import CardShown, DigitsEntered, Enrolled
from cabinet.core.leaves import Leaf, Subject
from cabinet.core.requests import EnrolmentOffered, RosterPlanned
from cabinet.core.state import Setup, SlotSetup
from cabinet.policy.pin import due, fault
from cabinet.policy.rights import Person, Quorum
from hal.secret import Secret
from tests.core.cabinet import (
    ADA,
    ADA_CARD,
    CARD_PIN,
    EVE,
    LIN,
    LIN_CARD,
    MONDAY_NOON_MS,
    NUMBER_PIN,
    PIN,
    Cabinet,
    code_digest,
    people,
    right,
    rights,
)

DAY_MS = 86_400_000
NEW = "902718"
DIGITS = "40961327"
NEW_CARD = b"new"


def cabinet_of(
    *, since_days: int = 90, temporary: bool = False, days: int | None = 90, factors: tuple[frozenset[str], ...] = ()
) -> Cabinet:
    """Ada's PIN was set so many days ago."""
    who = people(**{ADA: {"pin_since_ms": MONDAY_NOON_MS - since_days * DAY_MS, "pin_temporary": temporary}})
    roster = rights(right(ADA, "K-0001", factors=factors or (CARD_PIN, NUMBER_PIN)), who=who)
    setup = Setup({n: SlotSetup("relays", 0.5) for n in range(1, 5)}, pin_days=days)
    return Cabinet(roster, setup=setup)


def wanted(cabinet: Cabinet) -> Enrol:
    return next(effect for effect in reversed(cabinet.effects) if isinstance(effect, Enrol))


def stored(cabinet: Cabinet, refusal: str | None = None) -> None:
    """What the roster says to it; a PIN is new now."""
    effect = wanted(cabinet)
    if refusal is None and effect.pin is not None:
        person = cabinet.rights.people[effect.person]
        fresh = replace(person, pin_set=True, pin_since_ms=cabinet.now.wall_ms, pin_temporary=False)
        cabinet.rights = replace(cabinet.rights, people={**cabinet.rights.people, effect.person: fresh})
    cabinet.send(Enrolled(effect.visit, effect.seq, effect.what, refusal))


def arrive(cabinet: Cabinet) -> None:
    cabinet.badge(ADA_CARD)
    cabinet.enter(PIN)


def test_an_expired_pin_is_changed_before_anything_is_released() -> None:
    cabinet = cabinet_of()
    arrive(cabinet)
    assert cabinet.screen().startswith("Your PIN has expired.")
    cabinet.enter(NEW)
    assert cabinet.screen() == "The same PIN once more, then #"
    cabinet.enter(NEW)
    effect = wanted(cabinet)
    assert (effect.person, effect.offer, effect.pin.reveal() if effect.pin else "") == (ADA, None, NEW)
    assert cabinet.pulses() == []
    stored(cabinet)
    assert cabinet.pulses() == [1]
    assert cabinet.last("item.granted").fields["auth"] == "card+pin"
    assert not any(NEW in str(leaf) for _, leaf in cabinet.journal)


@pytest.mark.parametrize(("since_days", "days"), [(89, 90), (4000, None)])
def test_one_that_is_good_is_not(since_days: int, days: int | None) -> None:
    cabinet = cabinet_of(since_days=since_days, days=days)
    arrive(cabinet)
    assert cabinet.pulses() == [1]


def test_a_temporary_one_at_once() -> None:
    cabinet = cabinet_of(since_days=0, temporary=True, days=None)
    arrive(cabinet)
    assert cabinet.screen().startswith("This PIN was for the first time only.")
    assert cabinet.pulses() == []


def test_by_a_clock_that_nobody_vouches_for_none_expires() -> None:
    person = Person(ADA, pin_set=True, pin_since_ms=0)
    assert due(person, MONDAY_NOON_MS, 90, wall_time_trusted=False) is None
    assert due(person, MONDAY_NOON_MS, 90, wall_time_trusted=True) == "pin_expired"
    assert due(replace(person, pin_set=False), MONDAY_NOON_MS, 90, wall_time_trusted=True) is None


def test_a_second_one_that_differs_begins_again() -> None:
    cabinet = cabinet_of()
    arrive(cabinet)
    cabinet.enter(NEW)
    cabinet.enter("902719")
    assert cabinet.screen().startswith("These were not the same.")
    assert not any(isinstance(effect, Enrol) for effect in cabinet.effects)
    cabinet.enter(NEW)
    cabinet.enter(NEW)
    assert wanted(cabinet).pin is not None


@pytest.mark.parametrize(
    ("digits", "why"),
    [
        ("123", "pin_length"),
        ("1" * 13, "pin_length"),
        ("7777", "pin_repeated"),
        ("4567", "pin_run"),
        ("3210", "pin_run"),
    ],
)
def test_a_bad_one_is_refused_with_the_reason(digits: str, why: str) -> None:
    assert fault(digits) == why
    cabinet = cabinet_of()
    arrive(cabinet)
    cabinet.enter(digits)
    cabinet.enter(digits)
    assert not any(isinstance(effect, Enrol) for effect in cabinet.effects)


def test_the_same_pin_again_is_refused() -> None:
    cabinet = cabinet_of()
    arrive(cabinet)
    cabinet.enter(PIN)
    cabinet.enter(PIN)
    stored(cabinet, "pin_same")
    assert cabinet.screen().startswith("That is the PIN you have.")
    assert cabinet.pulses() == []
    cabinet.enter(NEW)
    cabinet.enter(NEW)
    stored(cabinet)
    assert cabinet.pulses() == [1]


def test_cancelling_ends_the_visit_and_changes_nothing() -> None:
    cabinet = cabinet_of()
    arrive(cabinet)
    cabinet.enter(NEW)
    cabinet.cancel()
    assert cabinet.state.visit is None
    assert not any(isinstance(effect, Enrol) for effect in cabinet.effects)


def test_no_other_way_leads_to_a_release() -> None:
    """Not the card once more, not a slot number, not what comes late from the roster."""
    cabinet = cabinet_of()
    arrive(cabinet)
    cabinet.badge(ADA_CARD)
    cabinet.enter("1")
    cabinet.send(Enrolled(1, 0, "pin"))
    assert cabinet.pulses() == []
    cabinet.cancel()
    arrive(cabinet)
    cabinet.enter(NEW)
    cabinet.enter(NEW)
    stored(cabinet, "not_recorded")
    assert (cabinet.pulses(), cabinet.state.visit) == ([], None)


def test_an_approver_has_to_change_theirs_first() -> None:
    who = people(**{LIN: {"pin_temporary": True}})
    one = replace(right(ADA, "K-0001", factors=(CARD_PIN,)), quorum=Quorum(1, frozenset({"cleaning"})))
    cabinet = Cabinet(rights(one, who=who))
    arrive(cabinet)
    cabinet.badge(LIN_CARD)
    cabinet.enter(PIN)
    assert cabinet.last("visit.refused").fields["rule"] == "others_pin_temporary"
    assert cabinet.pulses() == []


def offered(*, who: str = EVE) -> Cabinet:
    cabinet = Cabinet(rights(right(EVE, "K-0001")))
    asked = EnrolmentOffered(7, who, code_digest(DIGITS), "chief")
    [answer] = [effect for effect in cabinet.send(asked) if isinstance(effect, Answer)]
    assert answer.refusal is None
    return cabinet


def plan(cabinet: Cabinet, credential: str, offer: int) -> None:
    """As the roster service plans what was confirmed."""
    fields = {"credential": credential, "offer": offer, "roster": len(cabinet.journal) + 5, "digest": "d"}
    leaf = Leaf("credential.enrolled", fields, (Subject("holder", EVE),))
    cabinet.send(RosterPlanned(9, len(cabinet.journal) + 5, (leaf,), None))


def test_a_code_leads_to_a_card_and_a_pin() -> None:
    cabinet = offered()
    [n] = cabinet.state.ledger.offers
    assert cabinet.last("credential.offered").fields["until"] == cabinet.now.wall_ms + DAY_MS
    cabinet.enter(DIGITS)
    assert cabinet.last("visit.identified").fields["auth"] == "code"
    assert cabinet.screen().startswith("Hold your new card")
    cabinet.send(CardShown("reader", NEW_CARD, Secret("0001112223")))
    effect = wanted(cabinet)
    assert (effect.person, effect.offer, effect.card.reveal() if effect.card else "") == (EVE, n, "0001112223")
    plan(cabinet, "card", n)
    assert "operator" not in cabinet.last("credential.enrolled").fields
    stored(cabinet)
    assert cabinet.screen().startswith("Choose a PIN")
    cabinet.enter(NEW)
    cabinet.enter(NEW)
    stored(cabinet)
    assert (cabinet.screen(), cabinet.state.visit) == ("Done. From now on\nit is known here.", None)
    assert cabinet.pulses() == []
    cabinet.enter(DIGITS)
    assert cabinet.last("visit.refused").fields["rule"] == "unknown_code"
    cabinet.boot()
    assert cabinet.state.ledger.offers == {}
    assert cabinet.refolded() == cabinet.state.ledger


def test_what_is_left_out_stays_as_it_is_and_the_code_good() -> None:
    cabinet = offered()
    cabinet.enter(DIGITS)
    cabinet.cancel()
    assert cabinet.screen().startswith("Choose a PIN")
    cabinet.cancel()
    assert cabinet.state.visit is None
    cabinet.enter(DIGITS)
    assert cabinet.screen().startswith("Hold your new card")


def test_somebody_elses_card_is_not_taken_over() -> None:
    cabinet = offered()
    cabinet.enter(DIGITS)
    cabinet.badge(LIN_CARD)
    assert cabinet.last("visit.refused").fields["rule"] == "card_taken"
    assert not any(isinstance(effect, Enrol) for effect in cabinet.effects)
    assert cabinet.state.visit is not None


def test_nothing_is_released_in_between() -> None:
    cabinet = offered(who=ADA)
    cabinet.rights = rights(right(ADA, "K-0001"))
    cabinet.enter(DIGITS)
    cabinet.enter("1")
    cabinet.badge(ADA_CARD)
    cabinet.enter("1")
    assert cabinet.pulses() == []


def test_a_code_ends_after_a_day_and_with_the_next_one() -> None:
    cabinet = offered()
    cabinet.pass_time(86_400)
    cabinet.enter(DIGITS)
    assert cabinet.last("visit.refused").fields["rule"] == "unknown_code"
    cabinet = offered()
    cabinet.send(EnrolmentOffered(8, EVE, code_digest("11112222"), "chief"))
    cabinet.enter(DIGITS)
    assert cabinet.last("visit.refused").fields["rule"] == "unknown_code"
    cabinet.send(DigitsEntered("keypad", Secret("11112222"), code_digest("11112222")))
    assert cabinet.last("visit.identified").fields["auth"] == "code"


def test_without_a_trusted_clock_there_is_none() -> None:
    cabinet = offered()
    cabinet.now = replace(cabinet.now, quality="none")
    cabinet.enter(DIGITS)
    assert cabinet.last("visit.refused").fields["rule"] == "clock_untrusted"
    asked = EnrolmentOffered(8, EVE, "x", "chief")
    [answer] = [effect for effect in cabinet.send(asked) if isinstance(effect, Answer)]
    assert "clock" in (answer.refusal or "")
