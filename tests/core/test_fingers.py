"""A finger identifies as a card does, and only in the module that belongs behind its reader."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cabinet.core.effects import Answer, DeleteFingers
from cabinet.core.events import (
    DeviceLost,
    DeviceRestored,
    FingerNotKnown,
    FingersDeleted,
    FingerShown,
    ModuleFound,
    RosterChanged,
)
from cabinet.core.requests import ErasureAsked, ModuleAccepted
from cabinet.core.state import Setup, SlotSetup
from cabinet.policy.explain import explain
from cabinet.policy.rights import Factor, Pseudonym, Quorum, Right
from tests.core.cabinet import ADA, ADA_CARD, CARD_PIN, EVE, LIN, LIN_CARD, PIN, Cabinet, people, right, rights

MARK, OTHER = "aa" * 16, "bb" * 16
FINGER: frozenset[Factor] = frozenset({"finger"})
CARD_FINGER: frozenset[Factor] = frozenset({"card", "finger"})
NUMBER_FINGER: frozenset[Factor] = frozenset({"number", "finger"})
FINGER_PIN: frozenset[Factor] = frozenset({"finger", "pin"})
SETUP = Setup({n: SlotSetup("relays", 0.5) for n in range(1, 5)}, finger_readers=("finger",))
KNOWN = {1: ADA, 2: LIN, 3: EVE}


def known(*lines: Right, fingers: dict[int, Pseudonym] | None = None, stored: set[int] | None = None) -> Cabinet:
    """Everybody's finger is in the module, unless said otherwise."""
    mine = KNOWN if fingers is None else fingers
    cabinet = Cabinet(replace(rights(*lines), fingers={MARK: mine}), setup=SETUP)
    module(cabinet, MARK, set(mine) if stored is None else stored)
    return cabinet


def module(cabinet: Cabinet, mark: str, stored: set[int]) -> None:
    cabinet.send(ModuleFound("finger", mark, frozenset(stored), 10))


def touch(cabinet: Cabinet, number: int, mark: str = MARK) -> None:
    cabinet.send(FingerShown("finger", mark, number))


def unknown(cabinet: Cabinet) -> None:
    cabinet.send(FingerNotKnown("finger"))


def deletions(cabinet: Cabinet) -> list[set[int]]:
    return [set(effect.templates) for effect in cabinet.effects if isinstance(effect, DeleteFingers)]


def alarms(cabinet: Cabinet) -> dict[str, int | None]:
    return {one.code: one.count for one in cabinet.state.ledger.alarms.values()}


def test_a_finger_alone_releases_where_a_right_says_so() -> None:
    cabinet = known(right(ADA, "K-0001", factors=(FINGER,)))
    touch(cabinet, 1)
    assert cabinet.last("visit.identified").fields["auth"] == "finger"
    assert cabinet.last("item.granted").fields["auth"] == "finger"
    assert cabinet.pulses() == [1]


def test_who_has_rights_for_cards_alone_is_told_so() -> None:
    cabinet = known(right(ADA, "K-0001", factors=(frozenset({"card"}),)))
    touch(cabinet, 1)
    assert cabinet.last("item.denied").fields["rule"] == "factor_missing"
    assert cabinet.pulses() == []


def test_a_chinese_speaker_reads_chinese() -> None:
    cabinet = known(right(LIN, "K-0001", factors=(CARD_FINGER,)))
    touch(cabinet, 2)
    assert cabinet.screen() == "K-0001 还需刷卡：\n请刷卡。"


@pytest.mark.parametrize("first", ["card", "finger"])
def test_card_and_finger_in_either_order(first: str) -> None:
    cabinet = known(right(ADA, "K-0001", factors=(CARD_FINGER,)))
    if first == "card":
        cabinet.badge(ADA_CARD)
        assert cabinet.screen() == "K-0001: put your finger on the reader."
    else:
        touch(cabinet, 1)
        assert cabinet.screen() == "K-0001 needs your card too:\nhold it to the reader."
    assert cabinet.pulses() == []
    if first == "card":
        touch(cabinet, 1)
    else:
        cabinet.badge(ADA_CARD)
    assert cabinet.last("item.granted").fields["auth"] == "card+finger"
    assert cabinet.pulses() == [1]


