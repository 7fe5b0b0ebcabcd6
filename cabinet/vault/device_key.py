"""The two secrets that are made on a cabinet and never leave it, each a file of 64 hex digits, mode 0600.

`device.key` wraps the keys of people and keys every digest in roster.db; `signing.key` is the Ed25519 seed
that signs checkpoints. Without the first nobody can be identified, without the second no leaf be added.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from stat import S_IMODE, S_ISREG
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

Random = Callable[[int], bytes]
"""Gives so many bytes that nobody can guess; os.urandom but in simulation."""

DEVICE_KEY: Final = "device.key"
SIGNING_KEY: Final = "signing.key"
KEY_BYTES: Final = 32
_HEX = re.compile(rb"[0-9a-fA-F]{64}")


class KeyFileError(ValueError):
    """A key file is missing, open to others or damaged; the text says what that means and what to do."""


@dataclass(frozen=True, slots=True)
class DeviceKeys:
    """Sub-keys of the device key, 32 bytes each, and the seed of the signing key. Never shown by repr."""

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
    signing_seed: bytes = field(repr=False)


def open_or_create(folder: Path, journal_exists: bool, *, random: Random = os.urandom) -> DeviceKeys:
    """The keys in `folder`, made there if neither they nor a journal exist yet. Blocks.

    Raises KeyFileError for a key that is missing beside a journal, readable by others or not 64 hex digits,
    and OSError if the folder cannot be written."""
    if not journal_exists:
        for name in (DEVICE_KEY, SIGNING_KEY):
            if not (folder / name).exists():
                _create(folder / name, random(KEY_BYTES))
    device = _read(folder / DEVICE_KEY)
    return derive(device, _read(folder / SIGNING_KEY))


def derive(device_key: bytes, signing_seed: bytes) -> DeviceKeys:
    """Sub-keys by HKDF-Expand-SHA256 (RFC 5869), each with an info text of its own."""
    return DeviceKeys(
        wrap=_sub_key(device_key, b"cabinet-device/1|wrap"),
        card=_sub_key(device_key, b"cabinet-device/1|card"),
        code=_sub_key(device_key, b"cabinet-device/1|code"),
        person_id=_sub_key(device_key, b"cabinet-device/1|person-id"),
        pin_pepper=_sub_key(device_key, b"cabinet-device/1|pin-pepper"),
        roster_digest=_sub_key(device_key, b"cabinet-device/1|roster-digest"),
        house=_sub_key(device_key, b"cabinet-device/1|house"),
        signing_seed=signing_seed,
    )


def _sub_key(device_key: bytes, info: bytes) -> bytes:
    return HKDFExpand(algorithm=SHA256(), length=KEY_BYTES, info=info).derive(device_key)


def _read(path: Path) -> bytes:
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise KeyFileError(_missing(path)) from None
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}; the daemon's user must be able to read it") from None
    try:
        _check_mode(path, os.fstat(handle).st_mode)
        text = os.read(handle, KEY_BYTES * 2 + 16).strip()
    finally:
        os.close(handle)
    if not _HEX.fullmatch(text):
        raise KeyFileError(f"{path}: damaged, a key file is 64 hex digits; restore it from a backup")
    return bytes.fromhex(text.decode("ascii"))


def _check_mode(path: Path, mode: int) -> None:
    if not S_ISREG(mode):
        raise KeyFileError(f"{path}: not a plain file; put the key file itself there")
    if S_IMODE(mode) & 0o077:
        raise KeyFileError(
            f"{path}: mode {S_IMODE(mode):04o} lets others read this key; "
            f"run: chmod 600 {path}, and find out who could read it meanwhile"
        )


def _missing(path: Path) -> str:
    if path.name == DEVICE_KEY:
        lost = "people, cards and PINs in roster.db cannot be read without it"
    else:
        lost = "the journal cannot be continued under its name without it"
    return (
        f"{path}: missing beside an existing journal; {lost}. Restore it from a backup, "
        "or move the whole state folder away to begin anew"
    )


def _create(path: Path, key: bytes) -> None:
    """Whole or not at all: a cut leaves at most `.new`, which the next start writes over."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(key.hex().encode("ascii") + b"\n")
        file.flush()
        os.fsync(handle)
    new.rename(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
