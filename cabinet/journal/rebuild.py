"""An epoch file made anew from what a backup kept of it. Whoever hands the rows in has checked them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from cabinet.journal.connection import DatabaseError, close, driver, meaning, open_writer, writing
from cabinet.journal.epoch import EntryRow
from cabinet.journal.schema import epoch_file, migrate
from cabinet.journal.sqlite_epoch import INSERT_ACK, INSERT_CHECKPOINT, INSERT_LEAF, INSERT_PAYLOAD, PUT_STATE


class EpochBuilder:
    """Fills a new file of a folder in the order of the leaves, in transactions as large as what is handed in."""

    def __init__(self, folder: Path, epoch: int) -> None:
        """Raises JournalUnwritable."""
        self.path = epoch_file(folder, epoch)
        self.path.touch(mode=0o600)
        self._acked = 0
        try:
            self._connection = open_writer(self.path)
            migrate(self._connection)
        except DatabaseError as error:
            raise meaning(error, self.path) from error

    def add(self, entries: Sequence[EntryRow], notes: Sequence[tuple[int, bool, bytes]]) -> None:
        """Rows, and the notes up to the size they lead to: size, whether it is an acknowledgement, signed note.
        Raises JournalUnwritable."""
        kept = [(size, note) for size, acked, note in notes if not acked]
        acks = {size: note for size, acked, note in notes if acked and size > self._acked}
        try:
            with writing(driver(self._connection)) as cursor:
                cursor.executemany(INSERT_LEAF, [row[:3] for row in entries])
                cursor.executemany(INSERT_PAYLOAD, [(row[0], *row[3:]) for row in entries if row[-1] is not None])
                cursor.executemany(INSERT_CHECKPOINT, kept)
                cursor.executemany(INSERT_ACK, sorted(acks.items()))
        except DatabaseError as error:
            raise meaning(error, self.path) from error
        self._acked = max([self._acked, *acks])

    def state(self, rows: Mapping[str, bytes]) -> None:
        """In the place of those before. Raises JournalUnwritable."""
        try:
            with writing(driver(self._connection)) as cursor:
                cursor.execute("DELETE FROM state")
                cursor.executemany(PUT_STATE, list(rows.items()))
        except DatabaseError as error:
            raise meaning(error, self.path) from error

    def close(self) -> None:
        """Leaves one whole file."""
        close(self._connection)
