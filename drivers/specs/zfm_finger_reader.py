"""Configuration of a fingerprint module that speaks the ZFM protocol."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from drivers.wire.zfm import FACTORY_ADDRESS
from hal.specs import DeviceSpec

Address = Annotated[int, Field(ge=0, le=0xFFFFFFFF)]
File = Annotated[str, StringConstraints(min_length=1)]


class ZfmFingerReaderSpec(DeviceSpec):
    """ZFM-20, R305, R307, R503, AS608 and their like; link: serial, 57600 baud as they come from the factory.

    What is set here is what the module gets: one with another address, rate, level or the factory's password is set to
    this when it is found."""

    type: Literal["zfm-finger-reader"]
    family: Literal["zfm", "r30x", "r503", "as608"] = "r30x"
    """What it can do beside the common commands: see FAMILIES in drivers/zfm_finger_reader.py."""
    address: Address = FACTORY_ADDRESS
    old_address: Address | None = None
    """Under which it may still be found, beside the factory's."""
    password_file: File | None = None
    """8 hex digits in a file that others cannot read; without it the module has the factory's password."""
    old_password_file: File | None = None
    """What it may still have, beside the factory's."""
    level: Annotated[int, Field(ge=1, le=5)] = 3
    """How alike two fingers must be for the module: 1 is lax, 5 is strict."""
    score_min: Annotated[int, Field(ge=0, le=65535)] = 50
    """A finger that matches with less is unknown."""
