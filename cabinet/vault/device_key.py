"""The secret that wraps the keys of people and keys every digest in roster.db. Without it nobody can be identified.

It is what the configured command gives, else the systemd credential `cabinet.device-key`, else `device.key` in the
state folder, which is made there at the first start.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from cabinet.vault.key_command import key_of
from cabinet.vault.key_source import KEY_BYTES, KeyFileError, create_key, read_credential, read_key

Random = Callable[[int], bytes]
"""Gives so many bytes that nobody can guess; os.urandom but in simulation."""

DEVICE_KEY: Final = "device.key"
CREDENTIAL: Final = "cabinet.device-key"


@dataclass(frozen=True, slots=True)
class DeviceKeys:
    """The device key and its sub-keys, 32 bytes each. Never shown by repr."""

    device: bytes = field(repr=False)
    """Leaves the cabinet in a sealed backup alone: a new board could not read the roster without it."""
    wrap: bytes = field(repr=False)
    """Wraps people's own keys."""
    card: bytes = field(repr=False)
    """Keys the digests of card numbers."""
    code: bytes = field(repr=False)
    """Keys the digests of one-time codes."""
    person_id: bytes = field(repr=False)
    """Keys the digests of people's ids."""
    pin_pepper: bytes = field(repr=False)
    """The part of a PIN record that does not stand in roster.db."""
    roster_digest: bytes = field(repr=False)
    """Keys the digest of the roster that stands in the journal."""
    house: bytes = field(repr=False)
    """Seals what concerns neither a person nor a customer."""


def open_or_create(
    folder: Path,
    journal_exists: bool,
    *,
    command: Sequence[str] = (),
    random: Random = os.urandom,
    environ: Mapping[str, str] = os.environ,
) -> DeviceKeys:
    """The keys; the file is made in `folder` if it is what counts and neither it nor a journal exists yet. Blocks.

    Raises KeyFileError for a command that gives none, for a key that is missing beside a journal, readable by others
    or not 64 hex digits, and OSError if the folder cannot be written."""
    if command:
        return derive(key_of(command))
    path = folder / DEVICE_KEY
    device = read_credential(CREDENTIAL, environ)
    if device is None:
        device = read_key(path)
    if device is None and journal_exists:
        raise KeyFileError(
            f"{path}: missing beside an existing journal; people, cards and PINs in roster.db cannot be read without "
            "it. Restore it from a backup, or move the whole state folder away to begin anew. If a systemd credential "
            "holds it, only the unit can read that: start cabinetd"
        )
    if device is None:
        device = random(KEY_BYTES)
        create_key(path, device)
    return derive(device)


def derive(device_key: bytes) -> DeviceKeys:
    """Sub-keys by HKDF-Expand-SHA256 (RFC 5869), each with an info text of its own."""
    return DeviceKeys(
        device=device_key,
        wrap=_sub_key(device_key, b"cabinet-device/1|wrap"),
        card=_sub_key(device_key, b"cabinet-device/1|card"),
        code=_sub_key(device_key, b"cabinet-device/1|code"),
        person_id=_sub_key(device_key, b"cabinet-device/1|person-id"),
        pin_pepper=_sub_key(device_key, b"cabinet-device/1|pin-pepper"),
        roster_digest=_sub_key(device_key, b"cabinet-device/1|roster-digest"),
        house=_sub_key(device_key, b"cabinet-device/1|house"),
    )


def _sub_key(device_key: bytes, info: bytes) -> bytes:
    return HKDFExpand(algorithm=SHA256(), length=KEY_BYTES, info=info).derive(device_key)
