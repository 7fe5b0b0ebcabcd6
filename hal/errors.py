"""Errors by reaction: the type tells the caller what to do, `device` and `hint` tell a person."""

from __future__ import annotations

from typing import Literal


class DeviceError(Exception):
    """Something a device or its link did. `device` is its id, `hint` says what to check next."""

    def __init__(self, device: str, hint: str) -> None:
        super().__init__(f"{device}: {hint}")
        self.device = device
        self.hint = hint


class DeviceTimeout(DeviceError, TimeoutError):
    """No answer, or no usable answer, in time. Nothing is known; a question may be asked again within its bound."""


class DeviceAway(DeviceTimeout):
    """It is not plugged in. To look whether it is again costs next to nothing, and whoever plugs it in waits."""


class LinkLost(DeviceError, ConnectionError):
    """The link is gone (unplugged, hung up). The supervisor backs off and reopens; drivers do not retry."""


class DeviceRefused(DeviceError):
    """The device answered that it will not. Asking again would not help: report it.

    `code` is the reason in the device's own protocol (Modbus: the exception code), None if it gave none."""

    def __init__(self, device: str, hint: str, code: int | None = None) -> None:
        super().__init__(device, hint)
        self.code = code


class FingerRefused(DeviceRefused):
    """A finger was not stored. known: it matches one that is; differs: the two captures are not of one finger."""

    def __init__(self, device: str, hint: str, reason: Literal["known", "differs"], code: int | None = None) -> None:
        super().__init__(device, hint, code)
        self.reason = reason


class OutcomeUnknown(DeviceError):
    """An action may or may not have happened. Read the state, journal what is known, never repeat."""


class DeviceMisconfigured(DeviceError, ValueError):
    """The device is not what the configuration says. It is stopped; a technician has to look."""
