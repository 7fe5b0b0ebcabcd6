"""Configuration of a Wiegand reader."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from drivers.specs.gpio_lines import LineNumber, all_different
from drivers.wire.wiegand import BITS_MAX, FORMATS, Format, Parity
from hal.specs import DeviceSpec

Bit = Annotated[int, Field(ge=1, le=BITS_MAX)]


class ParitySpec(BaseModel):
    """One check bit."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    bit: Bit
    over: Annotated[tuple[Bit, Bit], Field(strict=False)]
    """First and last of the bits that it checks, beside itself."""
    odd: bool = False


class FormatSpec(BaseModel):
    """A format of some maker's own. Bits are numbered from 1."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    bits: Annotated[int, Field(ge=9, le=BITS_MAX)]
    number: Annotated[tuple[Bit, Bit], Field(strict=False)]
    """First and last bit of the card's number; at most 64 of them."""
    parity: Annotated[tuple[ParitySpec, ...], Field(strict=False)] = ()

    @model_validator(mode="after")
    def _fits(self) -> FormatSpec:
        spans = [self.number, *(one.over for one in self.parity)]
        if any(first > last for first, last in spans) or self.number[1] - self.number[0] >= 64:
            raise PydanticCustomError("span", "a span is its first and its last bit, of a number at most 64 bits")
        if max(max(span) for span in spans) > self.bits or any(one.bit > self.bits for one in self.parity):
            raise PydanticCustomError("beyond", "the frame has {bits} bits", {"bits": self.bits})
        return self

    def format(self) -> Format:
        checks = tuple(Parity(one.bit, *one.over, one.odd) for one in self.parity)
        return Format(self.bits, *self.number, checks)


class WiegandReaderSpec(DeviceSpec):
    """A card reader, with or without keys, on two lines D0 and D1; link: gpio. Its outputs are 5 V: shift the level."""

    type: Literal["wiegand-reader"]
    d0: LineNumber
    d1: LineNumber
    formats: Annotated[tuple[Literal["26", "32", "34", "37"], ...], Field(strict=False)] = ("26", "34")
    """Frames that are taken, by how many bits they have."""
    custom: Annotated[tuple[FormatSpec, ...], Field(strict=False)] = ()
    """Formats beside those; where the length is the same, these are tried first."""
    numbers: Literal["printed", "uid", "uid-turned"] = "printed"
    """What a number is: printed on the card, or a UID, the other way round with `uid-turned`."""
    keypad: bool = False
    """It has keys, which come as bursts of 4 or 8 bits."""
    entry_s: Annotated[int, Field(ge=3, le=120)] = 15
    """Digits that are not ended with # are forgotten so long after the last one."""
    digits_max: Annotated[int, Field(ge=4, le=32)] = 12
    """Digits beyond these are ignored."""
    removal_ms: Annotated[int, Field(ge=100, le=5000)] = 500
    """The same number again so soon is the same presentation."""

    @model_validator(mode="after")
    def _lines_differ(self) -> WiegandReaderSpec:
        all_different((self.d0, self.d1))
        return self

    def claimed_lines(self) -> dict[int, str]:
        return {self.d0: "d0", self.d1: "d1"}

    def known(self) -> tuple[Format, ...]:
        return (*(one.format() for one in self.custom), *(FORMATS[name] for name in self.formats))
