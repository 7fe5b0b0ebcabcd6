"""The topics of one cabinet: fixed depth below a base, site and device as in its journal's origin."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Self

_ORIGIN: Final = re.compile(r"cabinet\.([a-z0-9][a-z0-9-]{0,31})/([a-z0-9][a-z0-9-]{0,31})(?:/e[1-9][0-9]{0,5})?")


@dataclass(frozen=True, slots=True)
class Topics:
    """`device` is also the MQTT client id: it is unique in the fleet, and the certificate's name."""

    base: str
    site: str
    device: str

    @classmethod
    def of(cls, base: str, origin: str) -> Self:
        """Raises ValueError for what is no origin of a cabinet's journal."""
        match = _ORIGIN.fullmatch(origin)
        if match is None:
            raise ValueError(f"{origin!a} is not cabinet.<site>/<device>")
        return cls(base, match[1], match[2])

    def plane(self, name: str) -> str:
        """`state`, `slot/7`."""
        return f"{self.base}/{self.site}/{self.device}/{name}"

    @property
    def status(self) -> str:
        return self.plane("status")

    @property
    def session(self) -> str:
        return self.plane("session")

    @property
    def event(self) -> str:
        return self.plane("event")

    @property
    def journal(self) -> str:
        return self.plane("journal")

    @property
    def ack(self) -> str:
        return self.plane("journal/ack")

    @property
    def request(self) -> str:
        return self.plane("journal/req")

    @property
    def epoch(self) -> str:
        return self.plane("journal/epoch")

    @property
    def erased(self) -> str:
        return self.plane("journal/erased")
