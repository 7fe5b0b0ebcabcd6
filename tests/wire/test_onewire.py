from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from drivers.wire.onewire import bits, crc8, is_number

AN27 = bytes.fromhex("02 1C B8 01 00 00 00 A2")
"""The example of Maxim application note 27."""
DS1990A = bytes.fromhex("01 3C 2B 1A 00 00 00 06")
"""Linux calls it 01-0000001a2b3c."""


def test_numbers_with_their_checks() -> None:
    assert crc8(AN27[:7]) == 0xA2
    assert crc8(DS1990A[:7]) == 0x06
    assert crc8(b"123456789") == 0xA1  # the check value of CRC-8/MAXIM-DOW in the catalogue of CRC algorithms
    assert is_number(AN27)
    assert is_number(DS1990A)


def test_what_no_chip_has() -> None:
    assert not is_number(bytes(8))  # a shorted line; its check is right
    assert not is_number(b"\xff" * 8)  # a line with nobody on it
    assert not is_number(AN27[:7])
    assert not is_number(AN27 + b"\x00")


def test_no_two_wrong_bits_make_another_number() -> None:
    number = int.from_bytes(bytes.fromhex("013C2B1A00000006"), "big")
    flipped = [1 << one | 1 << other for one, other in combinations(range(64), 2)] + [1 << bit for bit in range(64)]
    assert [mask for mask in flipped if is_number((number ^ mask).to_bytes(8, "big"))] == []


def test_low_bit_first() -> None:
    assert bits(AN27)[:16] == tuple(bit == "1" for bit in "0100000000111000")
    assert len(bits(AN27)) == 64


@given(content=st.binary(min_size=7, max_size=7), place=st.integers(0, 63), length=st.integers(1, 8))
def test_a_burst_of_wrong_bits_is_found(content: bytes, place: int, length: int) -> None:
    """Any burst that is no longer than the check."""
    number = content + bytes((crc8(content),))
    burst = ((1 << length) - 1) << min(place, 64 - length)
    wrong = (int.from_bytes(number, "little") ^ burst).to_bytes(8, "little")
    assert not is_number(wrong)
    assert is_number(number) == (number[0] != 0)


@given(noise=st.binary(max_size=20))
def test_no_bytes_upset_it(noise: bytes) -> None:
    assert is_number(noise) in (True, False)
    assert len(bits(noise)) == 8 * len(noise)
