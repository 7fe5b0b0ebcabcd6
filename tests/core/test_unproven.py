"""A card enrolled as strong is taken on its proof alone; who cannot prove it is refused, journaled and told."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest

from cabinet.core.effects import Enrol
from cabinet.core.events import CardShown
from cabinet.core.messages import text
from cabinet.core.requests import EnrolmentOffered
from cabinet.policy.decide import Rule
from cabinet.policy.explain import explain
from cabinet.policy.rights import Factor, Language, Quorum, Right, Rights
from cabinet.policy.words import RULES
from hal.capabilities import Proof
from hal.secret import Secret
from tests.core.cabinet import (
    ADA,
    ADA_CARD,
    CARD,
    EVE,
    LIN,
    LIN_CARD,
    MONDAY_NOON_MS,
    PIN,
    Cabinet,
    code_digest,
    right,
    rights,
)

STRONG: frozenset[Factor] = frozenset({"strong-card"})
NUMBER_PIN: frozenset[Factor] = frozenset({"number", "pin"})
LANGUAGES: tuple[Language, ...] = ("en", "zh")
UNPROVEN = "This card could not prove itself.\nHold it still for a moment,\nor ask a custodian for another."


def strong(*lines: Right) -> Rights:
    """Ada's card is enrolled as strong, Lin's and Eve's are not."""
    return replace(rights(*lines), strong=frozenset({ADA_CARD}))


def show(cabinet: Cabinet, card: bytes, proof: Proof) -> None:
    cabinet.send(CardShown("reader", card, Secret("0006547886"), proof))


@pytest.mark.parametrize("proof", ["weak", "failed"])
def test_a_strong_card_is_taken_on_its_proof_alone(proof: Proof) -> None:
    cabinet = Cabinet(strong(right(ADA, "K-0001")))
    show(cabinet, ADA_CARD, proof)
    leaf = cabinet.last("visit.refused")
    assert leaf.fields["rule"] == "card_unproven"
    assert (leaf.fields["reader"], leaf.fields["proof"], leaf.fields["card_failed"]) == ("reader", proof, 1)
    assert [(one.role, one.person) for one in leaf.subs] == [("holder", ADA)]
    assert cabinet.screen() == UNPROVEN
    assert (cabinet.state.visit, cabinet.pulses()) == (None, [])
    show(cabinet, ADA_CARD, "strong")
    assert cabinet.last("visit.identified").fields["auth"] == "strong-card"
    assert cabinet.last("item.granted").fields["auth"] == "strong-card"
    assert cabinet.pulses() == [1]


def test_a_weak_card_goes_on_being_taken_as_weak() -> None:
    cabinet = Cabinet(strong(right(LIN, "K-0002")))
    show(cabinet, LIN_CARD, "weak")
    assert cabinet.last("item.granted").fields["auth"] == "card"


def test_a_weak_card_that_proves_itself_is_still_what_it_was_enrolled_as() -> None:
    """The explanation of a right knows what is enrolled, and nothing of what a card could."""
    cabinet = Cabinet(strong(right(LIN, "K-0002", factors=(STRONG,))))
    show(cabinet, LIN_CARD, "strong")
    assert cabinet.last("item.denied").fields["rule"] == "strong_card_missing"


def test_a_forged_answer_is_nobodys_card_however_it_is_enrolled() -> None:
    cabinet = Cabinet(strong(right(LIN, "K-0002")))
    show(cabinet, LIN_CARD, "failed")
    assert cabinet.last("visit.refused").fields["rule"] == "card_unproven"
    assert cabinet.pulses() == []


def test_nobody_knows_a_forged_strangers_card_either() -> None:
    cabinet = Cabinet(strong())
    show(cabinet, b"nobody's", "failed")
    assert cabinet.last("visit.refused").fields["rule"] == "unknown_card"


def test_the_third_alarms_and_those_after_it_are_counted_by_the_minute() -> None:
    cabinet = Cabinet(strong(right(ADA, "K-0001")))
    for count in (1, 2):
        show(cabinet, ADA_CARD, "weak")
        assert cabinet.last("visit.refused").fields["card_failed"] == count
    assert "alarm.raised" not in cabinet.kinds()
    show(cabinet, ADA_CARD, "weak")
    assert cabinet.last("alarm.raised").fields == {"code": "card.unproven", "device": "reader"}
    before = cabinet.kinds().count("visit.refused")
    for _ in range(20):
        show(cabinet, ADA_CARD, "weak")
    assert cabinet.kinds().count("visit.refused") == before + 1
    assert cabinet.kinds().count("alarm.raised") == 1
    assert cabinet.refolded() == cabinet.state.ledger


def test_the_count_outlives_a_cut_and_the_real_card_ends_it() -> None:
    cabinet = Cabinet(strong(right(ADA, "K-0001")))
    for _ in range(2):
        show(cabinet, ADA_CARD, "weak")
    cabinet.boot()
    show(cabinet, ADA_CARD, "weak")
    assert cabinet.last("alarm.raised").fields["code"] == "card.unproven"
    show(cabinet, ADA_CARD, "strong")
    assert cabinet.last("alarm.cleared").fields["code"] == "card.unproven"
    assert cabinet.state.ledger.failures == {}


def test_somebody_elses_real_card_does_not_end_the_alarm() -> None:
    both = replace(strong(right(ADA, "K-0001"), right(LIN, "K-0002")), strong=frozenset({ADA_CARD, LIN_CARD}))
    cabinet = Cabinet(both)
    for _ in range(3):
        show(cabinet, ADA_CARD, "failed")
    show(cabinet, LIN_CARD, "strong")
    assert "alarm.cleared" not in cabinet.kinds()


