"""Configuration of a verifier behind a Unix socket."""

from __future__ import annotations

from typing import Literal

from hal.specs import DeviceSpec


class SocketVerifierSpec(DeviceSpec):
    """Any program that keeps to docs/reference/devices/socket-verifier.md; link: socket."""

    type: Literal["socket-verifier"]
