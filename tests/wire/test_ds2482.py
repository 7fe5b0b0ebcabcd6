"""The values are those of Maxim's DS2482-800 data sheet: the table of channel codes, and the status register."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.wire import ds2482

CODES = [(0xF0, 0xB8), (0xE1, 0xB1), (0xD2, 0xAA), (0xC3, 0xA3), (0xB4, 0x9C), (0xA5, 0x95), (0x96, 0x8E), (0x87, 0x87)]


@pytest.mark.parametrize(("channel", "codes"), list(enumerate(CODES, start=1)))
def test_a_channel_has_one_code_written_and_another_read(channel: int, codes: tuple[int, int]) -> None:
    assert ds2482.select(channel) == bytes((0xC3, codes[0]))
    assert ds2482.selected(codes[1]) == channel


def test_other_codes_are_no_channel() -> None:
    known = {read for _, read in CODES}
    assert {ds2482.selected(code) for code in range(256) if code not in known} == {None}


def test_commands() -> None:
    assert ds2482.write_byte(0x33) == b"\xa5\x33"
    assert (ds2482.triplet(True), ds2482.triplet(False)) == (b"\x78\x80", b"\x78\x00")
    assert ds2482.CONFIGURE == b"\xd2\xe1"  # active pull-up; the high half is the complement


def test_status_bits() -> None:
    assert ds2482.status(0x01).busy
    assert ds2482.status(0x02).presence
    assert ds2482.status(0x04).short
    assert ds2482.status(0x10).was_reset
    assert ds2482.status(0x20).first
    assert ds2482.status(0x40).second
    assert ds2482.status(0x80).written
    assert ds2482.status(0x08) == ds2482.status(0x00)  # the level tells nothing


@given(byte=st.integers(0, 255))
def test_any_byte_is_a_status(byte: int) -> None:
    state = ds2482.status(byte)
    assert state.busy == bool(byte & 1)
