"""The name of a right that was given none."""

from __future__ import annotations

import hmac
import re
from typing import Final

from cabinet.roster.content import EVERYONE, RightEntry

_LENGTH_MAX: Final = 32
_MARK_BYTES: Final = 4


def right_id(key: bytes, right: RightEntry) -> str:
    """The same for the same people and items, so that granting twice makes one right; another one for others.

    It stands in the journal, so people are not in it but in the keyed mark behind it."""
    names = [right.groups, right.items, right.item_groups]
    plain = "-".join(name for part in names for name in part).replace(EVERYONE, "all")
    name = re.sub(r"[^A-Za-z0-9._-]", "", plain).lstrip("._-")
    whole = "\0\0".join("\0".join(sorted(part)) for part in (right.persons, *names))
    mark = hmac.digest(key, whole.encode("utf-8", "surrogatepass"), "sha256")[:_MARK_BYTES].hex()
    return f"{name[: _LENGTH_MAX - 2 * _MARK_BYTES - 1] or 'right'}-{mark}"
