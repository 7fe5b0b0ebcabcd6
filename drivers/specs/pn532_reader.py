"""Configuration of an NFC reader with a PN532."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from drivers.wire.desfire import NTAG_NAME, Application
from hal.specs import DeviceSpec, Spec

KEYS_OF_NTAG = 5


def _application(text: str) -> str:
    if not re.fullmatch("[0-9a-fA-F]{6}", text) or text == "000000":
        raise ValueError('should be the three bytes of an application in hex, such as "F5B1C0", and not 000000')
    return text


class StrongCards(Spec):
    """What cards have to prove, and where the key is that theirs follow from."""

    mode: Literal["ev1-aes", "ev2", "ntag424"]
    application: Annotated[str, AfterValidator(_application)] | None = None
    """Of a DESFire, as it is written; an NTAG 424 has one."""
    key: Annotated[int, Field(ge=0, le=13)] = 0
    """The number of the key in the application."""
    key_file: Annotated[str, StringConstraints(min_length=1)]
    """The site key: 32 hex digits, in a file that others cannot read."""

    @model_validator(mode="after")
    def _fits_the_cards(self) -> StrongCards:
        ntag = self.mode == "ntag424"
        if ntag and self.application is not None:
            raise ValueError("an NTAG 424 has one application: leave the key application out")
        if ntag and self.key >= KEYS_OF_NTAG:
            raise ValueError(f"an NTAG 424 has the keys 0 to {KEYS_OF_NTAG - 1}")
        if not ntag and self.application is None:
            raise ValueError(f'mode "{self.mode}" needs the key application, such as application = "F5B1C0"')
        return self

    def where(self) -> Application:
        name = NTAG_NAME if self.application is None else bytes.fromhex(self.application)
        return Application(self.mode, name, self.key)


class Pn532ReaderSpec(DeviceSpec):
    """A PN532 module whose switches say HSU; link: serial, 115200 baud."""

    type: Literal["pn532-reader"]
    strong: StrongCards | None = None
    """Cards with an application of ours prove that they hold its key; others show their number as ever."""
