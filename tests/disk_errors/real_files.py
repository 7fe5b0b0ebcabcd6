"""The real files in place of the models of a disk: cabinetd under simulation, over journal and roster in a folder."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any, cast

from cabinet.journal.epoch import EntryRow, EpochFile, FolderClaim, Transaction
from cabinet.journal.errors import JournalError
from cabinet.journal.note import Signer
from cabinet.journal.schema import epoch_file, epochs
from cabinet.journal.sqlite_epoch import SqliteFolder
from cabinet.policy.rights import Pseudonym
from cabinet.roster.store import Roster
from simulator.harness.memory_roster import CHEAPEST, KEYS, RosterShelf
from simulator.harness.model_disk import ModelDisk
from simulator.harness.model_image import Ack
from simulator.harness.process import Process, current
from simulator.harness.random_bytes import RandomBytes
from tests.disk_errors.injected import Injected

ROSTER = "roster.db"


class RealFiles(ModelDisk):
    """Epoch files in a folder. Whoever wants to hear what is durable is told what the file holds after a write or a
    settling that came to its end."""

    def __init__(self, folder: Path, injected: Injected) -> None:
        super().__init__(Random(0))
        self._folder = folder
        self._files = SqliteFolder(folder)
        self._injected = injected
        self._told: dict[int, tuple[int, int]] = {}
        """By epoch: leaves, and the newest acknowledged size."""
        self._claim: _Claim | None = None

    def kept(self, epoch: int | None = None) -> list[bytes | None]:
        found = epochs(self._folder)
        if epoch is None:
            epoch = max(found, default=1)
        return [row[-1] for row in self._rows(epoch, "SELECT bytes FROM entry ORDER BY n")] if epoch in found else []

    def claim(self) -> FolderClaim:
        """The system takes the lock from a process that is dead."""
        if self._claim is not None and not self._claim.holder_lives():
            self._claim.release()
        self._claim = _Claim(self._files.claim())
        return self._claim

    def epochs(self) -> list[int]:
        return self._files.epochs()

    def name(self, epoch: int) -> str:
        return self._files.name(epoch)

    def newest_known(self) -> int:
        return self._files.newest_known()

    def know(self, epoch: int) -> None:
        self._files.know(epoch)

    def open(self, epoch: int, signer: Signer) -> Any:
        return _Heard(self._files.open(epoch, signer), lambda: self._hear(epoch))

    def inspect(self, epoch: int) -> Any:
        return self._files.inspect(epoch)

    def draft(self, epoch: int, signer: Signer) -> Any:
        raise NotImplementedError("no story here opens an epoch")

    def power_cut(self) -> None:
        raise NotImplementedError("tests/power_cut does that")

    def _hear(self, epoch: int) -> None:
        size, acked = self._told.get(epoch, (0, 0))
        rows = self._rows(epoch, "SELECT * FROM entry WHERE n >= ? ORDER BY n", size)
        for end, note in self._rows(epoch, "SELECT size, note FROM checkpoint WHERE size > ? ORDER BY size", size):
            entries = cast("list[EntryRow]", [row for row in rows if size <= row[0] < end])
            self._tell_of(epoch, Transaction(entries, end, note, {}))
            size = end
        for end, note in self._rows(epoch, "SELECT size, note FROM ack WHERE size > ? ORDER BY size", acked):
            self._tell_of(epoch, Ack(end, note))
            acked = end
        self._told[epoch] = size, acked

    def _tell_of(self, epoch: int, write: Transaction | Ack) -> None:
        for hear in self.durable:
            hear(epoch, write)

    def _rows(self, epoch: int, question: str, *values: object) -> list[tuple[Any, ...]]:
        path = epoch_file(self._folder, epoch)
        with self._injected.aside(), closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            try:
                return connection.execute(question, values).fetchall()
            except sqlite3.OperationalError as error:
                if "no such table" in str(error):  # the file was begun, and nothing was ever put into it
                    return []
                raise


class _Claim:
    def __init__(self, lock: FolderClaim) -> None:
        self._lock: FolderClaim | None = lock
        self._holder = current()

    def holder_lives(self) -> bool:
        return self._holder is not None and self._holder.alive

    def release(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None


class _Heard:
    """An epoch, and what is told of it. After an error it is only closed any more."""

    def __init__(self, file: EpochFile, hear: Callable[[], None]) -> None:
        self._file = file
        self._hear = hear
        self._good = True

    def append(self, transaction: Transaction) -> None:
        self._trusted("append")(transaction)
        self._hear()

    def store_ack(self, size: int, note: bytes) -> None:
        self._trusted("store_ack")(size, note)
        self._hear()

    def settle(self) -> None:
        self._trusted("settle")()
        self._hear()

    def close(self) -> None:
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return self._trusted(name)

    def _trusted(self, name: str) -> Callable[..., Any]:
        assert self._good, "a file on which something has failed is used again"

        def call(*arguments: Any) -> Any:
            try:
                return getattr(self._file, name)(*arguments)
            except JournalError:
                self._good = False
                raise

        return call


class FileShelf:
    """A simulator.harness.memory_roster.Shelf: roster.db in a folder."""

    def __init__(self, shelf: RosterShelf, folder: Path, site: str, slots: list[int], injected: Injected) -> None:
        self._shelf = shelf
        self._path = folder / ROSTER
        self._site = site
        self._slots = slots
        self._injected = injected
        self._opened_by: Process | None = None

    def open(self) -> Roster:
        """cabinetd opens the file, once. The world, which looks on (also while a process acts), has the one in memory,
        with version and digest of what stands in the file: a second connection here would share SQLite's view of the
        disk with the daemon."""
        process = current()
        if process is not None and process.name == "cabinetd" and process is not self._opened_by:
            self._opened_by = process
            random = RandomBytes("roster")
            return Roster.open(
                self._path, KEYS, self._site, first_pin_cost=lambda: CHEAPEST, slots=self._slots, random=random
            )
        roster = self._shelf.open()
        with self._injected.aside(), tempfile.TemporaryDirectory() as copy:
            # What a daemon has left that could not start may need to be written to before it can be read.
            for path in (self._path, self._path.with_name(f"{ROSTER}-wal")):
                if path.exists():
                    shutil.copy(path, copy)
            with closing(sqlite3.connect(Path(copy) / ROSTER)) as connection:
                meta = dict(connection.execute("SELECT key, value FROM meta"))
        roster.version, roster.digest = int(meta["version"]), meta["digest"]
        return roster

    def restore(self) -> None:
        self._shelf.restore()
        self._path.write_bytes(self._shelf.first_image)

    def traces_of(self, person: Pseudonym) -> list[bytes]:
        return self._shelf.traces_of(person)

    def image(self) -> bytes:
        with self._injected.aside():
            return b"".join(path.read_bytes() for path in sorted(self._path.parent.glob(f"{ROSTER}*")))
