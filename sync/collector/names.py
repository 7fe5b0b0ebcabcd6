"""Which cabinet a topic and an origin belong to."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

NAME_PATTERN: Final = r"[a-z0-9][a-z0-9-]{0,31}"
_NAME: Final = re.compile(NAME_PATTERN)
_EPOCH: Final = re.compile(r"/e([1-9][0-9]{0,5})")

JOURNAL: Final = "journal"
ACK: Final = "journal/ack"
REQUEST: Final = "journal/req"
EPOCH: Final = "journal/epoch"
ERASED: Final = "journal/erased"
SESSION: Final = "session"


@dataclass(frozen=True, slots=True)
class Cabinet:
    """One cabinet of the fleet."""

    site: str
    device: str

    @property
    def origin(self) -> str:
        """Of its first epoch."""
        return f"cabinet.{self.site}/{self.device}"

    def epoch(self, origin: str) -> int | None:
        """1 for its own origin, N for its /eN; None for anything else."""
        if origin == self.origin:
            return 1
        match = _EPOCH.fullmatch(origin, len(self.origin)) if origin.startswith(self.origin) else None
        return int(match[1]) if match and match[1] != "1" else None


def read_topic(base: str, name: str) -> tuple[Cabinet, str] | None:
    """The cabinet and the plane of a topic under the base; None where it has another form."""
    if not name.startswith(base + "/"):
        return None
    site, _, rest = name.removeprefix(base + "/").partition("/")
    device, _, plane = rest.partition("/")
    if not (_NAME.fullmatch(site) and _NAME.fullmatch(device)):
        return None
    return Cabinet(site, device), plane
