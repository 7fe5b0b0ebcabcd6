"""Names beside the epoch files, and what makes a file appear whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

NEWEST: Final = "journal.epoch"
"""Holds the number of the newest epoch: one that is missing is missed."""


def draft_file(folder: Path, epoch: int) -> Path:
    """Not among the epochs, whatever becomes of it."""
    return folder / f"journal-{epoch}.new"


def stray_epochs(folder: Path) -> list[int]:
    """Numbers of all files that are or were of an epoch, logs without their database among them."""
    numbers = (path.name.removeprefix("journal-").partition(".db")[0] for path in folder.glob("journal-*.db*"))
    return [int(number) for number in numbers if number.isdecimal()]


def read_number(path: Path) -> int:
    """0 where none is kept."""
    try:
        text = path.read_text("ascii").strip()
    except (OSError, ValueError):
        return 0
    return int(text) if text.isdecimal() else 0


def write_number(path: Path, number: int) -> None:
    """Raises OSError."""
    new = path.with_name(path.name + ".new")
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(f"{number}\n".encode())
    replace_durably(new, path)


def replace_durably(new: Path, path: Path) -> None:
    """`new` takes the place of `path`: content first, then the name. Raises OSError."""
    sync(new)
    new.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """The content of a file, the names in a folder. Raises OSError."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
