"""From the leaf the core wants to the entry the journal stores: personal data under its person's own key.

The AAD of each sealed part is the ASCII text

    cabinet-event/1|ORIGIN|ROLE|SALT

with SALT as it stands in the leaf (base64). None of the four holds a `|`, and the index is not among them, so
sealing does not wait for the place in the journal.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

from cabinet.core.leaves import Leaf, Subject
from cabinet.journal import b64
from cabinet.journal.leaf import Entry, Value
from cabinet.policy.rights import Pseudonym
from cabinet.vault.box import SealError, close_box, open_box
from cabinet.vault.device_key import Random
from hal.clock import Now

SALT_BYTES: Final = 16

KeyOf = Callable[[Pseudonym], bytes | None]
NameOf = Callable[[Pseudonym], str | None]


def seal(
    leaf: Leaf,
    *,
    origin: str,
    now: Now,
    boot: str,
    key_of: KeyOf,
    random: Random,
    name_of: NameOf | None = None,
) -> Entry:
    """The entry for this leaf at this instant. Who is bare, or without a key (erased), keeps role and pseudonym alone.

    With `name_of`, each sealed part also says the name as it is today."""
    salt = b64.encode(random(SALT_BYTES))
    return Entry(
        ev=leaf.ev,
        ts=now.wall_ms,
        tq=now.quality,
        mono_ms=int(now.mono_s * 1000),
        boot=boot,
        salt=salt,
        fields=cast("Mapping[str, Value]", leaf.fields),
        subs=tuple([_sub(s, _aad(origin, s.role, salt), key_of, name_of, random) for s in leaf.subs]),
    )


def no_key(person: Pseudonym) -> None:
    """For a leaf that names people by pseudonym alone: nothing in it is sealed."""


def open_sealed(sub: Mapping[str, str], *, origin: str, salt: str, key: bytes) -> dict[str, Any]:
    """What is sealed in one of a leaf's `subs`; empty if the person was erased before. Raises SealError."""
    if "e" not in sub:
        return {}
    try:
        box = b64decode(sub["e"], validate=True)
    except ValueError:
        raise SealError("sealed data is not base64") from None
    return open_box(key, box, _aad(origin, sub["r"], salt))


def _sub(subject: Subject, aad: bytes, key_of: KeyOf, name_of: NameOf | None, random: Random) -> Mapping[str, str]:
    sub = {"r": str(subject.role), "p": subject.person}
    key = None if subject.bare else key_of(subject.person)
    if key is not None:
        name = name_of(subject.person) if name_of else None
        private = {"name": name, **subject.private} if name else subject.private
        sub["e"] = b64.encode(close_box(key, private, aad, random))
    return sub


def _aad(origin: str, role: str, salt: str) -> bytes:
    return f"cabinet-event/1|{origin}|{role}|{salt}".encode()
