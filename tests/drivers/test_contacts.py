"""Contacts by hand: what stood long enough is told, with the times written down."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.contacts import UNSTABLE_S, Contacts
from hal.capabilities import DeviceSuspect, InputRead


def contacts(*closed: bool) -> Contacts:
    one = Contacts("slots", 0.02)
    one.begin(dict(enumerate(closed, start=1)))
    return one


def test_all_are_told_at_first_and_once() -> None:
    some = contacts(True, False)
    assert list(some.news(10.0)) == [InputRead("slots", 1, True), InputRead("slots", 2, False)]
    assert list(some.news(11.0)) == []
    assert some.due_s() == math.inf


def test_a_bounce_is_told_as_one_change() -> None:
    some = contacts(True)
    list(some.news(10.0))
    for at_s, closed in ((11.0, False), (11.002, True), (11.003, False)):
        some.moved(1, closed, at_s)
    assert some.due_s() == pytest.approx(11.023)
    assert list(some.news(11.022)) == []
    assert list(some.news(11.0231)) == [InputRead("slots", 1, False)]


def test_a_swap_of_30_ms_is_told_however_late_anybody_looks() -> None:
    some = contacts(True)
    list(some.news(10.0))
    some.moved(1, False, 11.0)
    some.moved(1, True, 11.03)
    assert list(some.news(11.5)) == [InputRead("slots", 1, False), InputRead("slots", 1, True)]


def test_a_spike_of_10_ms_is_not() -> None:
    some = contacts(True)
    list(some.news(10.0))
    some.moved(1, False, 11.0)
    some.moved(1, True, 11.01)
    assert list(some.news(11.5)) == []


def test_one_that_does_not_rest_tells_nothing_any_more_until_it_does() -> None:
    some = contacts(True, True)
    list(some.news(10.0))
    told = []
    for step in range(150):
        some.moved(2, step % 2 == 0, 11.0 + step / 100)
        told += some.news(11.0 + step / 100)
    assert told == [
        InputRead("slots", 2, None),
        DeviceSuspect(
            "slots",
            "contact.unstable",
            "input 2: the contact does not rest; is its fob half seated, or a wire loose?",
        ),
    ]
    assert list(some.news(13.0)) == [InputRead("slots", 2, False), DeviceSuspect("slots", "contact.unstable", None)]


@given(st.lists(st.tuples(st.floats(0.0001, 0.5), st.booleans()), max_size=60))
def test_what_is_told_last_is_how_it_stands_and_nothing_is_told_twice(steps: list[tuple[float, bool]]) -> None:
    some, at_s = contacts(False), 10.0
    told: list[bool | None] = []
    for after_s, closed in steps:
        at_s += after_s
        some.moved(1, closed, at_s)
        told += [one.closed for one in some.news(at_s) if isinstance(one, InputRead)]
    told += [one.closed for one in some.news(at_s + UNSTABLE_S) if isinstance(one, InputRead)]
    assert told[-1] == (steps[-1][1] if steps else False)
    assert all(one != other for one, other in pairwise(told))
