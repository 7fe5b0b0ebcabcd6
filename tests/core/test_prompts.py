"""What the cabinet asks: no release without a required answer, and every question about a return settled once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cabinet.core.events import JournalFailed, JournalRecovered
from cabinet.policy.rights import Item, Prompt, Rights
from tests.core.cabinet import ADA, ADA_CARD, CARD, LIN, LIN_CARD, Cabinet, right, rights

TEXTS = {"en": "Why?", "zh": "用途？"}
REASONS = ({"en": "Work", "zh": "公务"}, {"en": "Private", "zh": "私人"})


def prompt(id_: str, at: str, kind: str, **changes: Any) -> Prompt:
    return Prompt(id_, at, kind, changes.pop("ask", TEXTS), items=frozenset({"K-0001"}), **changes)  # type: ignore[arg-type]


WHY = prompt("why", "take", "choice", required=True, choices=REASONS)
NOTE = prompt("note", "take", "rating")
KM = prompt("km", "return", "number", required=True, least=100, most=5000)
DAMAGE = prompt("damage", "return", "yes-no")


def asking(*prompts: Prompt, **item: Any) -> Rights:
    """Ada may take K-0001 to K-0003, Lin K-0001; the prompts are about K-0001."""
    roster = rights(right(ADA, "K-0001", "K-0002", "K-0003"), right(LIN, "K-0001", factors=(CARD,)))
    items = {**roster.items, "K-0001": Item("K-0001", slot=1, **item)}
    return replace(roster, prompts=prompts, items=items)


def out_with_ada(*prompts: Prompt, **item: Any) -> Cabinet:
    """She has K-0001 and has gone."""
    cabinet = Cabinet(asking(*prompts, **item))
    cabinet.badge(ADA_CARD)
    cabinet.enter("1")
    cabinet.lift(1)
    cabinet.cancel()
    return cabinet


def back(cabinet: Cabinet) -> None:
    cabinet.badge(ADA_CARD)
    cabinet.seat(1)


def settled(cabinet: Cabinet) -> list[tuple[str, object, object]]:
    return [
        (leaf.ev, leaf.fields["prompt"], leaf.fields.get("answer", leaf.fields.get("cause")))
        for _, leaf in cabinet.journal
        if leaf.ev.startswith("prompt.")
    ]


def test_nothing_is_released_before_the_answer() -> None:
    cabinet = Cabinet(asking(WHY))
    cabinet.badge(ADA_CARD)
    cabinet.enter("1")
    assert (cabinet.screen(), cabinet.pulses()) == ("Why?\n1 Work, 2 Private, then #", [])
    cabinet.enter("3")
    assert cabinet.screen() == "That is no answer.\nWhy?\n1 Work, 2 Private, then #"
    assert cabinet.pulses() == []
    cabinet.enter("2")
    granted = next(n for n, (_, leaf) in enumerate(cabinet.journal) if leaf.ev == "item.granted")
    answered = cabinet.last("prompt.answered")
    assert (answered.fields["answer"], answered.fields["grant"], cabinet.pulses()) == ("Private", granted, [1])
    assert [(s.role, s.person) for s in answered.subs] == [("holder", ADA)]


def test_answers_are_journaled_in_the_step_of_the_grant() -> None:
    cabinet = Cabinet(asking(WHY, NOTE))
    cabinet.badge(LIN_CARD)
    cabinet.enter("1")
    before = len(cabinet.journal)
    cabinet.enter("5")
    kinds = [leaf.ev for _, leaf in cabinet.journal[before:]]
    assert kinds == ["item.granted", "prompt.answered", "prompt.answered"]


def test_a_chinese_reader_is_asked_in_chinese() -> None:
    cabinet = Cabinet(asking(NOTE))
    cabinet.badge(LIN_CARD)
    assert cabinet.screen() == "用途？\n1 差 至 5 好，再按 #\n按 * 跳过"


def test_star_skips_what_may_be_skipped() -> None:
    cabinet = Cabinet(asking(NOTE))
    cabinet.badge(ADA_CARD)
    cabinet.enter("1")
    assert cabinet.screen().endswith("\n* skips this")
    cabinet.cancel()
    assert cabinet.pulses() == [1]
    assert settled(cabinet) == [("prompt.unanswered", "note", "skipped")]


def test_star_at_a_required_prompt_ends_the_visit_and_opens_nothing() -> None:
    cabinet = Cabinet(asking(WHY))
    cabinet.badge(ADA_CARD)
    cabinet.enter("1")
    cabinet.cancel()
    denied = cabinet.last("item.denied")
    assert (denied.fields["rule"], denied.fields["missing"]) == ("prompt_unanswered", "why")
    assert cabinet.screen() == "Nothing opens without an answer.\nStart again when you have it."
    assert (cabinet.state.visit, cabinet.pulses()) == (None, [])


def test_who_goes_away_is_denied_too() -> None:
    cabinet = Cabinet(asking(WHY))
    cabinet.badge(ADA_CARD)
    cabinet.enter("1")
    cabinet.pass_time(31)
    assert cabinet.kinds(after="visit.identified")[:2] == ["item.denied", "visit.ended"]


def test_answers_are_for_one_item_and_one_visit() -> None:
    cabinet = Cabinet(asking(WHY, NOTE))
    cabinet.badge(ADA_CARD)
    cabinet.enter("1")
    cabinet.enter("1")
    cabinet.pass_time(8)
    cabinet.badge(LIN_CARD)
    assert cabinet.screen().startswith("用途")
    assert (settled(cabinet), cabinet.pulses()) == ([], [])


def test_what_has_closed_meanwhile_does_not_open_by_an_answer() -> None:
    cabinet = Cabinet(asking(WHY))
    cabinet.pass_time(8)
    cabinet.badge(ADA_CARD)
    cabinet.enter("1")
    cabinet.rights = replace(cabinet.rights, by_person={})
    cabinet.enter("1")
    assert (cabinet.last("item.denied").fields["rule"], cabinet.pulses()) == ("no_right", [])


def test_who_brings_it_back_is_asked_one_after_the_other() -> None:
    cabinet = out_with_ada(KM, DAMAGE)
    back(cabinet)
    returned = len(cabinet.journal) - 1
    assert cabinet.last("item.returned").fields["prompts"] == ["km", "damage"]
    assert cabinet.screen() == "Why?\n100 to 5000, then #"
    cabinet.enter("99")
    assert cabinet.screen().startswith("That is no answer.")
    cabinet.cancel()
    assert cabinet.screen().startswith("That is no answer.")
    cabinet.enter("4711")
    assert cabinet.screen() == "Why?\n1 yes, 2 no, then #\n* skips this"
    cabinet.cancel()
    assert settled(cabinet) == [("prompt.answered", "km", 4711), ("prompt.unanswered", "damage", "skipped")]
    assert cabinet.last("prompt.answered").fields["returned"] == returned
    assert cabinet.state.ledger.questions == {}
    assert cabinet.last("visit.ended").fields["cause"] == "done"
    assert cabinet.refolded() == cabinet.state.ledger


def test_a_return_without_a_visit_is_journaled_as_unanswered() -> None:
    cabinet = out_with_ada(KM, DAMAGE)
    cabinet.seat(1)
    cabinet.pass_time(0)
    unanswered = ("prompt.unanswered", "km", "unattended"), ("prompt.unanswered", "damage", "unattended")
    assert settled(cabinet) == [*unanswered]
    assert cabinet.last("prompt.unanswered").subs == ()


def test_a_cut_amid_the_questions_settles_each_once() -> None:
    cabinet = out_with_ada(KM, DAMAGE)
    back(cabinet)
    cabinet.enter("4711")
    cabinet.boot()
    cabinet.pass_time(1)
    assert settled(cabinet) == [("prompt.answered", "km", 4711), ("prompt.unanswered", "damage", "left")]
    assert [s.person for s in cabinet.last("prompt.unanswered").subs] == [ADA]
    cabinet.boot()
    cabinet.pass_time(1)
    assert len(settled(cabinet)) == 2


def test_a_disk_that_fails_ends_the_questions_and_not_the_record_of_them() -> None:
    cabinet = out_with_ada(KM)
    back(cabinet)
    cabinet.send(JournalFailed())
    cabinet.send(JournalRecovered())
    cabinet.pass_time(1)
    assert settled(cabinet) == [("prompt.unanswered", "km", "left")]


def test_the_next_one_in_line_leaves_it_unanswered() -> None:
    cabinet = out_with_ada(KM)
    back(cabinet)
    cabinet.pass_time(8)
    cabinet.badge(LIN_CARD)
    cabinet.pass_time(0)
    assert settled(cabinet) == [("prompt.unanswered", "km", "left")]
    assert cabinet.pulses()[-1] == 1  # Lin is served


def test_the_own_card_again_asks_again() -> None:
    cabinet = out_with_ada(KM)
    back(cabinet)
    cabinet.badge(ADA_CARD)
    assert cabinet.screen() == "Why?\n100 to 5000, then #"
    assert cabinet.pulses() == [1]
    cabinet.enter("100")
    assert settled(cabinet) == [("prompt.answered", "km", 100)]


def test_what_stands_open_comes_before_the_question() -> None:
    cabinet = out_with_ada(KM)
    cabinet.badge(ADA_CARD)
    cabinet.enter("2")
    cabinet.seat(1)
    assert "Why?" not in cabinet.screen()
    cabinet.lift(2)
    assert cabinet.screen().startswith("Why?")


def test_a_question_comes_after_a_grant_that_lapses() -> None:
    cabinet = out_with_ada(KM)
    cabinet.badge(ADA_CARD)
    cabinet.enter("2")
    cabinet.seat(1)
    cabinet.pass_time(16)
    assert cabinet.screen().startswith("Why?")


def test_a_prompt_that_is_gone_from_the_roster_holds_nobody_up() -> None:
    cabinet = out_with_ada(KM)
    back(cabinet)
    cabinet.rights = replace(cabinet.rights, prompts=())
    cabinet.enter("4711")
    cabinet.pass_time(0)
    assert settled(cabinet) == [("prompt.unanswered", "km", "left")]
    assert cabinet.state.visit is None


def test_what_nobody_had_raises_no_question() -> None:
    cabinet = Cabinet(asking(KM))
    cabinet.lift(1)
    cabinet.seat(1)
    cabinet.pass_time(0)
    assert settled(cabinet) == []


COUNT = prompt("keys", "return", "count", required=True)
SEAL = prompt("seal", "return", "seal")


def test_too_few_keys_are_journaled_and_alarmed_until_a_count_is_right() -> None:
    cabinet = out_with_ada(COUNT, keys=6, kind="bunch")
    back(cabinet)
    cabinet.enter("5")
    counted = cabinet.last("item.counted")
    assert (counted.fields["expected"], counted.fields["counted"]) == (6, 5)
    assert "item.count_differs/1" in cabinet.state.ledger.alarms
    assert cabinet.screen() == "Noted: K-0001 is not as listed.\nA custodian sees it."
    assert "6" not in cabinet.screen()
    cabinet.badge(ADA_CARD)
    cabinet.enter("1")
    cabinet.lift(1)
    cabinet.seat(1)
    cabinet.enter("6")
    assert cabinet.state.ledger.alarms == {}
    assert [leaf.ev for _, leaf in cabinet.journal].count("item.counted") == 1


def test_another_seal_is_another_alarm() -> None:
    cabinet = out_with_ada(COUNT, SEAL, keys=6, seal="S-44 11", kind="bunch")
    back(cabinet)
    cabinet.enter("6")
    cabinet.enter("4412")
    assert cabinet.last("item.counted").fields == {"slot": 1, "item": "K-0001", "expected": "4411", "counted": "4412"}
    assert list(cabinet.state.ledger.alarms) == ["item.seal_differs/1"]


def test_nothing_is_counted_where_the_roster_does_not_say_how_many() -> None:
    cabinet = out_with_ada(COUNT, SEAL)
    back(cabinet)
    assert cabinet.screen() == "K-0001 is back. Thank you."
