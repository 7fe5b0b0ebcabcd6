"""What stands on the simulated screen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.terminal_display import TerminalDisplay

CLEAR = b"\x1b[2J\x1b[H"


def shown(*chunks: bytes) -> str:
    texts = [""]
    display = TerminalDisplay(texts.append)
    for chunk in chunks:
        display.receive(chunk)
    assert texts[-1] == display.text
    return display.text


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        (b"Hello", "Hello"),
        (CLEAR + b"Slot 7\r\nTake the key", "Slot 7\nTake the key"),
        (CLEAR + b"old" + CLEAR + b"new", "new"),
        (b"long text\x1b[Hshort", "shorttext"),
        (b"\x1b[1;31mred\x1b[0m", "red"),
        (b"a\x1bcb", "ab"),
        (b"old\x1b[12" + CLEAR + b"new", "new"),
        (b"old\x1b" + CLEAR + b"new", "new"),
        (b"\x07a\x00b", "ab"),
        (b"\xff!", "\ufffd!"),
        (b"x" * 200, "x" * 80),
        (b"\r\n" * 40 + b"below", ""),
    ],
)
def test_screens(sent: bytes, text: str) -> None:
    assert shown(sent) == text


@given(st.integers(0, 40))
def test_any_chopping(cut: int) -> None:
    sent = CLEAR + "请刷卡\r\n或输入编号".encode() + CLEAR + "第 7 格".encode()
    assert shown(sent[:cut], sent[cut:]) == "第 7 格"


@given(st.binary(max_size=400))
def test_any_bytes_are_survived(junk: bytes) -> None:
    assert shown(junk, CLEAR + b"still here") == "still here"
