"""Two at once: who acts is not interrupted, who waits is told so and served in turn."""

from __future__ import annotations

from dataclasses import replace

from cabinet.core.queue import QUIET_S, WAIT_S
from tests.core.cabinet import ADA, ADA_CARD, CARD_PIN, EVE, EVE_CARD, LIN, LIN_CARD, PIN, Cabinet, right, rights

ADAS = right(ADA, "K-0001", factors=(CARD_PIN,))


def with_ada() -> Cabinet:
    """Her PIN is asked."""
    cabinet = Cabinet(rights(ADAS, right(LIN, "K-0002"), right(EVE, "K-0003")))
    cabinet.badge(ADA_CARD)
    return cabinet


def test_the_second_one_is_told_to_wait_and_the_first_goes_on() -> None:
    cabinet = with_ada()
    cabinet.badge(LIN_CARD)
    assert cabinet.screen() == "PIN, then #\n（下一位请稍候，\n无需再次刷卡。）"
    cabinet.enter(PIN)
    assert cabinet.pulses() == [1]
    cabinet.lift(1)
    cabinet.pass_time(2)
    assert [leaf.subs[0].person for _, leaf in cabinet.journal if leaf.ev == "visit.identified"] == [ADA, ADA, LIN]
    assert cabinet.screen() == "请输入槽位号并按 #\n2: K-0002"
    assert cabinet.pulses() == [1], "nothing is released to who may have gone"
    cabinet.enter("2")
    assert cabinet.pulses() == [1, 2]


def test_who_does_nothing_makes_way() -> None:
    cabinet = with_ada()
    cabinet.pass_time(3)
    cabinet.badge(LIN_CARD)
    cabinet.pass_time(QUIET_S - 3.1)
    assert "visit.ended" not in cabinet.kinds()
    cabinet.pass_time(0.1)
    assert cabinet.last("visit.ended").fields["cause"] == "replaced"
    assert cabinet.last("visit.identified").subs[0].person == LIN


def test_who_acts_keeps_the_cabinet_and_who_waited_too_long_has_gone() -> None:
    cabinet = with_ada()
    cabinet.badge(LIN_CARD)
    for _ in range(4):
        cabinet.pass_time(WAIT_S / 4)
        cabinet.badge(ADA_CARD)  # her own card is an act like any other
    cabinet.pass_time(60)
    assert LIN not in [leaf.subs[0].person for _, leaf in cabinet.journal if leaf.ev == "visit.identified"]
    assert cabinet.state.queue == ()


def test_three_are_served_in_the_order_in_which_they_came() -> None:
    cabinet = with_ada()
    cabinet.badge(LIN_CARD)
    cabinet.badge(EVE_CARD)
    cabinet.badge(LIN_CARD)  # again: she keeps her place
    assert [one.person for one in cabinet.state.queue] == [LIN, EVE]
    assert [leaf.fields["ahead"] for _, leaf in cabinet.journal if leaf.ev == "visit.queued"] == [0, 1]
    cabinet.cancel()
    cabinet.badge(EVE_CARD)  # in the moment in which nobody is served
    assert cabinet.state.visit is None
    cabinet.pass_time(2)
    assert cabinet.last("visit.identified").subs[0].person == LIN
    cabinet.cancel()
    cabinet.pass_time(2)
    assert cabinet.last("visit.identified").subs[0].person == EVE


def test_the_queue_is_bounded_and_says_so() -> None:
    roster = with_ada().rights
    cabinet = Cabinet(
        replace(
            roster,
            cards={**roster.cards, b"max": "TUFY"},
            people={**roster.people, "TUFY": replace(roster.people[EVE], pseudonym="TUFY")},
        )
    )
    for card in (ADA_CARD, LIN_CARD, EVE_CARD, b"max", b"max"):
        cabinet.badge(card)
    assert len(cabinet.state.queue) == 2
    assert cabinet.screen().endswith("(Others wait already: please come again.)")
    assert [leaf.fields["rule"] for _, leaf in cabinet.journal if leaf.ev == "visit.refused"] == ["queue_full"]


def test_a_suspended_one_hears_it_in_their_turn_and_the_next_follows() -> None:
    cabinet = with_ada()
    cabinet.badge(EVE_CARD)
    cabinet.badge(LIN_CARD)
    roster = cabinet.rights
    cabinet.rights = replace(roster, people={**roster.people, EVE: replace(roster.people[EVE], suspended=True)})
    cabinet.cancel()
    cabinet.pass_time(4)
    assert cabinet.last("visit.refused").fields["rule"] == "person_suspended"
    assert cabinet.last("visit.identified").subs[0].person == LIN
