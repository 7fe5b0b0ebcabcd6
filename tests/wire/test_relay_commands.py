from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from drivers.specs.lock_profile import LockProfile
from drivers.specs.relay_profile import RelayProfile
from drivers.wire.lock_board import STYLES
from drivers.wire.relay_commands import CoilWrite, coil, flash_on, switch_off

PROFILES = Path(__file__).parents[2] / "config" / "profiles"
WAVESHARE = RelayProfile.model_validate(tomllib.loads((PROFILES / "waveshare-8.toml").read_text("utf-8")))


def payload(frame: str) -> CoilWrite:
    """Address and value in an FC05 frame as the maker prints it: unit, 05, address, value, CRC."""
    raw = bytes.fromhex(frame)
    assert raw[1] == 5
    return CoilWrite(int.from_bytes(raw[2:4], "big"), int.from_bytes(raw[4:6], "big"))


def test_frames_of_the_makers_manual() -> None:
    # Waveshare wiki "Modbus RTU Relay", protocol V2: flash on, relay 0, 700 ms; relay 0 off.
    assert flash_on(WAVESHARE, 1, 0.7) == payload("01 05 02 00 00 07 8D B0")
    assert flash_on(WAVESHARE, 2, 0.5) == payload("01 05 02 01 00 05 5D B1")
    assert switch_off(WAVESHARE, 1) == payload("01 05 00 00 00 00 CD CA")
    assert coil(WAVESHARE, 8) == 7


@given(st.integers(1, 8), st.integers(1, 10))
def test_every_step_of_every_channel(channel: int, steps: int) -> None:
    assert flash_on(WAVESHARE, channel, steps / 10) == CoilWrite(0x0200 + channel - 1, steps)


@given(st.floats())
def test_no_pulse_is_longer_than_the_board_may_hold(hold_s: float) -> None:
    try:
        command = flash_on(WAVESHARE, 1, hold_s)
    except ValueError:
        return
    assert 1 <= command.value <= 10


@pytest.mark.parametrize("hold_s", [0.0, 0.05, 0.25, 1.1, -0.5, float("nan"), float("inf")])
def test_hold_outside_range_or_between_steps(hold_s: float) -> None:
    with pytest.raises(ValueError, match=r"allowed are 0\.1 to 1\.0 s in steps of 0\.1 s"):
        flash_on(WAVESHARE, 1, hold_s)


@pytest.mark.parametrize("channel", [0, 9, -1])
def test_channels_the_board_does_not_have(channel: int) -> None:
    with pytest.raises(ValueError, match="channels 1 to 8"):
        coil(WAVESHARE, channel)
    with pytest.raises(ValueError, match="channels 1 to 8"):
        flash_on(WAVESHARE, channel, 0.5)


@pytest.mark.parametrize("path", sorted(PROFILES.glob("*.toml")), ids=lambda path: path.stem)
def test_every_profile_fits_one_model_and_holds_no_coil_for_long(path: Path) -> None:
    raw = tomllib.loads(path.read_text("utf-8"))
    if raw["style"] in STYLES:
        assert LockProfile.model_validate(raw).pulse_s <= 1.0
    else:
        assert RelayProfile.model_validate(raw).hold_s_max <= 1.0


def test_a_profile_with_an_unknown_key_or_an_empty_range_is_refused() -> None:
    good = WAVESHARE.model_dump()
    with pytest.raises(ValidationError):
        RelayProfile.model_validate(good | {"chanels": 8})
    with pytest.raises(ValidationError):
        RelayProfile.model_validate(good | {"hold_s_min": 0.9, "hold_s_max": 0.5})
