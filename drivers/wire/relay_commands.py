"""What to write to a relay board for one pulse, as its profile says. No I/O here.

flash-coil (Waveshare Modbus RTU Relay, protocol V2): FC05 at flash address + channel, value = time in steps
of 100 ms; the board switches the relay on and, after that time, off. FC05 with FF00 at the coil's own address
would leave it on: that command is not here on purpose.
"""

from __future__ import annotations

from dataclasses import dataclass

from drivers.specs.relay_profile import RelayProfile

FLASH_VALUE_MAX = 0x7FFF


@dataclass(frozen=True, slots=True)
class CoilWrite:
    """One FC05 request: raw 16-bit `value` to `address`."""

    address: int
    value: int


def coil(profile: RelayProfile, channel: int) -> int:
    """The coil of `channel` (from 1). Raises ValueError for a channel the board does not have."""
    if not 1 <= channel <= profile.channels:
        raise ValueError(f"channel {channel}: the board has channels 1 to {profile.channels}")
    return profile.coil_first + channel - 1


def flash_on(profile: RelayProfile, channel: int, hold_s: float) -> CoilWrite:
    """The pulse of `channel` for `hold_s`. Raises ValueError outside the profile's range or between its steps."""
    in_range = profile.hold_s_min <= hold_s <= profile.hold_s_max
    steps = round(hold_s / profile.flash_unit_s) if in_range else 0
    on_a_step = abs(steps * profile.flash_unit_s - hold_s) < 1e-6
    if not (on_a_step and 1 <= steps <= FLASH_VALUE_MAX):
        raise ValueError(
            f"hold_s {hold_s}: allowed are {profile.hold_s_min} to {profile.hold_s_max} s"
            f" in steps of {profile.flash_unit_s} s"
        )
    return CoilWrite(profile.flash_first + coil(profile, channel) - profile.coil_first, steps)


def switch_off(profile: RelayProfile, channel: int) -> CoilWrite:
    """Ends whatever `channel` is doing, a pulse in progress too."""
    return CoilWrite(coil(profile, channel), 0x0000)
