"""What is asked, and what counts as an answer."""

from __future__ import annotations

from typing import Any

import pytest

from cabinet.policy.prompts import answer, asked, expected
from cabinet.policy.rights import Item, Prompt, Rights

TEXTS = {"en": "?", "zh": "？"}


def prompt(kind: str, id_: str = "p", **changes: Any) -> Prompt:
    return Prompt(id_, "return", kind, TEXTS, items=frozenset({"B-1"}), **changes)  # type: ignore[arg-type]


CHOICES = ({"en": "Flat", "zh": "平"}, {"en": "Full", "zh": "满"})


@pytest.mark.parametrize(
    ("one", "typed", "means"),
    [
        (prompt("number", least=10, most=20), "10", 10),
        (prompt("number", least=10, most=20), "020", 20),
        (prompt("number", least=10, most=20), "21", None),
        (prompt("number", least=10, most=20), "9", None),
        (prompt("yes-no"), "1", "yes"),
        (prompt("yes-no"), "2", "no"),
        (prompt("yes-no"), "0", None),
        (prompt("rating"), "5", 5),
        (prompt("rating"), "6", None),
        (prompt("rating"), "0", None),
        (prompt("choice", choices=CHOICES), "2", "Full"),
        (prompt("choice", choices=CHOICES), "0", None),
        (prompt("choice", choices=CHOICES), "3", None),
        (prompt("count"), "0", 0),
        (prompt("count"), "1000", None),
        (prompt("seal"), "0044", "0044"),
        (prompt("seal"), "1" * 13, None),
        (prompt("number"), "", None),
        (prompt("number"), "٣", None),
    ],
)
def test_an_answer_is_a_number_that_means_something(one: Prompt, typed: str, means: object) -> None:
    assert answer(one, typed) == means


def test_of_the_prompts_those_that_fit_are_asked_in_their_order() -> None:
    everything = tuple(prompt(kind, kind) for kind in ("count", "rating", "seal"))
    bunch = Item("B-1", keys=4, seal="S-12")
    assert [one.id for one in asked(Rights(prompts=everything), bunch, "return")] == ["count", "rating", "seal"]
    assert [one.id for one in asked(Rights(prompts=everything), Item("B-1"), "return")] == ["rating"]
    assert asked(Rights(prompts=everything), bunch, "take") == []
    assert asked(Rights(prompts=everything), Item("B-2", keys=4), "return") == []
    many = tuple(prompt("rating", str(n)) for n in range(9))
    assert [one.id for one in asked(Rights(prompts=many), bunch, "return")] == list("012345")


def test_what_a_count_and_a_seal_have_to_come_to() -> None:
    bunch = Item("B-1", keys=4, seal="S-1 2")
    assert [expected(prompt(kind), bunch) for kind in ("count", "seal", "rating")] == [4, "12", None]
