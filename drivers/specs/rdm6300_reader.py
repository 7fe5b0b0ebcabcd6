"""Configuration of the 125 kHz reader."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hal.specs import DeviceSpec


class Rdm6300ReaderSpec(DeviceSpec):
    """RDM6300 and readers with the same frame; link: serial, 9600 baud."""

    type: Literal["rdm6300-reader"]
    removal_ms: Annotated[int, Field(ge=150, le=5000)] = 500
    """The card has left when it was not seen for so long. The reader repeats it every 50-65 ms."""
