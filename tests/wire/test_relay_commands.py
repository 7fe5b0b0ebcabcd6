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
from drivers.wire.relay_commands import CoilWrite, RegistersWrite, RegisterWrite, all_off, coil, pulses, switch_off

PROFILES = Path(__file__).parents[2] / "config" / "profiles"
WAVESHARE = RelayProfile.model_validate(tomllib.loads((PROFILES / "waveshare-8.toml").read_text("utf-8")))


def payload(frame: str) -> CoilWrite:
    """Address and value in an FC05 frame as the maker prints it: unit, 05, address, value, CRC."""
    raw = bytes.fromhex(frame)
    assert raw[1] == 5
    return CoilWrite(int.from_bytes(raw[2:4], "big"), int.from_bytes(raw[4:6], "big"))


def test_frames_of_the_makers_manual() -> None:
    # Waveshare wiki "Modbus RTU Relay", protocol V2: flash on, relay 0, 700 ms; relay 0 off.
    assert pulses(WAVESHARE, 1, 0.7)[0] == payload("01 05 02 00 00 07 8D B0")
    assert pulses(WAVESHARE, 2, 0.5)[0] == payload("01 05 02 01 00 05 5D B1")
    assert switch_off(WAVESHARE, 1) == payload("01 05 00 00 00 00 CD CA")
    assert coil(WAVESHARE, 8) == 7


@given(st.integers(1, 8), st.integers(1, 10))
def test_every_step_of_every_channel(channel: int, steps: int) -> None:
    assert pulses(WAVESHARE, channel, steps / 10)[0] == CoilWrite(0x0200 + channel - 1, steps)


@given(st.floats())
def test_no_pulse_is_longer_than_the_board_may_hold(hold_s: float) -> None:
    try:
        [command] = pulses(WAVESHARE, 1, hold_s)
    except ValueError:
        return
    assert isinstance(command, CoilWrite)
    assert 1 <= command.value <= 10


@pytest.mark.parametrize("hold_s", [0.0, 0.05, 0.25, 1.1, -0.5, float("nan"), float("inf")])
def test_hold_outside_range_or_between_steps(hold_s: float) -> None:
    with pytest.raises(ValueError, match=r"allowed are 0\.1 to 1\.0 s in steps of 0\.1 s"):
        pulses(WAVESHARE, 1, hold_s)


@pytest.mark.parametrize("channel", [0, 9, -1])
def test_channels_the_board_does_not_have(channel: int) -> None:
    with pytest.raises(ValueError, match="channels 1 to 8"):
        coil(WAVESHARE, channel)
    with pytest.raises(ValueError, match="channels 1 to 8"):
        pulses(WAVESHARE, channel, 0.5)


@pytest.mark.parametrize("path", sorted(PROFILES.glob("*.toml")), ids=lambda path: path.stem)
def test_every_profile_fits_one_model_and_holds_no_coil_for_long(path: Path) -> None:
    raw = tomllib.loads(path.read_text("utf-8"))
    if raw["style"] in STYLES:
        assert LockProfile.model_validate(raw).pulse_s <= 1.0
    else:
        assert RelayProfile.model_validate(raw).hold_s_max <= 1.0


LC, ELETECHSUP = (
    RelayProfile.model_validate(tomllib.loads((PROFILES / f"{name}.toml").read_text("utf-8")))
    for name in ("lc-8", "eletechsup-4")
)


def test_lc_frames_that_three_sources_show() -> None:
    # FE 10 00 03 00 02 04 00 04 00 0A 41 6B and FE 10 00 03 00 02 04 00 02 00 14 21 62: relay 0, modes 4 and 2.
    assert pulses(LC, 1, 1.0) == [RegistersWrite(0x0003, (0x0004, 0x000A)), RegistersWrite(0x0003, (0x0002, 0x000A))]
    assert pulses(LC, 3, 0.5)[0] == RegistersWrite(0x000D, (0x0004, 0x0005))
    assert switch_off(LC, 3) == CoilWrite(2, 0)


def test_eletechsup_frames() -> None:
    # 01 06 00 01 05 00 DB 5A momentary, 01 06 00 01 02 00 D9 6A off.
    assert pulses(ELETECHSUP, 1, 0.5) == [RegisterWrite(0x0001, 0x0500)]
    assert switch_off(ELETECHSUP, 1) == RegisterWrite(0x0001, 0x0200)
    assert all_off(ELETECHSUP) == RegisterWrite(0x0000, 0x0800)
    with pytest.raises(ValueError, match=r"allowed are 0.1 to 1.0 s$"):
        pulses(ELETECHSUP, 1, 1.5)


def test_a_style_has_its_keys_and_no_others() -> None:
    good = ELETECHSUP.model_dump(exclude_none=True)
    with pytest.raises(ValidationError, match='style "command-register" needs the key "off_command"'):
        RelayProfile.model_validate({key: value for key, value in good.items() if key != "off_command"})
    with pytest.raises(ValidationError, match='style "command-register" has no key "flash_first"'):
        RelayProfile.model_validate(good | {"flash_first": 0})


def test_a_profile_with_an_unknown_key_or_an_empty_range_is_refused() -> None:
    good = WAVESHARE.model_dump()
    with pytest.raises(ValidationError):
        RelayProfile.model_validate(good | {"chanels": 8})
    with pytest.raises(ValidationError):
        RelayProfile.model_validate(good | {"hold_s_min": 0.9, "hold_s_max": 0.5})
