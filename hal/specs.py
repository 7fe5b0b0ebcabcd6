"""What the configuration says of links, devices, slots and the door: the models their tables must fit.

Each device type adds its own keys in drivers/specs; the table of types is hal/registry.py. What holds between
tables is in hal/table_checks.py."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    field_validator,
    model_validator,
)


def _id(text: str) -> str:
    if not re.fullmatch(ID_PATTERN, text):
        raise ValueError('should be 1 to 32 of a-z, 0-9 and "-", the first a letter or a digit')
    return text


ID_PATTERN = "[a-z0-9][a-z0-9-]{0,31}"
Id = Annotated[str, AfterValidator(_id), WithJsonSchema({"type": "string", "pattern": f"^{ID_PATTERN}$"})]
"""The name of a link or a device in the configuration."""
Baud = Literal[1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400]
BusKind = Literal["serial", "modbus", "rs485", "gpio", "i2c", "socket", "input"]


class Spec(BaseModel):
    """Unknown keys are errors, values are not bent to fit ("1" is no number), nothing changes later."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class DeviceSpec(Spec):
    """The keys every `[[device]]` has."""

    id: Id
    type: str
    link: Id


class SerialLinkSpec(Spec):
    """A serial port with one device on it, 8N1."""

    id: Id
    type: Literal["serial"]
    port: Annotated[str, StringConstraints(min_length=1)]
    """A name that survives re-plugging: /dev/serial/by-id/..., by-path/... or a link a udev rule made."""
    baud: Baud = 9600


class ModbusLinkSpec(Spec):
    """A Modbus RTU line, 8N1."""

    id: Id
    type: Literal["modbus"]
    port: Annotated[str, StringConstraints(min_length=1)]
    baud: Baud = 9600
    timeout_ms: Annotated[int, Field(ge=200, le=500)] = 300
    """How long a board may take before it answers; the time of the bytes on the wire comes on top."""
    latency_ms: Annotated[int, Field(ge=1, le=500)] = 50
    """The slowest board's time to answer: how long the line stays silent after a failure."""
    echo: bool = False
    """The adapter returns what it sends."""


class Rs485LinkSpec(Spec):
    """A line of boards that speak a protocol of their own, 8N1."""

    id: Id
    type: Literal["rs485"]
    port: Annotated[str, StringConstraints(min_length=1)]
    baud: Baud = 9600
    timeout_ms: Annotated[int, Field(ge=100, le=500)] = 300
    """How long a board may take before it answers; the time of the bytes on the wire comes on top."""
    latency_ms: Annotated[int, Field(ge=1, le=500)] = 50
    """The slowest board's time to answer: how long the line stays silent after a failure."""
    echo: bool = False
    """The adapter returns what it sends."""


class GpioLinkSpec(Spec):
    """The lines of one GPIO chip."""

    id: Id
    type: Literal["gpio"]
    backend: Literal["gpiod", "rpi-gpio", "sim"] = "gpiod"
    chip: str | None = None
    """gpiod: label of the chip ("pinctrl-rp1", "pinctrl-bcm2711"); its number changes with the kernel."""
    path: str | None = None
    """sim: the Unix socket of a simulated chip."""

    @model_validator(mode="after")
    def _backend_has_its_place(self) -> GpioLinkSpec:
        _places_fit(self.backend, (("gpiod", "chip", self.chip), ("sim", "path", self.path)))
        return self


class I2cLinkSpec(Spec):
    """One I2C bus, at the rate the kernel gives it."""

    id: Id
    type: Literal["i2c"]
    backend: Literal["i2c-dev", "sim"] = "i2c-dev"
    port: Annotated[str, StringConstraints(min_length=1)] | None = None
    """i2c-dev: the bus ("/dev/i2c-1" on the header of a Raspberry Pi)."""
    path: Annotated[str, StringConstraints(min_length=1)] | None = None
    """sim: the Unix socket of a simulated bus."""

    @model_validator(mode="after")
    def _backend_has_its_place(self) -> I2cLinkSpec:
        _places_fit(self.backend, (("i2c-dev", "port", self.port), ("sim", "path", self.path)))
        return self