def test_somebody_elses_finger_completes_nothing() -> None:
    cabinet = known(right(ADA, "K-0001", factors=(CARD_FINGER,)), right(LIN, "K-0002", factors=(CARD_FINGER,)))
    cabinet.badge(ADA_CARD)
    touch(cabinet, 2)
    assert cabinet.pulses() == []
    assert cabinet.last("visit.queued").subs[0].person == LIN
    cabinet.pass_time(9)
    assert cabinet.state.visit is not None
    assert (cabinet.state.visit.person, cabinet.state.visit.factors) == (LIN, frozenset({"finger"}))


def test_a_finger_in_the_place_of_a_pin() -> None:
    cabinet = known(right(ADA, "K-0001", factors=(NUMBER_FINGER,)))
    cabinet.enter("1001")
    assert cabinet.screen() == "PIN, then #"
    touch(cabinet, 1)
    assert cabinet.last("item.granted").fields["auth"] == "number+finger"


def test_a_finger_then_the_pin_and_both_orders_of_three() -> None:
    cabinet = known(right(ADA, "K-0001", factors=(FINGER_PIN,)))
    touch(cabinet, 1)
    cabinet.enter(PIN)
    assert cabinet.last("item.granted").fields["auth"] == "finger+pin"
    for pin_first in (True, False):
        cabinet = known(right(ADA, "K-0001", factors=(CARD_PIN | FINGER,)))
        cabinet.badge(ADA_CARD)
        for step in (True, False) if pin_first else (False, True):
            assert cabinet.pulses() == []
            cabinet.enter(PIN) if step else touch(cabinet, 1)
        assert cabinet.last("item.granted").fields["auth"] == "card+finger+pin"


def test_a_finger_approves() -> None:
    one = replace(right(ADA, "K-0001", factors=(FINGER,)), quorum=Quorum(1, frozenset({"cleaning"})))
    cabinet = known(one)
    touch(cabinet, 1)
    touch(cabinet, 2)
    assert cabinet.last("visit.authorised").fields["auth"] == "finger"
    assert cabinet.pulses() == [1]


def test_an_approver_is_asked_for_the_finger_too() -> None:
    one = replace(right(ADA, "K-0001", factors=(CARD_FINGER,)), quorum=Quorum(1, frozenset({"cleaning"})))
    cabinet = known(one)
    cabinet.badge(ADA_CARD)
    touch(cabinet, 1)
    cabinet.badge(LIN_CARD)
    touch(cabinet, 1)
    assert cabinet.pulses() == []
    cabinet.badge(LIN_CARD)
    touch(cabinet, 2)
    assert cabinet.last("visit.authorised").fields["auth"] == "card+finger"
    assert cabinet.pulses() == [1]


def test_an_unknown_finger_is_told_and_keeps_nobody_out() -> None:
    cabinet = known(right(ADA, "K-0001", factors=(FINGER,)))
    for _ in range(20):
        unknown(cabinet)
    assert cabinet.screen().startswith("This finger is not known.")
    assert [leaf.fields.get("rule") for _, leaf in cabinet.journal if leaf.ev == "visit.refused"] == ["unknown_finger"]
    assert (cabinet.state.ledger.failures, alarms(cabinet)) == ({}, {})
    touch(cabinet, 1)
    assert cabinet.pulses() == [1]
    cabinet.pass_time(61)
    assert cabinet.last("visit.refused").fields["count"] == 19


def test_unknown_fingers_count_where_one_is_asked_for_and_another_way_may_do() -> None:
    cabinet = known(right(ADA, "K-0001", factors=(CARD_FINGER, CARD_PIN)))
    cabinet.badge(ADA_CARD)
    unknown(cabinet)
    unknown(cabinet)
    assert cabinet.screen().startswith("This finger is not known.\nOnce more")
    unknown(cabinet)
    leaf = cabinet.last("visit.refused")
    assert (leaf.fields["rule"], leaf.fields["finger_failed"], leaf.subs[0].person) == ("unknown_finger", 3, ADA)
    assert cabinet.screen() == "PIN, then #"
    assert cabinet.refolded() == cabinet.state.ledger
    cabinet.enter(PIN)
    assert cabinet.last("item.granted").fields["auth"] == "card+pin"


