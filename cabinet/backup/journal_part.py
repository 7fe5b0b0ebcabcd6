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
from cabinet.journal.key_walk import ROTATED, renamed, rotation_in
from cabinet.journal.leaf import glance
from cabinet.journal.note import Verifier
from cabinet.journal.reader import Moment
from cabinet.journal.tree import Frontier

PART = "journal"
OPENED = "epoch.opened"
OLD_VKEY = "old_vkey"
"""In the first leaf of an epoch that is restored: the last key of the old one, where another signs from now on."""


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

    def find(self, *, kind: str | None = None, limit: int = 1) -> list[tuple[int, bytes]]:
        """Index and bytes of the first leaves of that kind."""
        ...


@dataclass(frozen=True, slots=True)
class Extent:
    """What is taken of one epoch: the leaves from `first` up to those of the moment."""

    source: Source
    origin: str
    vkey: str | None
    """The key that signs its first checkpoint; None: nobody here knows it any more."""
    first: int
    moment: Moment

    @property
    def size(self) -> int:
        return self.moment.size


def extents(sources: Sequence[Source], origin: str, current: Verifier, since: bytes | None = None) -> list[Extent]:
    """By epoch; `origin` is that of the first. `since` is an earlier checkpoint: what it covers is left out.

    `current` is the key that signs now. Raises BackupRefused where the journal does not continue `since`."""
    old = None if since is None else parse_note(since, "--since")
    keys = _first_keys(sources, current, origin)
    taken = [_extent(one, origin, keys[one.epoch], old) for one in sources if one.epoch >= epoch_of(old, origin)]
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


def _first_keys(sources: Sequence[Source], current: Verifier, origin: str) -> dict[int, str | None]:
    """Back from the key that signs now: a rotation names the one before it, and so does an epoch that began with
    another key than the old one had."""
    found: dict[int, str | None] = {}
    last: Verifier | None = current
    for source in sorted(sources, key=lambda one: one.epoch, reverse=True):
        rotation = source.find(kind=ROTATED, limit=1)
        keys = rotation_in(rotation[0][1]) if rotation else None
        first = keys[0] if keys is not None else last
        found[source.epoch] = None if first is None else renamed(first, origin_of(origin, source.epoch)).vkey
        opened = source.find(kind=OPENED, limit=1)
        told = glance(opened[0][1]).get(OLD_VKEY) if opened else None
        last = Verifier.from_vkey(told) if isinstance(told, str) else first
    return found


def _extent(source: Source, origin: str, vkey: str | None, old: Checkpoint | None) -> Extent:
    moment, own = source.moment(), origin_of(origin, source.epoch)
    first = old.size if old is not None and old.origin == own else 0
    if old is not None and first and (first > moment.size or Frontier.read(first, source.node).root() != old.root):
        raise BackupRefused(f"the journal of {own} does not continue --since: make a full backup, and find out why")
    return Extent(source, own, vkey, first, moment)


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
