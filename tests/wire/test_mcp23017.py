"""Registers as the data sheet numbers them (DS20001952, table 3-1); the values were worked out by hand."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from drivers.wire.mcp23017 import READ_PINS, SET, SET_UP, pins

NAMES = ["IODIR", "IPOL", "GPINTEN", "DEFVAL", "INTCON", "IOCON", "GPPU"]


def test_what_is_written_from_register_0_on() -> None:
    written = {name: SET_UP[1 + 2 * at : 3 + 2 * at].hex() for at, name in enumerate(NAMES)}
    inputs, none = "7f7f", "0000"
    assert written == {
        "IODIR": inputs,
        "IPOL": inputs,
        "GPINTEN": inputs,
        "GPPU": inputs,
        "DEFVAL": none,
        "INTCON": none,
        "IOCON": "4444",
    }
    assert SET_UP[0] == 0
    assert len(SET) == 14


def test_pins_from_pull_ups_to_levels() -> None:
    assert READ_PINS == b"\x0c"
    #                           GPPU  INTF  INTCAP GPIO: GPA0 and GPB6 low, GPA3 has moved
    found = pins(bytes.fromhex("7f7f 0800 0100 0140"))
    assert found is not None
    assert [at for at, low in enumerate(found.low) if low] == [0, 13]
    assert [at for at, moved in enumerate(found.moved) if moved] == [3]


def test_a_chip_without_its_pull_ups_tells_nothing() -> None:
    assert pins(bytes.fromhex("0000 0000 0000 0000")) is None
    assert pins(bytes.fromhex("7f00 0000 0000 0000")) is None


@given(st.binary(max_size=12))
def test_no_reply_raises(reply: bytes) -> None:
    found = pins(reply)
    assert found is None or len(found.low) == len(found.moved) == 14
