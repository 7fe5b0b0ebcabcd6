"""Who may open a file: a device's, for the hint of a refused one, and one with a secret in it."""

from __future__ import annotations

import grp
import os
from pathlib import Path

from hal.errors import LinkLost

_OTHERS = 0o007


def who_may(path: str | os.PathLike[str]) -> str:
    """What to do so that this program may open `path`."""
    try:
        group = grp.getgrgid(os.stat(path).st_gid).gr_name
    except (OSError, KeyError):
        return "check its owner and mode"
    return f"add this program's user to the group {group}"


def read_secret(name: str, key: str, path: str, size: int) -> bytes:
    """What stands in hex in the file that the key `key` names, `size` bytes, not to be read by everybody.

    Raises LinkLost for the device or link `name`: who mends the file need not start the daemon again."""
    file = Path(path)
    try:
        mode, text = file.stat().st_mode, file.read_text("ascii").strip()
        secret = bytes.fromhex(text)
    except OSError as error:
        raise LinkLost(
            name, f"{key} {file}: {error.strerror}; `openssl rand -hex {size}` makes what belongs there"
        ) from error
    except ValueError:
        secret = b""
    if len(secret) != size:
        raise LinkLost(name, f"{key} {file}: {2 * size} hex digits are wanted")
    if mode & _OTHERS:
        raise LinkLost(name, f"{key} {file}: everybody may read or change it; chmod 640")
    return secret
