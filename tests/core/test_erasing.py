"""Somebody is forgotten for good: unknown at once, done once, and taken up again after a cut or a refusing disk."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cabinet.core.effects import Answer, Erase, Show
from cabinet.core.events import CardShown, Erased, Event, JournalFailed, JournalRecovered, PinChecked, RosterFound
from cabinet.core.leaves import Leaf, Subject
from cabinet.core.ledger import RosterMark
from cabinet.core.requests import BookingAsked, EnrolmentOffered, ErasureAsked
from tests.core.cabinet import ADA, ADA_CARD, EVE_CARD, LIN, LIN_CARD, MONDAY_NOON_MS, Cabinet, people, right, rights

HOUR_MS = 3_600_000
ASKED = ErasureAsked(7, ADA, "technician", "left the company")
DONE = Erased(ADA, 7, 2, "b" * 64)


@pytest.fixture
def cabinet() -> Cabinet:
    return Cabinet(rights(right(ADA, "K-0001", "K-0002"), right(LIN, "K-0003", "K-0004")))


def forget(cabinet: Cabinet) -> None:
    """As the roster does."""
    who = {p: one for p, one in people().items() if p != ADA}
    cabinet.rights = replace(cabinet.rights, version=2, people=who, cards={LIN_CARD: LIN}, numbers={"1002": LIN})


def erasures(cabinet: Cabinet) -> list[Leaf]:
    return [leaf for _, leaf in cabinet.journal if leaf.ev == "person.erased"]


def test_intent_then_the_roster_then_done(cabinet: Cabinet) -> None:
    assert cabinet.send(ASKED) == [Erase(ADA, 7)]
    intent = cabinet.last("person.erased")
    assert intent.fields == {"stage": "intent", "reason": "left the company", "operator": "technician"}
    assert intent.subs == (Subject("concerned", ADA, bare=True),)
    n = len(cabinet.journal) - 1
    assert cabinet.state.ledger.erasures == {ADA: n}
    forget(cabinet)
    assert cabinet.send(DONE) == [Answer(7, n=n + 1)]
    done = cabinet.last("person.erased")
    assert done.fields == {
        "stage": "done",
        "intent": n,
        "method": "key destroyed",
        "roster": 2,
        "digest": "b" * 64,
    }
    assert done.subs == intent.subs
    assert cabinet.state.ledger.erasures == {}
    assert cabinet.state.ledger.roster == {"roster": RosterMark(2, "b" * 64)}
    assert cabinet.refolded() == cabinet.state.ledger


def test_from_the_intent_on_nobody_knows_them(cabinet: Cabinet) -> None:
    """The roster still does."""
    cabinet.send(ASKED)
    cabinet.badge(ADA_CARD)
    assert cabinet.last("visit.refused").fields["rule"] == "unknown_card"
    cabinet.enter("1001")
    cabinet.enter("4711")
    assert "visit.identified" not in cabinet.kinds()
    assert cabinet.pulses() == []
    cabinet.badge(LIN_CARD)
    assert cabinet.kinds()[-1] == "visit.identified"


def test_their_visit_ends_and_what_is_open_stays_open(cabinet: Cabinet) -> None:
    cabinet.badge(ADA_CARD)
    cabinet.enter("1")
    cabinet.pulse_done(1)
    effects = cabinet.send(ASKED)
    assert cabinet.kinds()[-2:] == ["visit.ended", "person.erased"]
    assert cabinet.last("visit.ended").fields["cause"] == "erased"
    assert any(isinstance(one, Show) and one.text.startswith("Hold your card") for one in effects)
    cabinet.lift(1)
    assert cabinet.last("item.removed").subs == (Subject("holder", ADA),)
    assert cabinet.state.ledger.outs[1].holder == ADA


def test_somebody_elses_visit_goes_on_without_them(cabinet: Cabinet) -> None:
    cabinet.badge(LIN_CARD)
    cabinet.badge(ADA_CARD)  # has to wait
    assert [one.person for one in cabinet.state.queue] == [ADA]
    visit = cabinet.state.visit
    assert visit is not None
    cabinet.state = replace(cabinet.state, visit=replace(visit, approvers=(ADA, "RVZF")))
    cabinet.send(ASKED)
    assert cabinet.state.queue == ()
    assert cabinet.state.visit is not None
    assert (cabinet.state.visit.person, cabinet.state.visit.approvers) == (LIN, ("RVZF",))


def test_bookings_codes_and_wrong_tries_end_with_the_intent(cabinet: Cabinet) -> None:
    book = (MONDAY_NOON_MS + HOUR_MS, MONDAY_NOON_MS + 2 * HOUR_MS, "technician")
    cabinet.send(BookingAsked(1, ADA, "K-0001", *book))
    cabinet.send(BookingAsked(2, LIN, "K-0003", *book))
    cabinet.send(EnrolmentOffered(3, ADA, "c" * 32, "technician"))
    cabinet.send(PinChecked(1, 1, "keypad", ADA, True, False))
    cabinet.send(PinChecked(1, 1, "keypad", LIN, False, False))
    ledger = cabinet.state.ledger
    assert (len(ledger.bookings), len(ledger.offers), set(ledger.failures)) == (2, 1, {ADA, LIN, "keypad:keypad"})
    cabinet.send(ASKED)
    ledger = cabinet.state.ledger
    assert [one.holder for one in ledger.bookings.values()] == [LIN]
    assert (ledger.offers, set(ledger.failures)) == ({}, {LIN, "keypad:keypad"})
    cabinet.send(PinChecked(1, 1, "keypad", ADA, False, False))  # was under way
    assert ADA not in cabinet.state.ledger.failures


@pytest.mark.parametrize("event", [RosterFound(1, "a"), RosterFound(2, "b" * 64)])
def test_a_start_that_finds_an_intent_finishes_it(cabinet: Cabinet, event: Event) -> None:
    """Whether the cut came before the roster or after it; and the roster is told of once, by the done leaf."""
    cabinet.send(ASKED)
    cabinet.boot()
    assert cabinet.send(event) == [Erase(ADA)]
    assert cabinet.send(replace(DONE, request=None)) == []
    assert [leaf.fields["stage"] for leaf in erasures(cabinet)] == ["intent", "done"]
    assert not any(leaf.ev == "roster.applied" for _, leaf in cabinet.journal)
    cabinet.boot()
    assert cabinet.send(RosterFound(2, "b" * 64)) == []


def test_what_the_disk_refuses_is_tried_again(cabinet: Cabinet) -> None:
    cabinet.send(ASKED)
    assert cabinet.send(replace(DONE, refusal="the disk is full")) == [Answer(7, "the disk is full")]
    before = len(cabinet.effects)
    cabinet.pass_time(59)
    assert not any(isinstance(one, Erase) for one in cabinet.effects[before:])
    cabinet.pass_time(2)
    assert [one for one in cabinet.effects[before:] if isinstance(one, Erase)] == [Erase(ADA)]
    cabinet.send(replace(DONE, request=None))
    assert [leaf.fields["stage"] for leaf in erasures(cabinet)] == ["intent", "done"]


def test_asked_twice_it_is_journaled_once(cabinet: Cabinet) -> None:
    cabinet.send(ASKED)
    assert cabinet.send(replace(ASKED, request=8)) == [Erase(ADA, 8)]
    cabinet.send(DONE)
    assert cabinet.send(replace(DONE, request=8)) == [Answer(8)]
    assert [leaf.fields["stage"] for leaf in erasures(cabinet)] == ["intent", "done"]


def test_a_journal_that_takes_nothing_forgets_nobody(cabinet: Cabinet) -> None:
    cabinet.send(JournalFailed())
    [answer] = [one for one in cabinet.send(ASKED) if isinstance(one, Answer)]
    assert answer.refusal is not None
    assert "journal cannot be written" in answer.refusal
    cabinet.send(JournalRecovered())
    cabinet.send(CardShown("reader", ADA_CARD))
    assert cabinet.kinds()[-1] == "visit.identified"
    cabinet.badge(EVE_CARD)


def test_what_they_have_is_out_with_nobody_who_has_a_name() -> None:
    cabinet = Cabinet(rights(right(ADA, "K-0001"), right(LIN, "K-0001", "K-0002", "K-0003")))
    cabinet.badge(ADA_CARD)
    cabinet.pulse_done(1)
    cabinet.lift(1)
    for asked in (None, ASKED):
        if asked is not None:
            cabinet.send(asked)
        cabinet.pass_time(60)
        cabinet.badge(LIN_CARD)
        cabinet.enter("1")
    shown = [one for one in cabinet.effects if isinstance(one, Show) and "K-0001 已被领出" in one.text]
    assert [one.named for one in shown] == [ADA, None]
