from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.wire.card_number import format_card, parse_card


def test_printed_number_of_a_captured_card() -> None:
    # Label 0006547886, frame 02 "010063E9AE25" 03.
    assert parse_card("0006547886") == bytes.fromhex("010063E9AE")
    assert format_card(bytes.fromhex("010063E9AE")) == "0006547886"
    # Label 0008844356, frame 02 "100086F44426" 03: version 10 is told apart.
    assert parse_card("0008844356", version=0x10) == bytes.fromhex("100086F444")
    assert format_card(bytes.fromhex("100086F444")) == "10:00:86:F4:44"


@pytest.mark.parametrize(
    "text", ["04A2B3C4D5E680", "04a2b3c4d5e680", "0x04A2B3C4D5E680", "0X04a2b3c4d5e680", "04:A2:B3:C4:D5:E6:80"]
)
def test_ways_to_write_hex(text: str) -> None:
    assert parse_card(f" {text} ") == bytes.fromhex("04A2B3C4D5E680")


def test_digits_are_hex_unless_they_are_ten() -> None:
    assert parse_card("11223344") == bytes.fromhex("11223344")
    assert parse_card("0x1122334455") == bytes.fromhex("1122334455")
    assert parse_card("1122334455") == bytes([1]) + (1122334455).to_bytes(4, "big")


@pytest.mark.parametrize(
    "text",
    ["", "123", "4294967296", "112233", "1122334", "11:22:33", "11:2233:44", "0x", "1122334455667788990011",
     "١١٢٢٣٣٤٤٥٥", "gg223344", "11 22 33 44", "0x11:22:33:44"],
)  # fmt: skip
def test_refused_with_what_is_allowed(text: str) -> None:
    with pytest.raises(ValueError, match=r"4 to 10 bytes in hex|at most 4294967295"):
        parse_card(text)


def test_the_error_does_not_repeat_the_number() -> None:
    with pytest.raises(ValueError) as caught:
        parse_card("9999123456")
    assert "9999123456" not in str(caught.value)


@given(st.binary(min_size=4, max_size=10))
def test_what_is_written_is_read_back(card: bytes) -> None:
    assert parse_card(format_card(card)) == card


@given(st.text(max_size=24))
def test_any_text_is_a_card_or_a_value_error(text: str) -> None:
    try:
        card = parse_card(text)
    except ValueError:
        return
    assert 4 <= len(card) <= 10
