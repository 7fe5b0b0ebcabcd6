from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.wire.keypad import LAYOUT, Debouncer, Key, corners, keys_down, label

ROWS, COLUMNS, SCANS = 4, 3, 3
NONE: frozenset[Key] = frozenset()
keys = st.tuples(st.integers(0, ROWS - 1), st.integers(0, COLUMNS - 1))


def matrix(pressed: frozenset[Key]) -> list[list[bool]]:
    """What a keypad without diodes reads: current finds every way through keys that are down."""
    levels = []
    for driven in range(ROWS):
        rows, columns = {driven}, set[int]()
        while True:
            reached = {c for r, c in pressed if r in rows}, {r for r, c in pressed if c in columns}
            if reached[0] <= columns and reached[1] <= rows:
                break
            columns |= reached[0]
            rows |= reached[1]
        levels.append([column not in columns for column in range(COLUMNS)])
    return levels


def settled() -> Debouncer:
    debouncer = Debouncer(SCANS)
    for _ in range(SCANS):
        debouncer.scan(NONE)
    assert debouncer.at_rest
    return debouncer


def scan(debouncer: Debouncer, *scans: frozenset[Key]) -> list[Key]:
    return [key for down in scans if (key := debouncer.scan(down)) is not None]


def test_the_printed_layout() -> None:
    assert [label((row, 0)) for row in range(4)] == ["1", "4", "7", "*"]
    assert label((3, 1)) == "0"
    assert label((3, 2)) == "#"
    assert {len(row) for row in LAYOUT} == {4}


@given(st.frozensets(keys, max_size=2))
def test_one_or_two_keys_read_as_they_are(pressed: frozenset[Key]) -> None:
    down = keys_down(matrix(pressed))
    assert down == pressed
    assert corners(down) == NONE


@given(keys, keys)
def test_three_corners_of_a_rectangle_are_ambiguous(one: Key, other: Key) -> None:
    if one[0] == other[0] or one[1] == other[1]:
        return
    down = keys_down(matrix(frozenset({one, other, (one[0], other[1])})))
    assert len(down) == 4
    assert corners(down) == down


@given(st.frozensets(keys, max_size=8))
def test_what_a_scan_shows_and_is_no_corner_is_really_pressed(pressed: frozenset[Key]) -> None:
    down = keys_down(matrix(pressed))
    assert pressed <= down
    assert down - corners(down) <= pressed


def test_a_key_counts_after_equal_scans_and_once() -> None:
    five = frozenset({(1, 1)})
    debouncer = settled()
    assert scan(debouncer, five, five) == []
    assert scan(debouncer, five) == [(1, 1)]
    assert scan(debouncer, *[five] * 20_000) == []
    assert not debouncer.at_rest
    assert scan(debouncer, NONE, NONE, NONE) == []
    assert debouncer.at_rest
    assert scan(debouncer, five, five, five) == [(1, 1)]


@given(key=keys, bounces=st.lists(st.booleans(), max_size=30))
def test_bounces_shorter_than_the_scans_never_count_twice(key: Key, bounces: list[bool]) -> None:
    down = frozenset({key})
    debouncer = settled()
    pressed = scan(debouncer, *[down] * SCANS)
    longest_gap = 0
    for closed in bounces:
        longest_gap = 0 if closed else longest_gap + 1
        if longest_gap >= SCANS:
            return
        pressed += scan(debouncer, down if closed else NONE)
    assert pressed == [key]


def test_a_second_key_counts_only_when_it_is_alone() -> None:
    one, two = frozenset({(0, 0)}), frozenset({(0, 1)})
    debouncer = settled()
    assert scan(debouncer, *[one] * 3) == [(0, 0)]
    assert scan(debouncer, *[one | two] * 10) == []
    assert scan(debouncer, *[one] * 3) == []
    assert scan(debouncer, *[one | two] * 10, *[two] * 3) == [(0, 1)]


def test_ghost_scans_press_nothing() -> None:
    ghost = frozenset({(0, 0), (0, 1), (1, 0), (1, 1)})
    debouncer = settled()
    assert scan(debouncer, *[ghost] * 10) == []
    assert not debouncer.at_rest
    assert scan(debouncer, *[NONE] * 3) == []
    assert debouncer.at_rest


def test_a_key_stuck_at_start_is_ignored_and_the_others_work() -> None:
    stuck, five = frozenset({(3, 2)}), frozenset({(1, 1)})
    debouncer = Debouncer(SCANS)
    assert scan(debouncer, *[stuck] * 3) == []
    assert debouncer.stuck == stuck
    assert not debouncer.at_rest
    assert scan(debouncer, *[stuck | five] * 3) == [(1, 1)]
    assert scan(debouncer, *[NONE] * 3) == []
    assert debouncer.stuck == NONE
    assert scan(debouncer, *[stuck] * 3) == [(3, 2)]


def test_a_key_that_is_given_up_leaves_the_others_usable() -> None:
    stuck, five = frozenset({(3, 2)}), frozenset({(1, 1)})
    debouncer = settled()
    assert scan(debouncer, *[stuck] * 100) == [(3, 2)]
    assert scan(debouncer, *[stuck | five] * 3) == []
    assert scan(debouncer, *[stuck] * 3) == []
    debouncer.give_up(stuck)
    assert scan(debouncer, *[stuck] * 3, *[stuck | five] * 3, *[stuck] * 3, *[stuck | five] * 3) == [(1, 1)] * 2
    assert scan(debouncer, *[NONE] * 3, *[stuck] * 3) == [(3, 2)]


def test_beside_a_rectangle_that_is_given_up_what_is_no_corner_of_another_counts() -> None:
    """Three keys jammed: the fourth is a ghost. A key in a row and a column of its own is sure, none in theirs is."""
    jammed = keys_down(matrix(frozenset({(0, 0), (0, 1), (1, 0)})))
    debouncer = settled()
    assert scan(debouncer, *[jammed] * 10) == []
    debouncer.give_up(jammed)
    for pressed, counts in (((2, 2), True), ((3, 2), True), ((2, 0), False), ((0, 2), False)):
        down = keys_down(matrix(frozenset({(0, 0), (0, 1), (1, 0), pressed})))
        assert scan(debouncer, *[down] * 5, *[jammed] * 5) == ([pressed] if counts else []), pressed


def test_a_key_pressed_just_after_start_counts() -> None:
    five = frozenset({(1, 1)})
    debouncer = Debouncer(SCANS)
    assert scan(debouncer, NONE, five, five, five) == [(1, 1)]
    assert debouncer.stuck == NONE


@given(st.lists(st.frozensets(keys, max_size=4), max_size=60), st.integers(1, 4))
def test_a_press_is_always_of_a_key_that_was_down_alone_beside_the_stuck(
    scans: list[frozenset[Key]], needed: int
) -> None:
    debouncer = Debouncer(needed)
    for index, down in enumerate(scans):
        key = debouncer.scan(down)
        if key is not None:
            assert down - debouncer.stuck == {key}
            assert scans[index + 1 - needed : index + 1] == [down] * needed


def test_label_of_every_key() -> None:
    assert [label((r, c)) for r in range(4) for c in range(4)] == list("123A456B789C*0#D")
    with pytest.raises(IndexError):
        label((4, 0))
