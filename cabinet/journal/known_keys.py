"""The verifier keys that a cabinet's journal began with, in a file beside it: anybody may read it, nobody has to.

The first line is the key of the first epoch. Keys that it vouches for follow from the journal; one line more stands
there for each key that nothing vouched for, because the one before it was lost or revoked.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cabinet.journal.errors import JournalMissing, NoteRefused
from cabinet.journal.files import replace_durably
from cabinet.journal.key_walk import known_key, renamed, walked
from cabinet.journal.note import Verifier, read_vkeys
from cabinet.journal.opening import epoch_origin
from cabinet.journal.reader import JournalReader

FILE: Final = "signing.vkey"


def read_known(folder: Path) -> list[Verifier]:
    """Empty where there is no such file. Raises NoteRefused for one that holds something else."""
    try:
        return read_vkeys((folder / FILE).read_text("utf-8"))
    except (OSError, UnicodeDecodeError):
        return []


def add_known(folder: Path, key: Verifier) -> None:
    """Durable when it returns. Raises OSError."""
    known = [one.vkey for one in read_known(folder)]
    if key.vkey in known:
        return
    new = folder / f"{FILE}.new"
    new.unlink(missing_ok=True)
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.writelines(f"{vkey}\n" for vkey in (*known, key.vkey))
    replace_durably(new, folder / FILE)


def first_key(folder: Path, epoch: int, known: Sequence[Verifier], origin: str) -> Verifier:
    """The key that the epoch begins with: a known one of its own, or the last of the epoch before, which is followed
    from rotation to rotation. `origin` is that of the first epoch.

    Raises NoteRefused where no known key leads there, JournalDamaged, JournalUnreadable."""
    if (key := known_key(known, epoch_origin(origin, epoch))) is not None:
        return key
    if epoch <= 1:
        raise NoteRefused(f"no key of {origin} is known")
    first = first_key(folder, epoch - 1, known, origin)
    try:
        with JournalReader(folder, epoch - 1) as reader:
            last = walked(first, reader.rotations()).key
    except JournalMissing:
        last = first
    return renamed(last, epoch_origin(origin, epoch))
