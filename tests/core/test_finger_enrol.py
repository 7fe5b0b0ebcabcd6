"""A finger is enrolled at the cabinet: only with consent, by whoever stands there, and nothing stays of what was begun
and not ended."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cabinet.core.effects import Answer, DeleteFingers, Enrol, EnrolFinger, StopFinger, StoredFinger
from cabinet.core.events import (
    DeviceLost,
    Enrolled,
    FingerNotKnown,
    FingerShown,
    FingerStep,
    FingerTaken,
    JournalFailed,
    ModuleFound,
    RosterChanged,
    TakingRefusal,
)
from cabinet.core.requests import EnrolmentOffered, ErasureAsked, FingerAsked
from cabinet.policy.rights import Pseudonym
from hal.capabilities import EnrolStep
from tests.core.cabinet import ADA, EVE, LIN, LIN_CARD, Cabinet, code_digest, people, right, rights
from tests.core.test_fingers import FINGER, MARK, OTHER, SETUP

DIGITS, NEW = "40961327", "902718"


def cabinet_of(*, agreed: bool = False, who: Pseudonym = EVE, stored: dict[int, Pseudonym] | None = None) -> Cabinet:
    """A module of ten, with what is stored in it of whom."""
    known = people(**{who: {"fingers_agreed": agreed}})
    mine = {1: ADA} if stored is None else stored
    cabinet = Cabinet(
        replace(rights(right(EVE, "K-0001", factors=(FINGER,)), who=known), fingers={MARK: mine}), setup=SETUP
    )
    cabinet.send(ModuleFound("finger", MARK, frozenset(mine), 10))
    return cabinet


def ask(cabinet: Cabinet, who: Pseudonym = EVE, **more: object) -> list[Answer]:
    asked = FingerAsked(7, who, None, "chief", **more)  # type: ignore[arg-type]
    return [one for one in cabinet.send(asked) if isinstance(one, Answer)]


def wanted(cabinet: Cabinet) -> Enrol:
    return next(one for one in reversed(cabinet.effects) if isinstance(one, Enrol))


def taking(cabinet: Cabinet) -> EnrolFinger:
    return next(one for one in reversed(cabinet.effects) if isinstance(one, EnrolFinger))


def stored(cabinet: Cabinet, refusal: str | None = None) -> None:
    """What the roster says to it."""
    effect = wanted(cabinet)
    if refusal is None and effect.what == "consent":
        person = replace(cabinet.rights.people[effect.person], fingers_agreed=True)
        cabinet.rights = replace(cabinet.rights, people={**cabinet.rights.people, effect.person: person})
    elif refusal is None and effect.finger is not None:
        mine = {n: one for n, one in cabinet.rights.fingers[MARK].items() if n not in effect.finger.replaces}
        cabinet.rights = replace(cabinet.rights, fingers={MARK: {**mine, effect.finger.template: effect.person}})
    if refusal is None:
        cabinet.send(RosterChanged())
    cabinet.send(Enrolled(effect.visit, effect.seq, effect.what, refusal))


def step(cabinet: Cabinet, what: EnrolStep) -> str:
    effect = taking(cabinet)
    cabinet.send(FingerStep(effect.visit, effect.seq, what))
    return cabinet.screen()


def taken(cabinet: Cabinet, refusal: TakingRefusal | None = None, effect: EnrolFinger | None = None) -> None:
    """As the module does: it says what it holds, then that it is done."""
    effect = effect or taking(cabinet)
    if refusal is None:
        held = cabinet.state.modules["finger"].templates
        cabinet.send(ModuleFound("finger", MARK, held | {effect.template}, 10))
    cabinet.send(FingerTaken(effect.visit, effect.seq, "finger", effect.template, refusal))


def deletions(cabinet: Cabinet) -> list[set[int]]:
    return [set(one.templates) for one in cabinet.effects if isinstance(one, DeleteFingers)]


def answers(cabinet: Cabinet) -> list[Answer]:
    return [one for one in cabinet.effects if isinstance(one, Answer)]


def test_asked_agreed_taken_twice_and_known_from_then_on() -> None:
    cabinet = cabinet_of()
    assert ask(cabinet) == []
    assert (
        cabinet.screen()
        == "{name}: may the reader keep a finger\nof yours, until you take this back?\n1 yes, 2 no, then #"
    )
    assert not any(isinstance(one, EnrolFinger) for one in cabinet.effects)
    cabinet.enter("1")
    effect = wanted(cabinet)
    assert (effect.what, effect.person, effect.operator) == ("consent", EVE, "chief")
    stored(cabinet)
    assert (taking(cabinet).reader, taking(cabinet).template) == ("finger", 0)
    steps: list[EnrolStep] = ["put", "unclear", "lift", "again"]
    assert [step(cabinet, one).split(".")[0] for one in steps] == [
        "Put one finger on the reader",
        "That was not clear",
        "Lift it",
        "The same finger once more",
    ]
    taken(cabinet)
    assert wanted(cabinet).finger == StoredFinger(MARK, 0, ())
    assert answers(cabinet) == []
    stored(cabinet)
    assert cabinet.screen() == "Done. From now on\nthis finger is known here."
    assert (answers(cabinet), cabinet.state.visit, cabinet.state.storing) == ([Answer(7)], None, {})
    cabinet.send(FingerShown("finger", MARK, 0))
    assert cabinet.pulses() == [1]
    assert deletions(cabinet) == []


def test_who_has_agreed_before_is_not_asked_again_and_a_chinese_speaker_reads_chinese() -> None:
    cabinet = cabinet_of(agreed=True)
    ask(cabinet)
    assert cabinet.screen() == "Put one finger on the reader."
    cabinet = cabinet_of(who=LIN)
    ask(cabinet, LIN)
    assert cabinet.screen() == "{name}：是否同意读头保存\n您的指纹用于识别？可随时撤回。\n1 同意，2 不同意，再按 #"
    cabinet.enter("1")
    stored(cabinet)
    assert step(cabinet, "again") == "请再放一次同一手指。"


@pytest.mark.parametrize("how", ["2", "*"])
def test_who_would_rather_not_leaves_nothing(how: str) -> None:
    cabinet = cabinet_of()
    ask(cabinet)
    cabinet.cancel() if how == "*" else cabinet.enter(how)
    assert [bool(one.refusal) for one in answers(cabinet)] == [True]
    assert not any(isinstance(one, Enrol | EnrolFinger) for one in cabinet.effects)
    assert cabinet.state.visit is None


def test_another_digit_is_no_answer() -> None:
    cabinet = cabinet_of()
    ask(cabinet)
    cabinet.enter("11")
    assert cabinet.screen().startswith("{name}: may the reader")
    assert not any(isinstance(one, Enrol) for one in cabinet.effects)


def test_until_it_is_stored_nobody_is_identified_by_what_they_put_on() -> None:
    cabinet = cabinet_of()
    ask(cabinet)
    before = len(cabinet.journal)
    cabinet.send(FingerShown("finger", MARK, 1))
    cabinet.send(FingerNotKnown("finger"))
    assert len(cabinet.journal) == before
    assert cabinet.state.visit is not None
    assert cabinet.state.visit.person == EVE


def test_a_known_finger_is_refused_without_saying_whose() -> None:
    cabinet = cabinet_of(agreed=True)
    ask(cabinet)
    taken(cabinet, "known")
    assert cabinet.screen() == "This finger is known already.\nNothing was stored."
    leaf = cabinet.last("visit.refused")
    assert (leaf.fields["rule"], [one.person for one in leaf.subs]) == ("finger_known", [EVE])
    assert "known already" in (answers(cabinet)[0].refusal or "")
    assert cabinet.state.storing == {}


def test_fingers_that_differ_are_tried_three_times() -> None:
    cabinet = cabinet_of(agreed=True)
    ask(cabinet)
    for _ in range(2):
        taken(cabinet, "differs")
        assert cabinet.screen().startswith("That was not the same finger twice.")
    taken(cabinet, "differs")
    assert (cabinet.state.visit, cabinet.state.storing) == (None, {})
    assert sum(isinstance(one, EnrolFinger) for one in cabinet.effects) == 3


@pytest.mark.parametrize("refusal", ["timeout", "failed"])
def test_nothing_came_of_it(refusal: TakingRefusal) -> None:
    cabinet = cabinet_of(agreed=True)
    ask(cabinet)
    taken(cabinet, refusal)
    assert (cabinet.state.visit, cabinet.state.storing, deletions(cabinet)) == (None, {}, [])
    assert "nothing was stored" in (answers(cabinet)[0].refusal or "") or "could not store" in cabinet.screen()


@pytest.mark.parametrize("how", ["star", "idle", "card", "erased", "disk"])
def test_who_goes_meanwhile_leaves_no_template(how: str) -> None:
    """The module may have stored it in the very moment."""
    cabinet = cabinet_of(agreed=True)
    ask(cabinet)
    effect = taking(cabinet)
    match how:
        case "star":
            cabinet.cancel()
        case "idle":
            cabinet.pass_time(31)
        case "card":
            cabinet.pass_time(9)
            cabinet.badge(LIN_CARD)
        case "erased":
            cabinet.send(ErasureAsked(9, EVE, "chief", "left"))
        case "disk":
            cabinet.send(JournalFailed())
            cabinet.state = replace(cabinet.state, journal_good=True)
    assert StopFinger("finger") in cabinet.effects
    assert any(one.request == 7 and one.refusal for one in answers(cabinet))
    taken(cabinet, effect=effect)
    assert deletions(cabinet) == [{0}]
    assert not any(isinstance(one, Enrol) for one in cabinet.effects)


def test_what_the_roster_would_not_take_is_deleted() -> None:
    cabinet = cabinet_of(agreed=True)
    ask(cabinet)
    taken(cabinet)
    assert deletions(cabinet) == []
    stored(cabinet, "not_recorded")
    assert deletions(cabinet) == [{0}]
    assert answers(cabinet)[0].refusal is not None


def test_walked_away_while_the_roster_was_written_it_is_theirs() -> None:
    cabinet = cabinet_of(agreed=True)
    ask(cabinet)
    taken(cabinet)
    cabinet.pass_time(9)
    cabinet.badge(LIN_CARD)
    assert deletions(cabinet) == []
    stored(cabinet)
    assert (deletions(cabinet), cabinet.state.storing) == ([], {})


def test_a_cut_in_between_leaves_a_template_that_the_start_deletes() -> None:
    cabinet = cabinet_of(agreed=True)
    ask(cabinet)
    taken(cabinet)
    cabinet.boot()
    cabinet.send(ModuleFound("finger", MARK, frozenset({0, 1}), 10))
    assert deletions(cabinet) == [{0}]


def test_a_number_that_is_somebodys_or_about_to_be_deleted_is_not_taken() -> None:
    cabinet = cabinet_of(agreed=True, stored={0: ADA, 2: LIN})
    cabinet.send(ModuleFound("finger", MARK, frozenset({1, 2}), 10))  # 0 is gone, 1 is nobody's
    ask(cabinet)
    assert taking(cabinet).template == 3


def test_a_lost_finger_is_replaced_by_the_new_one() -> None:
    cabinet = cabinet_of(agreed=True, stored={0: EVE, 1: ADA})
    cabinet.send(ModuleFound("finger", MARK, frozenset({1}), 10))
    assert "finger.template_lost/finger" in cabinet.state.ledger.alarms
    ask(cabinet)
    taken(cabinet)
    assert wanted(cabinet).finger == StoredFinger(MARK, 2, (0,))
    stored(cabinet)
    assert cabinet.state.ledger.alarms == {}


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ("lost", "does not answer"),
        ("swapped", "another module"),
        ("full", "is full"),
        ("busy", "somebody is at the cabinet"),
        ("clock", "clock is not trusted"),
        ("suspended", "person_suspended"),
        ("gone", "roster has changed"),
    ],
)
def test_what_is_in_the_way_is_said_first(how: str, why: str) -> None:
    cabinet = cabinet_of(stored=dict.fromkeys(range(10), ADA) if how == "full" else None)
    match how:
        case "lost":
            cabinet.send(DeviceLost("finger", "unplugged"))
        case "swapped":
            cabinet.send(ModuleFound("finger", OTHER, frozenset(), 10))
        case "busy":
            cabinet.badge(LIN_CARD)
        case "clock":
            cabinet.now = replace(cabinet.now, quality="none")
        case "suspended":
            cabinet.rights = replace(cabinet.rights, people=people(**{EVE: {"suspended": True}}))
        case "gone":
            cabinet.rights = replace(cabinet.rights, people={})
    [answer] = ask(cabinet)
    assert why in (answer.refusal or "")


def test_a_dry_run_asks_nobody() -> None:
    cabinet = cabinet_of()
    assert ask(cabinet, dry_run=True) == [Answer(7)]
    assert cabinet.state.visit is None


def by_code() -> Cabinet:
    cabinet = cabinet_of()
    cabinet.send(EnrolmentOffered(8, EVE, code_digest(DIGITS), "chief"))
    cabinet.enter(DIGITS)
    return cabinet


def test_by_a_code_the_finger_comes_last() -> None:
    cabinet = by_code()
    cabinet.cancel()
    cabinet.enter(NEW)
    cabinet.enter(NEW)
    stored(cabinet)
    assert cabinet.screen().startswith("{name}: may the reader keep")
    cabinet.enter("1")
    assert wanted(cabinet).offer is not None
    stored(cabinet)
    taken(cabinet)
    stored(cabinet)
    assert cabinet.screen().startswith("Done.")
    assert cabinet.last("visit.ended").fields["cause"] == "enrolled"


def test_by_a_code_a_finger_alone_will_do_and_nothing_too() -> None:
    cabinet = by_code()
    cabinet.cancel()
    cabinet.cancel()
    assert cabinet.screen().startswith("{name}: may the reader keep")
    cabinet.cancel()
    assert (cabinet.screen(), cabinet.state.visit) == ("Goodbye.", None)
    cabinet.enter(DIGITS)
    assert cabinet.screen().startswith("Hold your new card")


def test_no_other_way_leads_to_a_release() -> None:
    cabinet = cabinet_of(agreed=True)
    ask(cabinet)
    cabinet.enter("1")
    cabinet.send(FingerShown("finger", MARK, 1))
    cabinet.send(Enrolled(1, 0, "finger"))
    cabinet.send(Enrolled(1, 1, "consent"))
    assert cabinet.pulses() == []
    assert wanted_none(cabinet)


def wanted_none(cabinet: Cabinet) -> bool:
    return not any(isinstance(one, Enrol) for one in cabinet.effects)
