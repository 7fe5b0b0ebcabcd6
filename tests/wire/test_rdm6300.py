from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.wire.rdm6300 import BareDecoder, BinaryDecoder, Decoder, encode

# Captured from readers; the number is the one printed on the card.
CAPTURES = {
    "0006547886": (b"\x02010063E9AE25\x03", bytes.fromhex("01 0063E9AE")),
    "0008844356": (b"\x02100086F44426\x03", bytes.fromhex("10 0086F444")),
}
cards = st.binary(min_size=5, max_size=5)


@pytest.mark.parametrize("label", CAPTURES)
def test_captures(label: str) -> None:
    wire, card = CAPTURES[label]
    assert Decoder().feed(wire) == [card]
    assert encode(card) == wire
    assert int.from_bytes(card[1:], "big") == int(label)


def test_lower_case_hex() -> None:
    wire, card = CAPTURES["0006547886"]
    assert Decoder().feed(wire.lower()) == [card]


@given(st.lists(cards, max_size=4), st.lists(st.integers(0, 56), max_size=6))
def test_any_chopping(sent: list[bytes], cuts: list[int]) -> None:
    wire = b"".join(map(encode, sent))
    edges = [0, *sorted(cuts), len(wire)]
    decoder = Decoder()
    got = [card for a, b in pairwise(edges) for card in decoder.feed(wire[a:b])]
    assert got == sent
    assert decoder.dropped == 0


@given(st.binary(max_size=60), cards)
def test_a_frame_is_found_behind_any_noise(noise: bytes, card: bytes) -> None:
    decoder = Decoder()
    decoder.feed(noise)
    assert decoder.feed(encode(card))[-1:] == [card]


@given(st.binary(max_size=200))
def test_noise_never_raises_and_only_whole_checked_frames_pass(noise: bytes) -> None:
    for card in Decoder().feed(noise):
        assert encode(card).lower() in noise.lower()


def test_a_frame_cut_short_costs_only_itself() -> None:
    wire, card = CAPTURES["0006547886"]
    decoder = Decoder()
    assert decoder.feed(wire[:9] + wire) == [card]
    assert decoder.dropped == 1


@pytest.mark.parametrize(
    "bad", [b"\x02010063E9AE26\x03", b"\x02010063E9AG25\x03", b"\x02010063E9AE2503", b"\x02010063E9AE25\x04"]
)
def test_unusable_frames_are_dropped_and_counted(bad: bytes) -> None:
    wire, card = CAPTURES["0006547886"]
    decoder = Decoder()
    assert decoder.feed(bad) == []
    assert decoder.dropped == 1
    assert decoder.feed(wire) == [card]


def test_reset_forgets_half_a_frame() -> None:
    wire, _ = CAPTURES["0006547886"]
    decoder = Decoder()
    decoder.feed(wire[:7])
    decoder.reset()
    assert decoder.feed(wire[7:]) == []


def flipped(wire: bytes, *bits: int) -> bytes:
    number = int.from_bytes(wire, "big")
    for bit in bits:
        number ^= 1 << bit
    return number.to_bytes(len(wire), "big")


@pytest.mark.parametrize("label", CAPTURES)
def test_no_single_flipped_bit_gives_another_card(label: str) -> None:
    wire, card = CAPTURES[label]
    for bit in range(8 * len(wire)):
        # A letter whose case has flipped means the same number: that one passes, and rightly.
        assert Decoder().feed(flipped(wire, bit)) in ([], [card])


@pytest.mark.parametrize("label", CAPTURES)
def test_two_flipped_bits_pass_only_where_an_xor_is_blind(label: str) -> None:
    """The check is an XOR of bytes: it cannot see that the same bit of two bytes has flipped.

    So the frame alone is no proof of a number; whatever passes here must be of exactly that kind."""
    wire, card = CAPTURES[label]
    blind = 0
    for bits in combinations(range(8 * len(wire)), 2):
        for other in Decoder().feed(flipped(wire, *bits)):
            if other == card:
                continue
            blind += 1
            whole, changed = card + xor(card), other + xor(other)
            bytes_hit = {i for i in range(6) if whole[i] != changed[i]}
            assert len(bytes_hit) == 2
            first, second = (whole[i] ^ changed[i] for i in bytes_hit)
            assert first == second
    # 12 hex digits in two columns of six: at most 2 columns x 15 pairs x 7 bits of a character.
    assert 0 < blind <= 210


def xor(data: bytes) -> bytes:
    check = 0
    for byte in data:
        check ^= byte
    return bytes([check])


DESK = (bytes.fromhex("02 0A 02 06 00 8E 6D 5D B0 03"), bytes.fromhex("06 00 8E 6D 5D"))
"""Captured from a USB desk reader."""


def test_a_desk_reader() -> None:
    wire, card = DESK
    decoder = BinaryDecoder()
    assert [one for byte in wire for one in decoder.feed(bytes([byte]))] == [card]
    assert (decoder.feed(wire * 2), decoder.dropped) == ([card, card], 0)


@given(st.binary(max_size=40), cards)
def test_a_binary_frame_is_found_behind_any_noise(noise: bytes, card: bytes) -> None:
    """At most the next one is lost to a frame that only seemed to begin."""
    body = b"\x0a\x02" + card
    frame = b"\x02" + body + xor(body) + b"\x03"
    decoder = BinaryDecoder()
    decoder.feed(noise)
    assert card in decoder.feed(frame + frame)


def test_a_binary_frame_whose_card_looks_like_frames() -> None:
    card = bytes.fromhex("02 0A 02 06 03")
    body = b"\x0a\x02" + card
    frame = b"\x02" + body + xor(body) + b"\x03"
    assert BinaryDecoder().feed(b"\x02\x0a" + frame) == [card]


def test_bare_digits_begin_behind_a_silence() -> None:
    wire, card = CAPTURES["0006547886"]
    decoder = BareDecoder()
    assert decoder.feed(wire[1:-1]) == [card]
    assert decoder.feed(b"7" + wire[1:-1]) == []
    decoder.reset()
    assert decoder.feed(wire[1:-1].lower()) == [card]
    assert decoder.dropped >= 1
