"""What the configuration says of links and devices: the models a `[[link]]` and a `[[device]]` must fit.

Each device type adds its own keys in drivers/specs; the table of types is hal/registry.py."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
"""The name of a link or a device in the configuration."""
Baud = Literal[1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400]
BusKind = Literal["serial", "modbus", "gpio"]


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
        for backend, key, place in (("gpiod", "chip", self.chip), ("sim", "path", self.path)):
            if backend == self.backend and not place:
                raise PydanticCustomError(
                    "missing_with",
                    'backend "{backend}" needs the key "{key}"',
                    {"backend": backend, "key": key},
                )
            if backend != self.backend and place is not None:
                raise PydanticCustomError(
                    "useless_with",
                    'key "{key}" belongs to backend "{backend}"',
                    {"backend": backend, "key": key},
                )
        return self


LinkSpec = Annotated[SerialLinkSpec | ModbusLinkSpec | GpioLinkSpec, Field(discriminator="type")]