def test_once_a_day_is_no_alarm() -> None:
    cabinet = Cabinet(strong(right(ADA, "K-0001")))
    for _ in range(3):
        show(cabinet, ADA_CARD, "weak")
        cabinet.pass_time(90_000)
    assert "alarm.raised" not in cabinet.kinds()


def test_whoever_is_served_goes_on() -> None:
    cabinet = Cabinet(strong(right(ADA, "K-0001"), right(LIN, "K-0002"), right(LIN, "K-0003")))
    show(cabinet, LIN_CARD, "weak")
    running = cabinet.state.visit
    assert running is not None
    show(cabinet, ADA_CARD, "weak")
    assert cabinet.state.visit is not None
    assert cabinet.state.visit.person == LIN
    cabinet.enter("3")
    assert cabinet.pulses() == [3]


@pytest.mark.parametrize(("proof", "rule"), [("weak", "strong_card_missing"), ("strong", None)])
def test_a_right_may_ask_for_a_strong_card(proof: Proof, rule: str | None) -> None:
    wanted = replace(right(LIN, "K-0001", factors=(STRONG,)), persons=frozenset({LIN}))
    roster = rights(wanted)
    if proof == "strong":
        roster = replace(roster, strong=frozenset({LIN_CARD}))
    cabinet = Cabinet(roster)
    show(cabinet, LIN_CARD, proof)
    if rule is None:
        assert cabinet.last("item.granted").fields["auth"] == "strong-card"
    else:
        assert cabinet.last("item.denied").fields["rule"] == rule
        assert cabinet.screen() == "此物品需要安全卡。\n您的卡无法验证，请向管理员申领。"
        assert cabinet.pulses() == []


def test_another_way_that_a_right_names_stays_open() -> None:
    cabinet = Cabinet(rights(right(ADA, "K-0001", factors=(STRONG, NUMBER_PIN))))
    cabinet.enter("1001")
    cabinet.enter(PIN)
    assert cabinet.last("item.granted").fields["auth"] == "number+pin"


def test_with_a_pin_beside_it() -> None:
    cabinet = Cabinet(strong(right(ADA, "K-0001", factors=(STRONG | {"pin"},))))
    show(cabinet, ADA_CARD, "strong")
    assert cabinet.pulses() == []
    cabinet.enter(PIN)
    assert cabinet.last("item.granted").fields["auth"] == "strong-card+pin"


def test_what_the_visitor_has_shown_waits_with_them() -> None:
    cabinet = Cabinet(strong(right(LIN, "K-0002"), right(LIN, "K-0003"), right(ADA, "K-0001", factors=(STRONG,))))
    show(cabinet, LIN_CARD, "weak")
    show(cabinet, ADA_CARD, "strong")
    assert "visit.queued" in cabinet.kinds()
    cabinet.cancel()
    cabinet.pass_time(3)
    assert cabinet.last("visit.identified").fields["auth"] == "strong-card"


@pytest.mark.parametrize(("proof", "approved"), [("weak", False), ("strong", True)])
def test_who_approves_proves_it_too(proof: Proof, approved: bool) -> None:
    line = replace(right(LIN, "K-0002", factors=(CARD,)), quorum=Quorum(1, frozenset({"*"})), factors=(CARD,))
    cabinet = Cabinet(strong(line))
    show(cabinet, LIN_CARD, "weak")
    show(cabinet, ADA_CARD, proof)
    assert ("visit.authorised" in cabinet.kinds()) == approved
    assert (cabinet.pulses() == [2]) == approved


@pytest.mark.parametrize(("enrolled", "rule"), [(True, None), (False, "strong_card_missing")])
def test_the_explanation_says_so(enrolled: bool, rule: str | None) -> None:
    roster = rights(right(ADA, "K-0001", factors=(STRONG,)))
    roster = replace(roster, strong=frozenset({ADA_CARD})) if enrolled else roster
    why = explain(roster, roster.people[ADA], roster.items["K-0001"], MONDAY_NOON_MS, wall_time_trusted=True)
    assert why.rule == rule
    assert (why.help is None) == (rule is None)
    assert why.steps[0].factors == ("strong-card",)
    assert why.steps[0].lacking == (() if enrolled else ("strong-card",))


@pytest.mark.parametrize(("proof", "is_strong"), [("weak", False), ("strong", True)])
def test_who_enrols_themselves_gets_what_the_card_has_shown(proof: Proof, is_strong: bool) -> None:
    cabinet = offered()
    show(cabinet, b"a new one", proof)
    (enrol,) = [effect for effect in cabinet.effects if isinstance(effect, Enrol)]
    assert (enrol.strong, enrol.card is not None) == (is_strong, True)


def test_nobody_enrols_a_card_that_could_not_prove_what_it_should() -> None:
    cabinet = offered()
    show(cabinet, b"a new one", "failed")
    assert not [effect for effect in cabinet.effects if isinstance(effect, Enrol)]
    assert cabinet.last("visit.refused").fields["rule"] == "card_unproven"


def offered() -> Cabinet:
    """Eve stands there with a code, and is asked for a card."""
    cabinet = Cabinet(rights(right(EVE, "K-0001")))
    cabinet.send(EnrolmentOffered(7, EVE, code_digest("40961327"), "chief"))
    cabinet.enter("40961327")
    return cabinet


@pytest.mark.parametrize("rule", sorted(set(get_args(Rule)) - {"no_item", "slot_taken"}))
def test_every_rule_has_its_words(rule: str) -> None:
    """For whoever stands there, in both languages, and for whoever asks on their behalf."""
    assert rule in RULES
    for language in LANGUAGES:
        assert text(rule, language, window="08:00", missing="training", item="K-0001", slot=1)
