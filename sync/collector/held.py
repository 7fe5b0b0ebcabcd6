"""What is held of one origin: the right edge of its tree and the newest notes, in step with the database."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from cabinet.journal import checkpoint, note
from cabinet.journal.checkpoint import Checkpoint
from cabinet.journal.errors import JournalDamaged, NoteRefused
from cabinet.journal.note import Note
from cabinet.journal.tree import Frontier
from sync.collector import rows
from sync.collector.names import Cabinet


@dataclass(slots=True)
class Held:
    """One origin. Changed only inside a transaction; when that fails it is read again."""

    id: int
    cabinet: Cabinet
    origin: str
    epoch: int
    frontier: Frontier
    signed: Note | None = None
    """The cabinet's newest checkpoint, of this frontier, with nothing but its own line."""
    ack: Checkpoint | None = None
    """The newest one that was ever cosigned for this origin, of this database or an earlier one."""
    ack_note: bytes = b""
    ack_proven: bool = False
    """Whether our own tree is known to continue `ack`."""
    staged: int = 0
    """Batches that wait behind a gap."""

    @property
    def size(self) -> int:
        return self.frontier.size

    @property
    def acked(self) -> int:
        return 0 if self.ack is None else self.ack.size

    def frontier_at(self, connection: Connection, size: int) -> Frontier:
        """Of an earlier size. Raises JournalDamaged."""
        try:
            return Frontier.read(size, partial(rows.node, connection, self.id))
        except LookupError as error:
            raise JournalDamaged(f"{self.origin}: {error.args[0]}; restore the database from a backup") from None

    def contradicts(self, connection: Connection, other: Checkpoint) -> bool:
        """Whether a checkpoint that is not ahead of us names another tree than ours."""
        return self.frontier_at(connection, other.size).root() != other.root

    def sealed(self) -> bytes | None:
        """The cabinet's newest checkpoint as a signed note."""
        return None if self.signed is None else self.signed.encode()


def load(connection: Connection, row: rows.OriginRow) -> Held:
    """Raises JournalDamaged where the stored leaves do not lead to the stored checkpoint."""
    size = rows.size(connection, row.id)
    data, ack = rows.checkpoint(connection, row.id), rows.ack(connection, row.id)
    try:
        held = Held(
            row.id,
            Cabinet(row.site, row.device),
            row.name,
            row.epoch,
            Frontier.read(size, partial(rows.node, connection, row.id)),
            None if data is None else note.parse(data),
            None if ack is None else checkpoint.parse(note.parse(ack).text),
            ack or b"",
            staged=rows.staged_load(connection, row.id)[0],
        )
        newest = None if held.signed is None else checkpoint.parse(held.signed.text)
    except (NoteRefused, LookupError) as error:
        raise JournalDamaged(f"{row.name}: {error}; restore the database from a backup") from error
    if (newest is None) != (size == 0) or (newest and (newest.size, newest.root) != (size, held.frontier.root())):
        raise JournalDamaged(f"{row.name}: its {size} leaves are not those of its checkpoint; restore a backup")
    return held
