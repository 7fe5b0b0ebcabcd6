"""Making a backup file: part behind part, under another name until it is whole."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from cabinet.backup import journal_part
from cabinet.backup.errors import BackupRefused
from cabinet.backup.journal_part import Extent, parse_note
from cabinet.backup.records import RecordWriter
from cabinet.backup.replay import headers
from cabinet.backup.sealed import MAGIC, Random, Sealer
from cabinet.journal.checkpoint import Checkpoint
from cabinet.journal.files import replace_durably

_NOTE_BYTES_MAX: Final = 4096


class BackupFile:
    """A file that is written; `size` and `digest` are of what was written by now."""

    def __init__(self, path: Path) -> None:
        self.size = 0
        self._hash = sha256()
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        self._file = os.fdopen(handle, "wb", buffering=1 << 20)

    @property
    def digest(self) -> str:
        return self._hash.hexdigest()

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self._hash.update(data)
        self.size += len(data)

    def close(self) -> None:
        self._file.close()


@contextmanager
def new_file(path: Path) -> Iterator[BackupFile]:
    """There, durable and whole, once the block ends well; otherwise nothing is. Raises FileExistsError, OSError."""
    if path.exists():
        raise FileExistsError(f"{path} is there already; choose another name")
    draft = path.with_name(path.name + ".part")
    file = BackupFile(draft)
    try:
        yield file
        file.close()
        replace_durably(draft, path)
    except BaseException:
        file.close()
        draft.unlink(missing_ok=True)
        raise


def write_journal(
    extents: Sequence[Extent],
    origin: str,
    since: bytes | None,
    recipient: X25519PublicKey,
    out: Callable[[bytes], object],
    progress: Callable[[int, int], None],
    random: Random = os.urandom,
) -> None:
    """Raises JournalDamaged, JournalUnreadable."""
    sealer = Sealer(out, journal_part.header(extents, origin, since), recipient, random)
    journal_part.write(extents, RecordWriter(sealer.write), progress)
    sealer.finish()


def since_of(path: Path) -> bytes:
    """The newest checkpoint of an earlier backup, or the checkpoint that the file is. Raises BackupRefused, OSError."""
    with path.open("rb") as file:
        start = file.read(_NOTE_BYTES_MAX)
    if not start.startswith(MAGIC):
        parse_note(start, str(path))
        return start
    for header, _ in headers(path):
        if header.get("part") == journal_part.PART and header.get("epochs"):
            note = str(header["epochs"][-1].get("checkpoint")).encode()
            parse_note(note, str(path))
            return note
    raise BackupRefused(f"{path}: holds no journal; name the last backup that does")


def digest_of(paths: Sequence[Path]) -> tuple[int, str]:
    """Bytes, and SHA-256 in hex, of the files one behind the other. Raises OSError."""
    found, size = sha256(), 0
    for path in paths:
        with path.open("rb") as file:
            while data := file.read(1 << 20):
                found.update(data)
                size += len(data)
    return size, found.hexdigest()


def said(checkpoint: Checkpoint) -> str:
    """One line of it."""
    return " ".join(checkpoint.text().split())
