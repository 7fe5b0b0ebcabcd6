"""Configuration of the 125 kHz reader."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hal.specs import DeviceSpec


class Rdm6300ReaderSpec(DeviceSpec):
    """RDM6300 and readers with the same frame; link: serial, 9600 baud."""

    type: Literal["rdm6300-reader"]
    frame: Literal["framed", "bare", "binary"] = "framed"
    """How it sends a number: see drivers/wire/rdm6300.py. Those that send it once have a card removed at once."""
    removal_ms: Annotated[int, Field(ge=150, le=5000)] = 500
    """The card has left when it was not seen for so long. Framed ones repeat it every 50-65 ms."""
