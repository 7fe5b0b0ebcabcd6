"""Configuration of a DS2482-800 that reads fobs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from drivers.wire.ds2482 import ADDRESSES, CHANNELS
from hal.specs import DeviceSpec


def _of_the_chip(address: int) -> int:
    if address not in ADDRESSES:
        raise ValueError(f"should be 0x{ADDRESSES[0]:X} to 0x{ADDRESSES[-1]:X}")
    return address


class Ds2482FobsSpec(DeviceSpec):
    """One 1-Wire contact a channel, with an iButton or none; link: i2c."""

    type: Literal["ds2482-fobs"]
    address: Annotated[int, AfterValidator(_of_the_chip)] = ADDRESSES[0]
    """As the pins AD2, AD1 and AD0 say: 0x18 when all are low."""
    channels: Annotated[int, Field(ge=1, le=CHANNELS)] = CHANNELS
    """How many channels have a contact; channels 1 to this, where 1 is the chip's pin IO0."""
    sweep_ms: Annotated[int, Field(ge=100, le=5000)] = 500
    """From one look at all channels to the next."""
