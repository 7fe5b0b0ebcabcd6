"""Frames from outside: H10301 of facility 99, H10306 of UID 04A1B2C3, H10302 and H10304 numbers, the keys of an
access-control manual (1 2 3 4 as E1 D2 C3 B4), checked by hand against the parity rules of the makers' sheets (HID,
Promag WEC200, Sygonix, Rosslare)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.wire.card_number import format_card, parse_card
from drivers.wire.wiegand import (
    BITS_MAX,
    END_NS,
    FORMATS,
    Collector,
    Format,
    Frame,
    inverted,
    key_of,
    number_of,
    printed,
    uid,
)

ALL = tuple(FORMATS.values())
MS = 1_000_000
VECTORS = [
    ("10110001111101001101011100", 26, 99 << 16 | 59822),
    ("10000000100000000000000010", 26, 1 << 16 | 1),
    ("0000001001010000110110010110000111", 34, 0x04A1B2C3),
    ("1000000001110101101111001101000101011", 37, 123456789),
    ("0000000111110100000011000011010100001", 37, 1000 << 19 | 50000),
]
BITS = st.text("01", min_size=1, max_size=BITS_MAX)


def pulses(collector: Collector, bits: str, start_ns: int = 0, gap_ns: int = MS) -> list[Frame]:
    ended = [collector.pulse(int(bit), start_ns + n * gap_ns) for n, bit in enumerate(bits)]
    return [frame for frame in ended if frame is not None]


@pytest.mark.parametrize(("bits", "length", "number"), VECTORS)
def test_frames_from_outside(bits: str, length: int, number: int) -> None:
    found = number_of(Frame(bits), ALL)
    assert found == (number, FORMATS[str(length)])


def test_a_card_is_written_as_it_is_printed_on_it() -> None:
    """Printed on the card: 0006547886 and 099,59822."""
    found = number_of(Frame(VECTORS[0][0]), ALL)
    assert found is not None
    assert printed(*found) == parse_card("0006547886")
    assert format_card(printed(*found)) == "0006547886"
    long = number_of(Frame(VECTORS[3][0]), ALL)
    assert long is not None
    assert printed(*long).hex() == "2500075bcd15"


def test_a_uid_is_that_of_the_card_whichever_way_the_reader_sends_it() -> None:
    found = number_of(Frame(VECTORS[2][0]), ALL)
    assert found is not None
    assert uid(*found, turned=False) == parse_card("04A1B2C3")
    assert uid(*found, turned=True) == parse_card("C3B2A104")


@pytest.mark.parametrize(("bits", "length", "number"), VECTORS)
def test_no_single_wrong_bit_is_taken(bits: str, length: int, number: int) -> None:
    for at in range(length):
        wrong = bits[:at] + "10"[int(bits[at])] + bits[at + 1 :]
        assert number_of(Frame(wrong), ALL) is None
    for short in (bits[1:], bits[:-1], bits + "0"):
        assert number_of(Frame(short), [one for one in ALL if one.parities]) is None
    assert number_of(Frame(bits, torn=True), ALL) is None
    assert number_of(inverted(Frame(bits)), ALL) is None


@pytest.mark.parametrize(
    ("bits", "key"),
    [("0001", "1"), ("0000", "0"), ("1010", "*"), ("1011", "#"), ("1100", None), ("111", None)]
    + [(f"{byte:08b}", key) for byte, key in ((0xE1, "1"), (0xD2, "2"), (0xC3, "3"), (0xB4, "4"), (0xF0, "0"))]
    + [(f"{0x5A:08b}", "*"), (f"{0x4B:08b}", "#"), (f"{0xE2:08b}", None), (f"{0x01:08b}", None)],
)
def test_keys(bits: str, key: str | None) -> None:
    assert key_of(Frame(bits)) == key
    assert key_of(Frame(bits, torn=True)) is None


@given(st.lists(BITS, min_size=1, max_size=4), st.integers(min_value=200_000, max_value=20 * MS))
def test_silence_parts_frames_whatever_the_gaps(frames: list[str], gap_ns: int) -> None:
    collector, at_ns, found = Collector(), 0, []
    for bits in frames:
        found += pulses(collector, bits, at_ns, gap_ns)
        at_ns += (len(bits) - 1) * gap_ns + END_NS
    last = collector.close()
    assert last is not None
    assert [frame.bits for frame in (*found, last)] == frames
    assert not collector.pending


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 50 * MS)), max_size=300))
def test_any_noise_is_bounded_and_never_raises(edges: list[tuple[bool, int]]) -> None:
    collector, at_ns = Collector(), 0
    for bit, after_ns in edges:
        at_ns += after_ns
        frame = collector.pulse(int(bit), at_ns)
        assert frame is None or len(frame.bits) <= BITS_MAX
    collector.close()
    assert collector.close() is None


def test_what_is_missing_spoils_the_frame_and_not_the_next_one() -> None:
    collector = Collector()
    pulses(collector, "1011")
    collector.lose(5 * MS)
    pulses(collector, "01", 6 * MS)
    [torn] = pulses(collector, "0001", 100 * MS)
    assert torn == Frame("101101", torn=True)
    assert collector.close() == Frame("0001")


def test_a_makers_own_format() -> None:
    corporate = Format(35, 3, 34)
    assert number_of(Frame("11" + f"{77:032b}" + "0"), [corporate]) == (77, corporate)
