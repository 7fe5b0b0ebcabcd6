"""Where a key of 32 bytes comes from: a file of the cabinet's own, or a systemd credential, which it can only read.

Both hold 64 hex digits. A file has mode 0600; a credential stands in `$CREDENTIALS_DIRECTORY`, and who may read it is
systemd's matter.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path
from stat import S_IMODE, S_ISREG
from typing import TYPE_CHECKING, Final

from cabinet.journal.files import sync

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY_BYTES: Final = 32
CREDENTIALS: Final = "CREDENTIALS_DIRECTORY"
_HEX: Final = re.compile(rb"[0-9a-fA-F]{64}")


class KeyFileError(ValueError):
    """A key file is missing, open to others or damaged; the text says what that means and what to do."""


def read_credential(name: str, environ: Mapping[str, str]) -> bytes | None:
    """The key in the systemd credential of this name; None where there is none. Raises KeyFileError."""
    folder = environ.get(CREDENTIALS)
    return None if folder is None else _read(Path(folder) / name, of_systemd=True)


def read_key(path: Path) -> bytes | None:
    """The key in a file; None where there is none, or none any more. Raises KeyFileError for one that is damaged or
    open to others."""
    return _read(path, of_systemd=False)


def create_key(path: Path, key: bytes) -> None:
    """Durable, whole or not at all: a cut leaves at most `.new`, which the next one writes over. Raises OSError."""
    new = path.with_name(path.name + ".new")
    new.unlink(missing_ok=True)
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(key.hex().encode("ascii") + b"\n")
        file.flush()
        os.fsync(handle)
    move_key(new, path)


def move_key(source: Path, target: Path) -> None:
    """In the place of whatever was there; durable when it returns."""
    source.rename(target)
    sync(target.parent)


def destroy_key(path: Path) -> None:
    """Written over, then deleted; durable when it returns. Flash may keep the old page all the same."""
    blank_key(path)
    path.unlink(missing_ok=True)
    sync(path.parent)


def blank_key(path: Path) -> None:
    """Zeros in the place of the key, if there is one; the file itself stays."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        os.pwrite(handle, b"\0" * os.fstat(handle).st_size, 0)
        os.fsync(handle)
    finally:
        os.close(handle)


def _read(path: Path, *, of_systemd: bool) -> bytes | None:
    try:
        with _opened(path) as handle:
            _check_mode(path, os.fstat(handle).st_mode, of_systemd=of_systemd)
            text = os.read(handle, KEY_BYTES * 2 + 16).strip()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise KeyFileError(f"{path}: {error.strerror}; the daemon's user must be able to read it") from None
    if text and not text.strip(b"\0"):
        return None  # blanked
    if not _HEX.fullmatch(text):
        raise KeyFileError(f"{path}: damaged, a key file is 64 hex digits; restore it from a backup")
    return bytes.fromhex(text.decode("ascii"))


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        yield handle
    finally:
        os.close(handle)


def _check_mode(path: Path, mode: int, *, of_systemd: bool) -> None:
    if not S_ISREG(mode):
        raise KeyFileError(f"{path}: not a plain file; put the key file itself there")
    # systemd lets the unit's user in by an access list, which shows as rights of the group.
    if not of_systemd and S_IMODE(mode) & 0o077:
        raise KeyFileError(
            f"{path}: mode {S_IMODE(mode):04o} lets others read this key; "
            f"run: chmod 600 {path}, and find out who could read it meanwhile"
        )
