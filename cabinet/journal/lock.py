"""The writer's lock of a folder: one process writes the databases in it, or reads them while nobody writes."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Final

from cabinet.journal.errors import JournalBusy, JournalUnwritable

LOCK_FILE: Final = "journal.lock"


class FolderLock:
    """Held from construction to `release`, and given up by the kernel when the process ends."""

    def __init__(self, folder: Path, file: str = LOCK_FILE) -> None:
        """Never waits. Raises JournalBusy while another holds it, JournalUnwritable where no file can be made."""
        path = folder / file
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _unwritable(path, error) from error
        try:
            self._take(folder)
        except JournalBusy:
            os.close(self._file)
            raise
        except OSError as error:
            os.close(self._file)
            raise _unwritable(path, error) from error

    def _take(self, folder: Path) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(self._file, 20, 0).decode(errors="replace").strip() or "unknown"
            raise JournalBusy(f"{folder} is in use by process {holder}; stop it first") from None
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        os.close(self._file)


def _unwritable(path: Path, error: OSError) -> JournalUnwritable:
    return JournalUnwritable(f"{path}: {error.strerror}; check owner and mode of the folder, and its disk")
