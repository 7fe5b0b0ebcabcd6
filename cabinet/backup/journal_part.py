"""The journal in a backup: what is read from a cabinet's epochs, beside a running daemon."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from cabinet.backup import records
from cabinet.backup.errors import BackupRefused
from cabinet.backup.records import Record, RecordWriter, as_json
from cabinet.journal import checkpoint, note
from cabinet.journal.checkpoint import Checkpoint
from cabinet.journal.epoch import EntryRow
from cabinet.journal.errors import NoteRefused
from cabinet.journal.reader import Moment
from cabinet.journal.tree import Frontier

PART = "journal"


class Source(Protocol):
    """One epoch to be read: a JournalReader, or the model of one."""

    @property
    def epoch(self) -> int: ...

    def moment(self) -> Moment: ...

    def pages(self, first: int, end: int) -> Iterator[list[EntryRow]]: ...

    def notes(self, above: int, end: int) -> Iterator[tuple[int, bool, bytes]]:
        """Size, whether upstream acknowledged with it, signed note; of sizes above one and up to another."""
        ...

    def newest_ack(self) -> bytes | None: ...

    def node(self, level: int, index: int) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Extent:
    """What is taken of one epoch: the leaves from `first` up to those of the moment."""

    source: Source
    origin: str
    vkey: str
    first: int
    moment: Moment

    @property
    def size(self) -> int:
        return self.moment.size


def extents(
    sources: Sequence[Source], origin: str, vkey_of: Callable[[str], str], since: bytes | None = None
) -> list[Extent]:
    """By epoch; `origin` is that of the first. `since` is an earlier checkpoint: what it covers is left out.

    `vkey_of` gives the verifier key for the newest checkpoint of an origin. Raises BackupRefused where the journal
    does not continue `since`."""
    old = None if since is None else parse_note(since, "--since")
    taken = [_extent(source, origin, vkey_of, old) for source in sources if source.epoch >= epoch_of(old, origin)]
    if old is not None and (not taken or taken[0].origin != old.origin):
        raise BackupRefused(f"--since is of {old.origin}, which is no epoch of {origin}: make a full backup")
    return taken


def header(extents: Sequence[Extent], origin: str, since: bytes | None) -> dict[str, Any]:
    """What everybody can read: an increment is made without the key to what it follows."""
    return {
        "part": PART,
        "origin": origin,
        "since": since.decode() if since is not None else None,
        "epochs": [
            {"epoch": one.source.epoch, "first": one.first, "checkpoint": one.moment.checkpoint.decode()}
            for one in extents
        ],
    }


def write(extents: Sequence[Extent], out: RecordWriter, progress: Callable[[int, int], None]) -> None:
    """Raises JournalDamaged, JournalUnreadable."""
    total, done = sum(one.size - one.first for one in extents), 0
    for one in extents:
        about = {"epoch": one.source.epoch, "origin": one.origin, "first": one.first, "size": one.size}
        out.put([(records.EPOCH, as_json({**about, "vkey": one.vkey}))])
        for page in _pages(one):
            out.put(page)
            done += sum(kind in (records.LEAF, records.HASH) for kind, _ in page)
            progress(done, total)
        out.put(_state(one.moment.state))
    out.end()


def parse_note(data: bytes, name: str) -> Checkpoint:
    """The checkpoint in a signed note, whoever signed it. Raises BackupRefused."""
    try:
        return checkpoint.parse(note.parse(data).text)
    except NoteRefused as error:
        raise BackupRefused(f"{name}: {error}") from None


def epoch_of(known: Checkpoint | None, origin: str) -> int:
    """Its number; 1 for none."""
    suffix = known.origin.removeprefix(origin).removeprefix("/e") if known is not None else ""
    return int(suffix) if suffix.isdecimal() else 1


def origin_of(origin: str, epoch: int) -> str:
    return origin if epoch == 1 else f"{origin}/e{epoch}"


def _extent(source: Source, origin: str, vkey_of: Callable[[str], str], old: Checkpoint | None) -> Extent:
    moment, own = source.moment(), origin_of(origin, source.epoch)
    first = old.size if old is not None and old.origin == own else 0
    if old is not None and first and (first > moment.size or Frontier.read(first, source.node).root() != old.root):
        raise BackupRefused(f"the journal of {own} does not continue --since: make a full backup, and find out why")
    return Extent(source, own, vkey_of(own), first, moment)


def _pages(one: Extent) -> Iterator[list[Record]]:
    """Leaves with the notes of each size behind them. Of the acknowledgements that an earlier backup may lack, the
    newest is enough."""
    notes = one.source.notes(one.first or -1, one.size)
    due = next(notes, None)
    size, page = one.first, list[Record]()
    newest = one.source.newest_ack()
    if newest is not None and 0 < parse_note(newest, one.origin).size <= one.first:
        page.append((records.ACK, newest))
    for rows in one.source.pages(one.first, one.size):
        for row in rows:
            while due is not None and due[0] <= size:
                page.append(_note(due))
                due = next(notes, None)
            page.append((records.HASH, row[1]) if row[-1] is None else (records.LEAF, row[-1]))
            size = row[0] + 1
        yield page
        page = []
    while due is not None:
        page.append(_note(due))
        due = next(notes, None)
    yield page


def _note(due: tuple[int, bool, bytes]) -> Record:
    return (records.ACK if due[1] else records.CHECKPOINT), due[2]


def _state(rows: Mapping[str, bytes]) -> list[Record]:
    return [(records.STATE, as_json([key, value.decode()])) for key, value in sorted(rows.items())]
