"""A verifier confirms who somebody is; only its yes, in time and for this question, does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cabinet.core.effects import AskVerifier
from cabinet.core.events import DeviceLost, DeviceRestored, Verified
from cabinet.core.state import Setup, SlotSetup
from cabinet.policy.rights import Factor, Quorum, Right, Rights
from tests.core.cabinet import ADA, ADA_CARD, CARD_PIN, EVE, EVE_CARD, LIN, LIN_CARD, PIN, Cabinet, right, rights

FACE: frozenset[Factor] = frozenset({"card", "verified"})
ALL: frozenset[Factor] = frozenset({"card", "pin", "verified"})
NUMBER_ALL: frozenset[Factor] = frozenset({"number", "pin", "verified"})


def watched(*lines: Right) -> Cabinet:
    """With a camera."""
    setup = Setup({n: SlotSetup("relays", 0.5) for n in range(1, 5)}, verifier="camera")
    return Cabinet(rights(*lines), setup=setup)


def asked(cabinet: Cabinet) -> AskVerifier:
    return next(effect for effect in reversed(cabinet.effects) if isinstance(effect, AskVerifier))


def answer(cabinet: Cabinet, said: str, of: AskVerifier | None = None) -> None:
    ask = of or asked(cabinet)
    cabinet.send(Verified(ask.visit, ask.seq, ask.device, ask.person, said))  # type: ignore[arg-type]


def times_asked(cabinet: Cabinet) -> int:
    return sum(isinstance(effect, AskVerifier) for effect in cabinet.effects)


def test_a_yes_grants_and_nothing_before_it() -> None:
    cabinet = watched(right(EVE, "K-0001", factors=(FACE,)))
    cabinet.badge(EVE_CARD)
    assert cabinet.screen() == "Look at the camera."
    assert (asked(cabinet).person, asked(cabinet).device, asked(cabinet).within_s) == (EVE, "camera", 10.0)
    assert cabinet.pulses() == []
    answer(cabinet, "yes")
    assert cabinet.last("item.granted").fields["auth"] == "card+verified"
    assert cabinet.pulses() == [1]


@pytest.mark.parametrize(("said", "rule"), [("no", "not_verified"), ("none", "verifier_silent")])
def test_a_no_or_no_answer_never_grants(said: str, rule: str) -> None:
    cabinet = watched(right(EVE, "K-0001", factors=(FACE,)))
    cabinet.badge(EVE_CARD)
    answer(cabinet, said)
    assert cabinet.last("item.denied").fields["rule"] == rule
    assert cabinet.pulses() == []
    answer(cabinet, "yes")  # to a question that has its answer
    assert cabinet.pulses() == []
    cabinet.badge(EVE_CARD)
    answer(cabinet, "yes")
    assert cabinet.pulses() == [1]


def test_only_a_no_counts_and_a_yes_clears_it() -> None:
    cabinet = watched(right(EVE, "K-0001", factors=(FACE,)))
    cabinet.badge(EVE_CARD)
    answer(cabinet, "none")
    assert cabinet.state.ledger.failures == {}
    cabinet.badge(EVE_CARD)
    answer(cabinet, "no")
    leaf = cabinet.last("visit.refused")
    assert (leaf.fields["rule"], leaf.fields["verifier_failed"], leaf.fields["reader"]) == ("not_verified", 1, "camera")
    assert [(s.role, s.person) for s in leaf.subs] == [("holder", EVE)]
    assert cabinet.state.ledger.failures[f"verified:{EVE}"].count == 1
    assert cabinet.refolded() == cabinet.state.ledger
    cabinet.badge(EVE_CARD)
    answer(cabinet, "yes")
    assert cabinet.state.ledger.failures == {}


def test_after_three_it_is_not_asked_for_a_while_also_after_a_cut() -> None:
    cabinet = watched(right(EVE, "K-0001", factors=(FACE,)))
    for _ in range(3):
        cabinet.badge(EVE_CARD)
        answer(cabinet, "no")
    cabinet.boot()
    cabinet.badge(EVE_CARD)
    assert times_asked(cabinet) == 3
    assert cabinet.last("item.denied").fields["rule"] == "not_verified"
    cabinet.pass_time(5)
    cabinet.badge(EVE_CARD)
    assert times_asked(cabinet) == 4


def test_a_no_counts_though_its_visit_has_ended_and_a_yes_opens_nothing() -> None:
    cabinet = watched(right(EVE, "K-0001", factors=(FACE,)))
    for said, pulses in (("no", []), ("yes", [])):
        cabinet.badge(EVE_CARD)
        ask = asked(cabinet)
        cabinet.cancel()
        answer(cabinet, said, ask)
        assert cabinet.pulses() == pulses
    assert cabinet.state.ledger.failures[f"verified:{EVE}"].count == 1
    cabinet.badge(EVE_CARD)
    answer(cabinet, "yes", ask)
    assert cabinet.pulses() == []


def test_the_camera_comes_first_and_the_pin_when_it_does_not_help() -> None:
    for said, words in (("none", "The camera gives no answer."), ("no", "You were not recognised.")):
        cabinet = watched(right(ADA, "K-0001", factors=(CARD_PIN, FACE)))
        cabinet.badge(ADA_CARD)
        assert cabinet.screen() == "Look at the camera."
        answer(cabinet, said)
        assert cabinet.screen() == f"{words}\nPIN, then #"
        cabinet.enter(PIN)
        assert cabinet.last("item.granted").fields["auth"] == "card+pin"


def test_a_lost_camera_is_not_waited_for() -> None:
    cabinet = watched(right(ADA, "K-0001", factors=(CARD_PIN, FACE)), right(ADA, "K-0002", factors=(ALL,)))
    cabinet.send(DeviceLost("camera", "gone"))
    cabinet.badge(ADA_CARD)
    assert cabinet.screen() == "PIN, then #"
    cabinet.enter(PIN)
    assert cabinet.pulses() == [1]
    cabinet.enter("2")
    assert cabinet.last("item.denied").fields["rule"] == "verifier_silent"
    cabinet.send(DeviceRestored("camera"))
    cabinet.enter("2")
    answer(cabinet, "yes")
    assert cabinet.last("item.granted").fields["auth"] == "card+pin+verified"


def test_card_pin_and_face_one_after_the_other() -> None:
    cabinet = watched(right(ADA, "K-0001", factors=(ALL, NUMBER_ALL)))
    cabinet.badge(ADA_CARD)
    cabinet.enter("9999")
    assert cabinet.screen() == "Number or PIN is wrong."
    cabinet.enter(PIN)
    assert cabinet.screen() == "Look at the camera."
    cabinet.badge(ADA_CARD)  # means nothing while she is looked at
    answer(cabinet, "yes")
    assert cabinet.last("item.granted").fields["auth"] == "card+pin+verified"
    cabinet.cancel()
    cabinet.pass_time(60)
    cabinet.enter("1001")
    cabinet.enter(PIN)
    assert cabinet.last("visit.identified").fields["keypad"] == "keypad"
    answer(cabinet, "yes")
    assert cabinet.last("item.granted").fields["auth"] == "number+pin+verified"
    assert "keypad" not in cabinet.last("visit.identified").fields


def test_the_visit_lasts_as_long_as_the_camera_may_take() -> None:
    cabinet = watched(right(EVE, "K-0001", factors=(FACE,)))
    cabinet.state = replace(cabinet.state, setup=replace(cabinet.state.setup, idle_s=2.0))
    cabinet.badge(EVE_CARD)
    cabinet.pass_time(10)
    answer(cabinet, "yes")
    assert cabinet.pulses() == [1]


def test_without_a_camera_the_right_is_closed_and_says_so() -> None:
    cabinet = Cabinet(rights(right(EVE, "K-0001", factors=(FACE,))))
    cabinet.badge(EVE_CARD)
    assert cabinet.last("item.denied").fields["rule"] == "verifier_silent"
    assert times_asked(cabinet) == 0


def approved() -> Rights:
    """Ada takes K-0001 with card and face if Lin approves in the same way."""
    one = replace(right(ADA, "K-0001", factors=(FACE,)), quorum=Quorum(1, frozenset({"cleaning"})))
    return rights(one)


@pytest.mark.parametrize(("said", "rule"), [("yes", None), ("no", "not_verified"), ("none", "verifier_silent")])
def test_who_approves_is_verified_as_well(said: str, rule: str | None) -> None:
    cabinet = watched()
    cabinet.rights = approved()
    cabinet.badge(ADA_CARD)
    answer(cabinet, "yes")
    cabinet.badge(LIN_CARD)
    assert (asked(cabinet).person, cabinet.pulses()) == (LIN, [])
    answer(cabinet, said)
    if rule is None:
        assert cabinet.last("visit.authorised").fields["auth"] == "card+verified"
        assert cabinet.pulses() == [1]
        return
    refused = cabinet.last("visit.refused")
    assert (refused.fields["rule"], refused.subs[0].role, cabinet.pulses()) == (rule, "authoriser", [])
    assert (f"verified:{LIN}" in cabinet.state.ledger.failures) == (said == "no")
    cabinet.badge(LIN_CARD)
    answer(cabinet, "yes")
    assert cabinet.pulses() == [1]


def test_five_in_a_row_raise_an_alarm_until_a_yes() -> None:
    cabinet = watched(right(EVE, "K-0001", factors=(FACE,)))
    for _ in range(5):
        cabinet.pass_time(600)
        cabinet.badge(EVE_CARD)
        answer(cabinet, "no")
    assert "visit.locked_out/camera" in cabinet.state.ledger.alarms
    cabinet.pass_time(600)
    cabinet.badge(EVE_CARD)
    answer(cabinet, "yes")
    assert "visit.locked_out/camera" not in cabinet.state.ledger.alarms
