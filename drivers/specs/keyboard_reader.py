"""Configuration of a reader that types like a keyboard."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema

from hal.buses import KeyboardPlace
from hal.specs import DeviceSpec


def _usb_id(text: str) -> str:
    if len(text) != 4 or not set(text) <= set("0123456789abcdef"):
        raise ValueError('should be four hex digits in small letters, as lsusb prints them, like "ffff"')
    return text


UsbId = Annotated[str, AfterValidator(_usb_id), WithJsonSchema({"type": "string", "pattern": "^[0-9a-f]{4}$"})]


class KeyboardReaderSpec(DeviceSpec):
    """A USB reader that types a card's number and Enter; link: input. No other keyboard is listened to."""

    type: Literal["keyboard-reader"]
    vendor: UsbId
    product: UsbId
    """Its two numbers, as `lsusb` prints them."""
    port: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    """Where it is plugged in: `cat /sys/class/input/event*/device/phys`."""
    numbers: Literal["printed", "uid", "uid-turned"] = "printed"
    """What it types: the ten digits printed on the card, or a UID in hex, the other way round with `uid-turned`."""
    layout: Literal["us", "fr"] = "us"
    """The keyboard it is set up for; digits and A to F are the same on most, but on French ones."""
    removal_ms: Annotated[int, Field(ge=100, le=5000)] = 500
    """The same number again so soon is the same presentation."""

    def place(self) -> KeyboardPlace:
        return KeyboardPlace(int(self.vendor, 16), int(self.product, 16), self.port)
