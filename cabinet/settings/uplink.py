"""What the configuration says about the broker: [uplink] of a cabinet, [broker] of a collector."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator


def _host(value: str) -> str:
    try:
        value.encode("idna")
    except UnicodeError:
        raise ValueError("should be a name such as broker.example, or an address") from None
    return value


File = Annotated[str, Field(min_length=1)]
Host = Annotated[str, Field(min_length=1, max_length=253), AfterValidator(_host)]

Base = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$", max_length=64)]
"""First levels of every topic."""


class BrokerSettings(BaseModel):
    """Where the MQTT broker is, and who we are to it. With certificates TLS is spoken, without them plain TCP."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)

    host: Host
    port: Annotated[int, Field(ge=1, le=65535)] = 8883
    protocol: Literal["5", "3.1.1"] = "5"
    ca: File | None = None
    certificate: File | None = None
    key: File | None = None
    keepalive_s: Annotated[int, Field(ge=1, le=3600)] = 30
    """A connection that is silent for twice as long is given up."""

    @model_validator(mode="after")
    def _all_or_none(self) -> Self:
        given = [name for name in ("ca", "certificate", "key") if getattr(self, name)]
        if len(given) not in (0, 3):
            raise ValueError(f"only {' and '.join(given)}: ca, certificate and key are needed, all three or none")
        return self

    def under(self, folder: Path) -> Self:
        """The same, with the paths of the three files taken from `folder` where they are relative."""
        files = {name: getattr(self, name) for name in ("ca", "certificate", "key")}
        return self.model_copy(update={name: str(folder / file) for name, file in files.items() if file})


class UplinkSettings(BrokerSettings):
    """[uplink]"""

    base: Base = "kc/v1"
    jitter_s_max: Annotated[float, Field(ge=0, le=3600)] = 30.0
    """After a reconnect, the old events wait for a random time up to this."""
    resend_s: Annotated[float, Field(ge=0.1, le=300)] = 30.0
    """What was not acknowledged for so long is sent again; then after twice as long, up to 300 s."""