class SocketLinkSpec(Spec):
    """A Unix socket of a program on this machine, with one device behind it."""

    id: Id
    type: Literal["socket"]
    path: Annotated[str, StringConstraints(min_length=1)]
    key_file: Annotated[str, StringConstraints(min_length=1)]
    """What the program signs its answers with: 64 hex digits, in a file that others cannot read."""


class InputLinkSpec(Spec):
    """The keyboards of this machine."""

    id: Id
    type: Literal["input"]
    backend: Literal["evdev", "sim"] = "evdev"
    path: Annotated[str, StringConstraints(min_length=1)] | None = None
    """sim: the Unix socket of simulated keyboards."""

    @model_validator(mode="after")
    def _backend_has_its_place(self) -> InputLinkSpec:
        _places_fit(self.backend, (("sim", "path", self.path),))
        return self


LinkSpec = SerialLinkSpec | ModbusLinkSpec | Rs485LinkSpec | GpioLinkSpec | I2cLinkSpec | SocketLinkSpec | InputLinkSpec


def _places_fit(backend: str, places: Iterable[tuple[str, str, str | None]]) -> None:
    """(backend, its key, the value): the chosen backend has its key, and no key of another is there."""
    for one, key, place in places:
        if one == backend and not place:
            raise ValueError(f'backend "{backend}" needs the key "{key}"')
        if one != backend and place is not None:
            raise ValueError(f'the key "{key}" belongs to the backend "{one}"')


@dataclass(frozen=True, slots=True)
class ChannelRef:
    """One channel of a device, written "device:channel"; channels count from 1, as printed on the board."""

    device: str
    channel: int

    def __str__(self) -> str:
        return f"{self.device}:{self.channel}"


def parse_channel(text: object) -> ChannelRef:
    """Raises ValueError for anything that is not written "device:channel"."""
    if isinstance(text, str):
        device, _, channel = text.rpartition(":")
        if device and channel.isascii() and channel.isdigit() and len(channel) <= 3 and int(channel):
            return ChannelRef(device, int(channel))
    raise ValueError('should be the id of a device and a channel from 1, like "relays:1"')


Channel = Annotated[
    ChannelRef,
    BeforeValidator(parse_channel),
    WithJsonSchema({"type": "string", "pattern": f"^{ID_PATTERN}:[1-9][0-9]{{0,2}}$"}),
]


class SlotSpec(Spec):
    """Where an item hangs."""

    number: Annotated[int, Field(ge=1, le=255)]
    lock: Channel
    sensor: Channel | None = None
    """Closed: the fob is seated. Without one, presence is never known."""
    fob_reader: Channel | None = None
    """Reads which fob is seated. Without one whatever hangs here counts as what belongs here."""
    indicator: Channel | None = None
    hold_s: Annotated[float, Field(ge=0.1, le=1.0)] | None = None
    """Pulse of this bolt, in steps of 0.1 s."""

    @field_validator("hold_s")
    @classmethod
    def _in_steps(cls, hold_s: float | None) -> float | None:
        if hold_s is not None and abs(hold_s * 10 - round(hold_s * 10)) > 1e-6:
            raise ValueError("should be 0.1 to 1.0 in steps of 0.1")
        return hold_s


class DoorSpec(Spec):
    """The cabinet's door."""

    contact: Channel | None = None
    """Closed: the door is closed."""
    lock: Channel | None = None
    """What holds it until it is released; None: nothing."""
    hold_s: Annotated[float, Field(ge=0.1, le=1.0)] | None = None
    """Pulse of this bolt, in steps of 0.1 s."""
    open_s: Annotated[float, Field(ge=1, le=3600)] = 60.0
    """How long it may stand open."""

    @model_validator(mode="after")
    def _lock_is_watched(self) -> DoorSpec:
        if self.lock is not None and self.contact is None:
            raise ValueError("a lock of the door needs its contact: nobody would see who opens it by force")
        return self

    @field_validator("hold_s")
    @classmethod
    def _in_steps(cls, hold_s: float | None) -> float | None:
        if hold_s is not None and abs(hold_s * 10 - round(hold_s * 10)) > 1e-6:
            raise ValueError("should be 0.1 to 1.0 in steps of 0.1")
        return hold_s