def test_with_no_other_way_it_says_wait_and_a_good_finger_clears_it() -> None:
    cabinet = known(right(ADA, "K-0001", factors=(CARD_FINGER,)))
    cabinet.badge(ADA_CARD)
    for _ in range(3):
        unknown(cabinet)
    assert cabinet.last("item.denied").fields["rule"] == "finger_locked"
    assert cabinet.screen().startswith("Too many fingers were not known.")
    touch(cabinet, 1)  # it is theirs all the same
    assert cabinet.pulses() == [1]
    assert cabinet.state.ledger.failures == {}


def test_the_count_survives_a_cut() -> None:
    cabinet = known(right(ADA, "K-0001", factors=(CARD_FINGER,)))
    cabinet.badge(ADA_CARD)
    for _ in range(2):
        unknown(cabinet)
    cabinet.boot()
    module(cabinet, MARK, set(KNOWN))
    cabinet.badge(ADA_CARD)
    unknown(cabinet)
    assert cabinet.last("item.denied").fields["rule"] == "finger_locked"


@pytest.mark.parametrize("how", ["lost", "not there yet", "another"])
def test_a_finger_that_no_reader_can_tell_is_not_asked_for(how: str) -> None:
    roster = replace(rights(right(ADA, "K-0001", factors=(CARD_FINGER,))), fingers={MARK: KNOWN})
    cabinet = Cabinet(roster, setup=SETUP)
    if how != "not there yet":
        module(cabinet, MARK, set(KNOWN))
    if how == "lost":
        cabinet.send(DeviceLost("finger", "unplugged"))
    if how == "another":
        module(cabinet, OTHER, set(KNOWN))
    cabinet.badge(ADA_CARD)
    assert cabinet.last("item.denied").fields["rule"] == "finger_silent"
    assert cabinet.screen().startswith("Your finger cannot be read just now.")
    told = explain(roster, roster.people[ADA], roster.items["K-0001"], cabinet.now.wall_ms, wall_time_trusted=True)
    assert (told.rule, "reader" in (told.help or "")) == ("finger_silent", True)


def test_a_swapped_module_identifies_nobody_until_somebody_accepts_it() -> None:
    cabinet = known(right(ADA, "K-0001", factors=(FINGER,)))
    module(cabinet, OTHER, {1, 7})
    assert alarms(cabinet) == {"finger.module_changed": None}
    touch(cabinet, 1, OTHER)
    assert cabinet.last("visit.refused").fields["rule"] == "module_changed"
    assert cabinet.screen().startswith("The finger reader was changed")
    touch(cabinet, 1)  # nothing that comes late from the one before
    cabinet.boot()
    module(cabinet, OTHER, {1, 7})
    assert (cabinet.pulses(), deletions(cabinet)) == ([], [])
    [dry] = cabinet.send(ModuleAccepted(5, "finger", "chief", dry_run=True))
    assert (dry, alarms(cabinet)) == (Answer(5), {"finger.module_changed": None})
    cabinet.rights = replace(cabinet.rights, fingers={})  # as the roster is written before
    cabinet.send(ModuleAccepted(6, "finger", "chief"))
    assert (alarms(cabinet), deletions(cabinet)) == ({}, [{1, 7}])
    assert cabinet.last("device.bound").fields == {"device": "finger", "module": OTHER, "operator": "chief"}
    assert cabinet.refolded() == cabinet.state.ledger


def test_the_right_module_back_again_ends_the_alarm() -> None:
    cabinet = known(right(ADA, "K-0001", factors=(FINGER,)))
    module(cabinet, OTHER, set())
    module(cabinet, MARK, set(KNOWN))
    assert alarms(cabinet) == {}
    touch(cabinet, 1)
    assert cabinet.pulses() == [1]


