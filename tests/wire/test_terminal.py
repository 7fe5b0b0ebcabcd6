from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from drivers.wire.terminal import CLEAR, COLUMNS_MAX, LINES_MAX, SCREEN_BYTES_MAX, Decoder, encode

line = st.text(st.characters(exclude_categories=("C", "Zl", "Zp")), max_size=20)
screens = st.lists(line, min_size=1, max_size=4).map("\n".join)


def shown(text: str) -> str:
    """A terminal does not tell a last line that is empty from none."""
    return "\n".join(text.splitlines())


def test_a_screen_in_bytes() -> None:
    assert encode("Slot 7\n钥匙") == b"\x1b[2J\x1b[HSlot 7\r\n\xe9\x92\xa5\xe5\x8c\x99"


def test_no_text_can_steer_the_terminal() -> None:
    assert encode("a\x1b[31mb\x07\x9bc\u202ed") == CLEAR + b"a [31mb  c d"


def test_bounded() -> None:
    wire = encode("\n".join(["钥" * 200] * 100))
    assert wire.count(b"\r\n") == LINES_MAX - 1
    assert wire.decode("utf-8").count("钥") == LINES_MAX * COLUMNS_MAX
    assert len(wire) <= len(CLEAR) + SCREEN_BYTES_MAX


@given(st.lists(screens, min_size=1, max_size=4), st.lists(st.integers(0, 400), max_size=8))
def test_any_chopping(texts: list[str], cuts: list[int]) -> None:
    wire = b"".join(map(encode, texts))
    decoder = Decoder()
    edges = [0, *sorted(min(cut, len(wire)) for cut in cuts), len(wire)]
    got = [screen for a, b in pairwise(edges) for screen in decoder.feed(wire[a:b])]
    assert [*got, decoder.shown] == [shown(text) for text in texts]


@given(st.binary(max_size=100), screens)
def test_a_screen_is_found_behind_any_noise(noise: bytes, text: str) -> None:
    decoder = Decoder()
    decoder.feed(noise)
    decoder.feed(encode(text))
    assert decoder.shown == shown(text)


def test_a_flood_keeps_memory_bounded() -> None:
    decoder = Decoder()
    decoder.feed(CLEAR)
    for _ in range(100):
        decoder.feed(b"x" * 1000)
    assert len(decoder.shown) == SCREEN_BYTES_MAX
