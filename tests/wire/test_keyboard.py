"""What a reader types. Key numbers stand here as in linux/input-event-codes.h; what is pressed, as in the sheets of
common readers: ten decimal digits and Enter, or eight hex digits with Shift held for letters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.wire.keyboard import GAP_NS, TEXT_MAX, Layout, Numbers, Typing, card_of

KEY = {
    **dict(zip("1234567890", range(2, 12), strict=True)),
    **dict(zip("QWERTYUIOP", range(16, 26), strict=True)),
    **dict(zip("ASDFGHJKL", range(30, 39), strict=True)),
    **dict(zip("ZXCVBNM", range(44, 51), strict=True)),
}
KEYPAD = dict(zip("7894561230", (71, 72, 73, 75, 76, 77, 79, 80, 81, 82), strict=True))
ENTER, KPENTER, LEFTSHIFT, RIGHTSHIFT, LEFTCTRL, CAPSLOCK = 28, 96, 42, 54, 29, 58
MS = 1_000_000
Event = tuple[int, int]


def strikes(keys: list[int]) -> list[Event]:
    return [(key, value) for key in keys for value in (1, 0)]


def shifted(key: int, shift: int = LEFTSHIFT) -> list[Event]:
    return [(shift, 1), (key, 1), (key, 0), (shift, 0)]


def read(events: list[Event], typing: Typing | None = None, at_ms: int = 1000, step_ms: int = 3) -> list[str]:
    typing = typing or Typing()
    texts = [typing.key(code, value, (at_ms + index * step_ms) * MS) for index, (code, value) in enumerate(events)]
    return [text for text in texts if text is not None]


ADA = strikes([11, 11, 11, 7, 6, 5, 8, 9, 9, 7, ENTER])
"""0006547886"""


def test_ten_digits_and_enter() -> None:
    assert read(ADA) == ["0006547886"]
    assert read(ADA + ADA) == ["0006547886"] * 2
    assert card_of("0006547886", "printed") == bytes.fromhex("010063E9AE")


def test_the_number_block_types_digits_too() -> None:
    assert read(strikes([*(KEYPAD[digit] for digit in "0008844356"), KPENTER])) == ["0008844356"]


def test_hex_with_shift_for_letters_or_with_caps_lock_or_without() -> None:
    keys = [KEY[one] for one in "04A1B2C3"]
    with_shift = [event for key in keys for event in (shifted(key) if key > 11 else strikes([key]))]
    enter = strikes([ENTER])
    assert read(with_shift + enter) == ["04A1B2C3"]
    assert read(strikes([CAPSLOCK, *keys, CAPSLOCK]) + enter) == ["04A1B2C3"]
    assert read(strikes(keys) + enter) == ["04A1B2C3"]


def test_a_french_layout_holds_shift_for_digits_and_has_a_where_q_is() -> None:
    digits = [event for digit in "04" for event in shifted(KEY[digit], RIGHTSHIFT)]
    frame = digits + strikes([KEY["Q"]]) + shifted(KEY["1"]) + strikes([ENTER])
    assert read(frame, Typing("fr")) == ["04A1"]
    assert read(frame, Typing("us")) == []
    assert read(ADA, Typing("fr")) == []


@pytest.mark.parametrize(
    ("text", "numbers", "card"),
    [
        ("04A1B2C3", "uid", "04A1B2C3"),
        ("C3B2A104", "uid-turned", "04A1B2C3"),
        ("04A1B2C3D4E580", "uid", "04A1B2C3D4E580"),
        ("0006547886", "uid", "0006547886"),
        ("4294967295", "printed", "01FFFFFFFF"),
        ("4294967296", "printed", None),
        ("006547886", "printed", None),
        ("00065478860", "printed", None),
        ("00063E9AE0", "printed", None),
        ("04A1B2C", "uid", None),
        ("04A1B2", "uid", None),
        ("", "printed", None),
        ("", "uid", None),
    ],
)
def test_what_a_text_means(text: str, numbers: Numbers, card: str | None) -> None:
    assert card_of(text, numbers) == (None if card is None else bytes.fromhex(card))


@pytest.mark.parametrize(
    "events",
    [
        [*ADA[:6], (0, 0), *ADA[8:]],  # the kernel has dropped something
        ADA[:6] + strikes([LEFTCTRL]) + ADA[6:],
        ADA[:6] + strikes([KEY["G"]]) + ADA[6:],
        [*ADA[:7], (ADA[6][0], 2), *ADA[7:]],  # held so long that it repeats
        strikes([2] * (TEXT_MAX + 1) + [ENTER]),
        ADA[:6] + shifted(KEY["5"]) + ADA[8:],
    ],
)
def test_what_is_not_whole_is_dropped_and_the_next_is_read(events: list[Event]) -> None:
    typing = Typing()
    assert read(events, typing) == []
    assert typing.dropped == 1
    assert read(ADA, typing, 2000) == ["0006547886"]


def test_a_half_number_is_forgotten_after_a_pause() -> None:
    typing = Typing()
    assert read(ADA[:12], typing, 1000) == []
    assert typing.pending
    assert read(ADA, typing, 1000 + 12 * 3 + GAP_NS // MS) == ["0006547886"]
    assert typing.dropped == 1
    slow = [text for text in (Typing().key(code, value, 0) for code, value in ADA) if text]
    assert slow == []
    assert read(ADA, Typing(), step_ms=GAP_NS // MS + 1) == []


def test_enter_alone_is_nothing() -> None:
    typing = Typing()
    assert read(strikes([ENTER, KPENTER, ENTER]), typing) == []
    assert typing.dropped == 0


def test_a_shift_whose_end_was_lost_does_not_stay() -> None:
    typing = Typing()
    assert read([(LEFTSHIFT, 1), *strikes([KEY["A"]]), (0, 0)], typing) == []
    assert read(ADA, typing, 2000) == ["0006547886"]


@given(
    st.lists(st.tuples(st.integers(0, 600), st.integers(0, 2), st.integers(0, 400 * MS)), max_size=200),
    st.sampled_from(["us", "fr"]),
)
def test_never_raises_keeps_little_and_a_whole_number_after_a_pause_is_read(
    noise: list[tuple[int, int, int]], layout: Layout
) -> None:
    typing, at_ns = Typing(layout), 0
    for code, value, gap_ns in noise:
        at_ns += gap_ns
        text = typing.key(code, value, at_ns)
        assert text is None or 1 <= len(text) <= TEXT_MAX
    keypad = strikes([*(KEYPAD[digit] for digit in "0008844356"), KPENTER])
    assert read(keypad, typing, (at_ns + GAP_NS) // MS + 2) == ["0008844356"]