def test_without_its_mark_in_the_journal_a_strange_module_is_not_taken_for_the_first() -> None:
    cabinet = Cabinet(replace(rights(), fingers={MARK: KNOWN}), setup=SETUP)
    module(cabinet, OTHER, {4})
    assert (alarms(cabinet), deletions(cabinet)) == ({"finger.module_changed": None}, [])


@pytest.mark.parametrize(
    ("reader", "why"), [("door", "no finger reader"), ("finger", "has the module that belongs there")]
)
def test_what_need_not_be_accepted_is_refused(reader: str, why: str) -> None:
    [answer] = [one for one in known().send(ModuleAccepted(5, reader, "chief")) if isinstance(one, Answer)]
    assert why in (answer.refusal or "")


def test_templates_of_nobody_are_deleted_once() -> None:
    cabinet = known(stored={1, 2, 3, 8, 9})
    assert deletions(cabinet) == [{8, 9}]
    cabinet.send(RosterChanged())
    assert deletions(cabinet) == [{8, 9}]
    cabinet.send(FingersDeleted("finger", MARK, frozenset({8, 9}), done=True))
    module(cabinet, MARK, {1, 2, 3})
    assert (deletions(cabinet), alarms(cabinet)) == ([{8, 9}], {})


def test_what_could_not_be_deleted_is_told_and_tried_again() -> None:
    cabinet = known(stored={1, 2, 3, 8})
    cabinet.send(FingersDeleted("finger", MARK, frozenset({8}), done=False))
    assert alarms(cabinet) == {"finger.not_deleted": 1}
    cabinet.pass_time(61)
    assert (deletions(cabinet), alarms(cabinet)) == ([{8}, {8}], {"finger.not_deleted": 1})
    cabinet.send(FingersDeleted("finger", MARK, frozenset({8}), done=True))
    assert alarms(cabinet) == {}


def test_templates_that_are_gone_are_told_with_how_many_people() -> None:
    cabinet = known(fingers={1: ADA, 2: ADA, 3: EVE}, stored={3})
    assert alarms(cabinet) == {"finger.template_lost": 1}
    module(cabinet, MARK, set())
    assert alarms(cabinet) == {"finger.template_lost": 2}
    cabinet.rights = replace(cabinet.rights, fingers={MARK: {3: EVE}})
    cabinet.send(RosterChanged())
    assert alarms(cabinet) == {"finger.template_lost": 1}
    module(cabinet, MARK, {3})
    assert alarms(cabinet) == {}


def test_who_is_to_be_erased_is_unknown_and_deleted_at_once() -> None:
    cabinet = known(right(ADA, "K-0001", factors=(FINGER,)))
    cabinet.send(ErasureAsked(9, ADA, "chief", "left"))
    touch(cabinet, 1)
    assert cabinet.last("visit.refused").fields["rule"] == "unknown_finger"
    cabinet.rights = replace(rights(who={k: v for k, v in people().items() if k != ADA}), fingers={MARK: {2: LIN}})
    cabinet.send(RosterChanged())
    assert deletions(cabinet)[0] >= {1}
    assert cabinet.pulses() == []


@pytest.mark.parametrize("restarted", [False, True])
def test_of_who_is_erased_while_the_reader_is_lost_it_is_told_until_it_is_back(restarted: bool) -> None:
    cabinet = known()
    cabinet.send(DeviceLost("finger", "unplugged"))
    if restarted:
        cabinet.boot()
        cabinet.send(DeviceLost("finger", "unplugged"))
    cabinet.send(ErasureAsked(9, ADA, "chief", "left"))
    assert alarms(cabinet)["finger.not_deleted"] == 1
    cabinet.rights = replace(
        rights(who={k: v for k, v in people().items() if k != ADA}), fingers={MARK: {2: LIN, 3: EVE}}
    )
    cabinet.send(RosterChanged())
    assert (deletions(cabinet), alarms(cabinet)["finger.not_deleted"]) == ([], 1)
    cabinet.send(DeviceRestored("finger"))
    module(cabinet, MARK, {1, 2, 3})
    assert deletions(cabinet) == [{1}]
    cabinet.send(FingersDeleted("finger", MARK, frozenset({1}), done=True))
    assert alarms(cabinet) == {}
