"""What to write to a relay board for one pulse, as its profile says. No I/O here.

flash-coil (Waveshare Modbus RTU Relay, protocol V2): FC05 at flash address + channel, value = time in steps
of 100 ms; the board switches the relay on and, after that time, off.
timed-registers (LC-Tech type): FC10 with mode and time in steps of 100 ms. One mode is the pulse, another begins with
off and ends with on; sources disagree on which is which.
command-register (Eletechsup R4D8 type): FC06, the high byte is the action: 05 on for one second, 02 off.
What would leave a relay on is not here on purpose.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from drivers.specs.relay_profile import RelayProfile

FLASH_VALUE_MAX = 0x7FFF


@dataclass(frozen=True, slots=True)
class CoilWrite:
    """One FC05 request: raw 16-bit `value` to `address`."""

    address: int
    value: int


@dataclass(frozen=True, slots=True)
class CoilsOff:
    """One FC0F request: `count` coils from `first`, all off."""

    first: int
    count: int


@dataclass(frozen=True, slots=True)
class RegisterWrite:
    """One FC06 request."""

    address: int
    value: int


@dataclass(frozen=True, slots=True)
class RegistersWrite:
    """One FC10 request."""

    first: int
    values: tuple[int, ...]


Write: TypeAlias = CoilWrite | CoilsOff | RegisterWrite | RegistersWrite


def coil(profile: RelayProfile, channel: int) -> int:
    """The coil of `channel` (from 1). Raises ValueError for a channel the board does not have."""
    if not 1 <= channel <= profile.channels:
        raise ValueError(f"channel {channel}: the board has channels 1 to {profile.channels}")
    return profile.coil_first + channel - 1


def pulses(profile: RelayProfile, channel: int, hold_s: float) -> list[Write]:
    """The pulse of `channel` for `hold_s`, in the ways it may have to be asked for. Raises ValueError outside the
    profile's range or between its steps."""
    offset = coil(profile, channel) - profile.coil_first
    in_range = profile.hold_s_min <= hold_s <= profile.hold_s_max
    if profile.pulse_s is not None and in_range:
        assert profile.command_first is not None
        assert profile.pulse_command is not None
        return [RegisterWrite(profile.command_first + offset, profile.pulse_command)]
    unit_s = profile.flash_unit_s or 1.0
    steps = round(hold_s / unit_s) if in_range else 0
    on_a_step = abs(steps * unit_s - hold_s) < 1e-6
    if not (on_a_step and 1 <= steps <= FLASH_VALUE_MAX):
        steps_of = "" if profile.flash_unit_s is None else f" in steps of {unit_s} s"
        raise ValueError(f"hold_s {hold_s}: allowed are {profile.hold_s_min} to {profile.hold_s_max} s{steps_of}")
    if profile.flash_first is not None:
        return [CoilWrite(profile.flash_first + offset, steps)]
    assert profile.timed_first is not None
    assert profile.timed_step is not None
    first = profile.timed_first + profile.timed_step * offset
    return [RegistersWrite(first, (mode, steps)) for mode in profile.timed_modes or ()]


def switch_off(profile: RelayProfile, channel: int) -> Write:
    """Ends whatever `channel` is doing, a pulse in progress too."""
    address = coil(profile, channel)
    if profile.command_first is None or profile.off_command is None:
        return CoilWrite(address, 0x0000)
    return RegisterWrite(profile.command_first + address - profile.coil_first, profile.off_command)


def all_off(profile: RelayProfile) -> Write:
    if profile.command_first is None or profile.all_off_command is None:
        return CoilsOff(profile.coil_first, profile.channels)
    return RegisterWrite(profile.command_first - 1, profile.all_off_command)
