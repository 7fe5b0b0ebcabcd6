from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from drivers.wire.terminal import CLEAR, COLUMNS_MAX, LINES_MAX, encode


def test_a_screen_in_bytes() -> None:
    # ECMA-48: ED is ESC [ 2 J, CUP without parameters is ESC [ H.
    assert encode("Slot 7\n钥匙") == b"\x1b[2J\x1b[HSlot 7\r\n\xe9\x92\xa5\xe5\x8c\x99"
    assert encode("") == CLEAR


def test_no_text_can_steer_the_terminal() -> None:
    assert encode("a\x1b[31mb\x07\x9bc\u202ed") == CLEAR + b"a [31mb  c d"


def test_bounded() -> None:
    wire = encode("\n".join(["钥" * 200] * 100))
    assert wire == CLEAR + b"\r\n".join([("钥" * COLUMNS_MAX).encode()] * LINES_MAX)


@given(st.text(max_size=200))
def test_any_text_becomes_lines_without_control_characters(text: str) -> None:
    screen = encode(text).removeprefix(CLEAR).decode("utf-8")
    lines = screen.split("\r\n")
    assert all(char.isprintable() or ord(char) > 0x9F for line in lines for char in line)
    assert len(lines) == max(1, min(LINES_MAX, len(text.splitlines())))


def test_half_a_surrogate_pair_does_no_harm() -> None:
    assert encode("a\ud800b") == CLEAR + b"a?b"
