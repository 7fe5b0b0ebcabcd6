"""Frames as drivers of such boards have published them: 8A0101119B and its answers in more than ten repositories, a
captured answer of a board with 8 locks, WKLY of two scripts, CU16 and CU48 of one project each, Winnsen of one. The
sums were done again by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.wire.lock_board import HEARD_MAX, STYLES, Changes, OwnVoice, Request

A, CU16, CU48, WKLY, WINNSEN = (STYLES[name] for name in ("8a", "cu16", "cu48", "wkly", "winnsen"))


def raw(text: str) -> bytes:
    return bytes.fromhex(text)


@pytest.mark.parametrize(
    ("request_of", "frame"),
    [
        (A.release(1, 1), "8A 01 01 11 9B"),
        (A.release(1, 24), "8A 01 18 11 82"),
        (A.look(1, 1), "80 01 01 33 B3"),
        (A.sweep(1, (1,), None)[0], "80 01 00 33 B2"),
        (CU16.release(0, 1), "02 00 31 03 36"),
        (CU16.release(0, 16), "02 0F 31 03 45"),
        (CU16.release(1, 3), "02 12 31 03 48"),
        (CU16.look(0, 1), "02 00 30 03 35"),
        (CU48.release(0, 1), "02 00 00 61 03 66"),
        (CU48.release(0, 48), "02 00 2F 61 03 95"),
        (CU48.look(0, 1), "02 00 00 60 03 65"),
        (WKLY.release(0, 1), "57 4B 4C 59 09 00 82 01 83"),
        (WKLY.release(10, 1), "57 4B 4C 59 09 0A 82 01 89"),
        (WKLY.sweep(0, (1,), None)[0], "57 4B 4C 59 08 00 84 85"),
        (WINNSEN.release(0, 1), "90 06 05 00 01 03"),
        (WINNSEN.look(0, 1), "90 06 12 00 01 03"),
    ],
)
def test_what_is_asked(request_of: Request[object], frame: str) -> None:
    assert request_of.frame == raw(frame)


@pytest.mark.parametrize(
    ("request_of", "reply", "found"),
    [
        (A.release(1, 1), "8A 01 01 00 8A", True),
        (A.release(1, 1), "8A 01 01 11 9B", True),
        (A.look(1, 1), "80 01 01 00 80", {1: False}),
        (A.look(1, 1), "80 01 01 11 91", {1: True}),
        (A.look(1, 1), "80 01 01 33 B3", OwnVoice()),
        (A.sweep(1, (8,), None)[0], "80 01 00 00 00 33 B2", dict.fromkeys(range(1, 25), False)),
        (A.sweep(1, (24,), 24)[0], "80 01 FF FF FE 33 4C", {lock: lock != 1 for lock in range(1, 25)}),
        (CU16.look(0, 1), "02 00 35 FE FF 07 00 03 3E", {n: 2 <= n <= 16 or 17 <= n <= 19 for n in range(1, 33)}),
        (CU48.release(0, 1), "02 00 00 75 00 77", True),
        (CU48.look(0, 1), "02 00 00 75 06 FF FF FF FF FF FE 76", {lock: lock != 41 for lock in range(1, 49)}),
        (WKLY.release(0, 1), "57 4B 4C 59 0B 00 82 00 01 00 81", True),
        (WKLY.release(0, 1), "57 4B 4C 59 0B 00 82 FF 01 01 7F", False),
        (WKLY.sweep(0, (4,), None)[0], "57 4B 4C 59 0E 00 84 00 04 00 01 01 00 87", {1: 0, 2: 1, 3: 1, 4: 0}),
        (WINNSEN.release(0, 1), "90 07 85 00 01 01 03", True),
        (WINNSEN.release(0, 1), "90 07 85 00 01 00 03", False),
        (WINNSEN.look(0, 1), "90 07 92 00 01 00 03", {1: True}),
        (WINNSEN.look(0, 1), "90 07 92 00 01 01 03", {1: False}),
    ],
)
def test_what_an_answer_says(request_of: Request[object], reply: str, found: object) -> None:
    assert any(raw(reply).startswith(head) and len(raw(reply)) == size for head, size in request_of.heads)
    assert request_of.check(raw(reply)) == found


@pytest.mark.parametrize(
    ("request_of", "reply"),
    [
        (A.release(1, 1), "8A 01 01 00 8B"),
        (A.release(1, 1), "8A 01 01 22 A8"),
        (A.look(1, 1), "80 01 01 22 A2"),
        (A.sweep(1, (24,), 24)[0], "80 01 FF FF FE 32 4D"),
        (CU16.look(0, 1), "02 00 35 FE FF 07 00 03 3F"),
        (CU16.look(0, 1), "02 00 35 FE FF 07 00 04 3F"),
        (CU48.release(0, 1), "02 00 00 75 00 78"),
        (CU48.look(0, 1), "02 00 00 75 06 FF FF FF FF FF FE 77"),
        (WKLY.release(0, 1), "57 4B 4C 59 0B 00 82 00 02 00 82"),
        (WKLY.release(0, 1), "57 4B 4C 59 0B 00 82 05 01 00 84"),
        (WKLY.sweep(0, (4,), None)[0], "57 4B 4C 59 0E 00 84 00 03 00 01 01 00 80"),
        (WKLY.sweep(0, (4,), None)[0], "57 4B 4C 59 0E 00 84 00 04 00 02 01 00 84"),
        (WINNSEN.look(0, 1), "90 07 92 00 01 02 03"),
        (WINNSEN.look(0, 1), "90 07 92 00 01 00 04"),
    ],
)
def test_what_is_no_answer(request_of: Request[object], reply: str) -> None:
    assert request_of.check(raw(reply)) is None


def test_an_answer_of_another_board_or_lock_is_not_looked_at() -> None:
    assert A.look(2, 1).heads == ((raw("80 02 01"), 5),)
    assert CU16.look(3, 1).heads == ((raw("02 30 35"), 9),)
    assert WINNSEN.release(2, 5).heads == ((raw("90 07 85 02 05"), 7),)
    assert WKLY.sweep(2, (4,), 4)[0].heads == ((raw("57 4B 4C 59 0E 02 84"), 14),)


def test_a_board_that_told_24_locks_is_not_believed_with_another_number() -> None:
    assert [size for _, size in A.sweep(1, (8,), 24)[0].heads] == [7]
    assert [size for _, size in WKLY.sweep(1, (8,), 12)[0].heads] == [22]


def test_an_answer_that_may_be_the_question_says_so() -> None:
    [request] = A.sweep(1, (8,), 8)
    assert request.alike
    assert request.check(request.frame) == dict.fromkeys(range(1, 9), False)
    assert not A.sweep(1, (8,), 24)[0].alike


@given(st.lists(st.integers(1, 6), max_size=10), st.binary(max_size=20))
def test_changes_are_found_in_any_chopping_and_nothing_is_hoarded(cuts: list[int], noise: bytes) -> None:
    told = noise.replace(b"\x81", b"") + raw("81 01 01 00 81") + raw("81 02 01 00 82") + raw("81 01 01 11 90")
    changes, found = Changes(A, 1), 0
    for size in [*cuts, len(told)]:
        found += changes.feed(told[:size])
        told = told[size:]
        assert len(changes._heard) <= HEARD_MAX
    assert found == 2


def test_a_change_of_a_wkly_board() -> None:
    frame = raw("57 4B 4C 59 0B 02 85 00 01 01")
    check = 0
    for byte in frame:
        check ^= byte
    assert Changes(WKLY, 2).feed(b"\x00W" + frame + bytes([check])) == 1
    assert Changes(WKLY, 2).feed(b"\x00W" + frame + bytes([check ^ 1])) == 0
    assert Changes(WKLY, 3).feed(frame + bytes([check])) == 0
    assert Changes(CU16, 2).feed(frame + bytes([check])) == 0


def test_no_request_opens_all_or_keeps_a_coil_on() -> None:
    frames = [STYLES[name].release(1, lock).frame for name in STYLES for lock in (1, 8, 16)]
    assert all(frame[:1] != b"\x8a" or frame[2] for frame in frames)
    assert all(frame[:4] != b"WKLY" or frame[6] == 0x82 for frame in frames)
    assert all(len(frame) != 5 or frame[:1] != b"\x02" or frame[2] == 0x31 for frame in frames)
