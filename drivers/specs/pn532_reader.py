"""Configuration of an NFC reader with a PN532."""

from __future__ import annotations

from typing import Literal

from hal.specs import DeviceSpec


class Pn532ReaderSpec(DeviceSpec):
    """A PN532 module whose switches say HSU; link: serial, 115200 baud."""

    type: Literal["pn532-reader"]
