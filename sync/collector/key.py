"""The collector's own key: a file of 64 hex digits, mode 0600, made on the first start.

It never changes by itself: cabinets count only what this key cosigned.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from stat import S_IMODE, S_ISREG
from typing import Final

from cabinet.journal.note import COSIGNATURE, Signer

SEED_BYTES: Final = 32
_HEX: Final = re.compile(rb"[0-9a-fA-F]{64}")


class KeyFileError(ValueError):
    """The key file is missing, open to others or damaged; the text says what to do."""


def open_or_create(path: Path, name: str, *, database_exists: bool) -> Signer:
    """The cosigning key, made where neither it nor a database exists yet. Blocks.

    Raises KeyFileError; OSError if the folder cannot be written.
    """
    if not path.exists() and not database_exists:
        create_seed(path)
    return Signer(name, read_seed(path), COSIGNATURE)


def create_seed(path: Path) -> None:
    """A new key where none is yet. Raises KeyFileError, OSError."""
    if path.exists():
        raise KeyFileError(f"{path} is there already; name a new file")
    _create(path, os.urandom(SEED_BYTES))


def read_seed(path: Path) -> bytes:
    """Raises KeyFileError."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise KeyFileError(
            f"{path}: missing beside a database; restore it from a backup, or move the database away to begin anew"
        ) from None
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}; the collector's user must be able to read it") from None
    try:
        mode = os.fstat(handle).st_mode
        if not S_ISREG(mode) or S_IMODE(mode) & 0o077:
            raise KeyFileError(f"{path}: not a plain file that only its owner reads; run: chmod 600 {path}")
        text = os.read(handle, SEED_BYTES * 2 + 16).strip()
    finally:
        os.close(handle)
    if not _HEX.fullmatch(text):
        raise KeyFileError(f"{path}: damaged, a key file is 64 hex digits; restore it from a backup")
    return bytes.fromhex(text.decode("ascii"))


def _create(path: Path, seed: bytes) -> None:
    """Whole or not at all: a cut leaves at most `.new`, which the next start writes over."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(seed.hex().encode("ascii") + b"\n")
        file.flush()
        os.fsync(handle)
    new.rename(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
