"""Reading backups in their order: a full one and what was added to it since. Every leaf is hashed again, every root
compared, and each backup has to go on exactly where the one before it ended."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeAlias

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from cabinet.backup import journal_part, records, roster_part
from cabinet.backup.errors import BackupRefused
from cabinet.backup.journal_part import parse_note
from cabinet.backup.records import Record, from_json
from cabinet.backup.roster_part import RosterImage
from cabinet.backup.sealed import SealedPart, parts
from cabinet.journal import b64
from cabinet.journal.epoch import EntryRow
from cabinet.journal.errors import LeafRefused, NoteRefused
from cabinet.journal.key_walk import KeyWalk
from cabinet.journal.leaf import glance
from cabinet.journal.note import Verifier
from cabinet.journal.tree import HASH_BYTES, Frontier, leaf_hash

PAGE = 1000


KeptNote: TypeAlias = tuple[int, bool, bytes]
"""Size, whether upstream acknowledged with it, signed note."""


class EpochKeeper(Protocol):
    """Where the rows of one epoch are put, in the order of their index."""

    def add(self, entries: Sequence[EntryRow], notes: Sequence[KeptNote]) -> None:
        """An acknowledgement that is known already, or older than one that is, changes nothing."""
        ...

    def state(self, rows: dict[str, bytes]) -> None:
        """In the place of those before."""
        ...


Keep = Callable[[int, str], EpochKeeper]
"""Gives the keeper of an epoch and its origin; asked once each."""


@dataclass(slots=True)
class Epoch:
    """What is known of an epoch by now."""

    origin: str
    vkey: str | None
    walk: KeyWalk | None
    """None: the key of its first checkpoint is not known any more."""
    keeper: EpochKeeper
    frontier: Frontier = field(default_factory=Frontier)
    newest: bytes = b""
    pruned: int = 0
    state: dict[str, bytes] = field(default_factory=dict)


class Replay:
    """Feed it the files in order with `read`, then ask."""

    def __init__(self, identity: X25519PrivateKey, keep: Keep, progress: Callable[[int, int], None]) -> None:
        """`progress` hears of the leaves that are done, and of how many in what was begun."""
        self.epochs: dict[int, Epoch] = {}
        self.roster: RosterImage | None = None
        """Of the last file that holds one."""
        self.erased: set[str] = set()
        """Pseudonyms that the leaves say are erased."""
        self.origin = ""
        self.leaves = 0
        self._due = 0
        self._marks: set[tuple[int, str]] = set()
        self._identity = identity
        self._keep = keep
        self._progress = progress

    def read(self, file: BinaryIO, name: str) -> None:
        """Raises BackupRefused."""
        for part in parts(file, name):
            origin = part.header.get("origin")
            if not isinstance(origin, str) or self.origin not in ("", origin):
                raise BackupRefused(f"{name}: is of {origin}, the one before of {self.origin}; name those of one")
            self.origin = origin
            if part.header.get("part") == journal_part.PART:
                self._journal(part)
            elif part.header.get("part") == roster_part.PART:
                self.roster = roster_part.read(records.records(part.chunks(self._identity), name), name)
            else:
                raise BackupRefused(f"{name}: holds a part {part.header.get('part')!r}: update this program")

    @property
    def roster_is_known(self) -> bool:
        """The journal says that this roster was in force."""
        roster = self.roster
        if roster is None or not self.epochs:
            return False
        told = {(roster.version, roster.digest)} & self._marks
        return bool(told) or roster.version == 0 or self._stands(roster)

    def _stands(self, roster: RosterImage) -> bool:
        row = self.epochs[max(self.epochs)].state.get("roster/roster", b"{}")
        stood: dict[str, object] = json.loads(row)
        return (stood.get("version"), stood.get("digest")) == (roster.version, roster.digest)

    # -- the journal ---------------------------------------------------------------------------------------------

    def _journal(self, part: SealedPart) -> None:
        self._joins(part)
        epoch: _Reading | None = None
        for kind, body in records.records(part.chunks(self._identity), part.name):
            if kind == records.EPOCH:
                if epoch is not None:
                    epoch.end()
                epoch = _Reading(self, self._epoch(from_json(body, part.name), part.name), part.name)
            elif epoch is None:
                raise BackupRefused(f"{part.name}: begins without an epoch; it was made by another program")
            else:
                epoch.take((kind, body))
        if epoch is not None:
            epoch.end()
        for told in part.header.get("epochs", []):
            known = self.epochs.get(told.get("epoch"))
            if known is None or known.newest != str(told.get("checkpoint")).encode():
                raise BackupRefused(f"{part.name}: its header tells of another checkpoint than its content has")

    def _joins(self, part: SealedPart) -> None:
        since = part.header.get("since")
        if since is None:
            if self.epochs:
                raise BackupRefused(f"{part.name}: is a full backup; begin with it, and name after it what was added")
            return
        old = parse_note(str(since).encode(), part.name)
        epoch = next((one for one in self.epochs.values() if one.origin == old.origin), None)
        if epoch is None or (epoch.frontier.size, epoch.frontier.root()) != (old.size, old.root):
            raise BackupRefused(
                f"{part.name}: goes on from {old.size} leaves of {old.origin}, and the backups before it do not end "
                "there: name all of them, the full one first, in the order in which they were made"
            )

    def _epoch(self, told: dict[str, Any], name: str) -> Epoch:
        number, first, origin = told.get("epoch"), told.get("first"), told.get("origin")
        if not isinstance(number, int) or number < max(self.epochs, default=1):
            raise BackupRefused(f"{name}: its epochs are out of order; it was made by another program")
        if number not in self.epochs:
            if origin != journal_part.origin_of(self.origin, number):
                raise BackupRefused(f"{name}: epoch {number} is of {origin}")
            vkey = told.get("vkey")
            self.epochs[number] = Epoch(origin, vkey, _walk(vkey, origin, name), self._keep(number, origin))
        epoch = self.epochs[number]
        if epoch.frontier.size != first:
            raise BackupRefused(
                f"{name}: goes on at leaf {first} of {epoch.origin}, and the backups before it end at "
                f"{epoch.frontier.size}: name the full backup first, and then all that were made since"
            )
        epoch.state = {}
        self._due += int(told.get("size", 0)) - epoch.frontier.size
        return epoch

    def heard(self, data: bytes, leaf: dict[str, Any]) -> None:
        """Of what a leaf says, what a restore has to know."""
        if leaf.get("ev") == "person.erased":
            self.erased.update(sub["p"] for sub in leaf.get("subs", ()))
        elif b'"roster":' in data and isinstance(leaf.get("digest"), str):
            self._marks.add((leaf["roster"], leaf["digest"]))

    def counted(self, leaves: int) -> None:
        self.leaves += leaves
        self._progress(self.leaves, self._due)


class _Reading:
    """The records of one epoch of one file."""

    def __init__(self, replay: Replay, epoch: Epoch, name: str) -> None:
        self._replay = replay
        self._epoch = epoch
        self._name = name
        self._rows: list[EntryRow] = []
        self._notes: list[KeptNote] = []

    def take(self, record: Record) -> None:
        kind, body = record
        if kind == records.LEAF:
            self._leaf(body)
        elif kind == records.HASH:
            self._pruned(body)
        elif kind == records.CHECKPOINT:
            self._note(body)
        elif kind == records.ACK:
            self._notes.append((parse_note(body, self._name).size, True, body))
        elif kind == records.STATE:
            key, value = from_json(body, self._name)
            self._epoch.state[key] = value.encode()
        else:
            raise BackupRefused(f"{self._name}: holds a record {kind!r} where a leaf should stand")

    def end(self) -> None:
        self._flush()
        epoch = self._epoch
        epoch.keeper.state(epoch.state)
        if not epoch.newest or parse_note(epoch.newest, self._name).size != epoch.frontier.size:
            raise BackupRefused(f"{self._name}: no checkpoint covers all leaves of {epoch.origin}")

    def _leaf(self, data: bytes) -> None:
        n = self._epoch.frontier.size
        try:
            leaf = glance(data)
            subs = b"".join([b64.decode(sub["p"]) for sub in leaf.get("subs", ())]) or None
            columns = leaf["ts"], leaf["ev"], leaf.get("slot"), leaf.get("item"), subs, data
        except (LeafRefused, ValueError, KeyError, TypeError):
            leaf = {}
        if leaf.get("n") != n:
            raise BackupRefused(f"{self._name}: leaf {n} of {self._epoch.origin} is no leaf of this index")
        if self._epoch.walk is not None:
            try:
                self._epoch.walk.leaf(n, data)
            except NoteRefused as error:
                raise BackupRefused(f"{self._name}: {self._epoch.origin}: {error}") from None
        hashed = leaf_hash(data)
        self._push((n, hashed, self._epoch.frontier.push(hashed), *columns))
        self._replay.heard(data, leaf)

    def _pruned(self, hashed: bytes) -> None:
        epoch = self._epoch
        if len(hashed) != HASH_BYTES:
            raise BackupRefused(f"{self._name}: leaf {epoch.frontier.size} of {epoch.origin} is no hash")
        epoch.pruned += 1
        self._push((epoch.frontier.size, hashed, epoch.frontier.push(hashed), None, None, None, None, None, None))

    def _push(self, row: EntryRow) -> None:
        self._rows.append(row)
        if len(self._rows) == PAGE:
            self._flush()

    def _note(self, data: bytes) -> None:
        epoch, told = self._epoch, parse_note(data, self._name)
        if (told.origin, told.size, told.root) != (epoch.origin, epoch.frontier.size, epoch.frontier.root()):
            raise BackupRefused(
                f"{self._name}: the checkpoint of {told.size} leaves of {told.origin} is of another tree: leaves were "
                "changed, lost or put in"
            )
        if epoch.walk is not None:
            try:
                epoch.walk.check(data)
            except NoteRefused as error:
                raise BackupRefused(f"{self._name}: {epoch.origin}, checkpoint of {told.size}: {error}") from None
        self._notes.append((told.size, False, data))
        epoch.newest = data

    def _flush(self) -> None:
        if self._rows or self._notes:
            self._epoch.keeper.add(self._rows, self._notes)
            self._replay.counted(len(self._rows))
            self._rows, self._notes = [], []


def _walk(vkey: object, origin: str, name: str) -> KeyWalk | None:
    if vkey is None:
        return None
    try:
        walk = KeyWalk(Verifier.from_vkey(str(vkey)))
    except NoteRefused as error:
        raise BackupRefused(f"{name}: {error}") from None
    if walk.origin != origin:
        raise BackupRefused(f"{name}: the key of {origin} is named {walk.origin}")
    return walk


class Nowhere:
    """An EpochKeeper for whoever only wants to know whether it could be kept."""

    def add(self, entries: Sequence[EntryRow], notes: Sequence[KeptNote]) -> None: ...

    def state(self, rows: dict[str, bytes]) -> None: ...


def headers(path: Path) -> Iterator[tuple[dict[str, Any], int]]:
    """Header and number of chunks of each part, read without a key. Raises BackupRefused, OSError."""
    with path.open("rb") as file:
        for part in parts(file, str(path)):
            yield part.header, part.skim()
