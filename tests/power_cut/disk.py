"""A disk that has lost its power: what was synced is there, and of the rest whatever the disk pleases."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import TypeAlias

from tests.power_cut.recording import Event, LetOut, Made, Removed, Renamed, Synced, Truncated, Written

SECTOR = 512
Change: TypeAlias = Written | Truncated | Made | Removed | Renamed
NOTHING: Mapping[str, bytes] = {}


@dataclass(slots=True)
class Disk:
    """Files by path. A name that was made or removed is so for sure once its folder is synced."""

    files: dict[str, bytes]
    pending: list[Change] = field(default_factory=list)
    nameless: dict[str, bytes] = field(default_factory=dict)
    """What was synced of files whose names are not sure yet: it is there as soon as the name is."""

    @classmethod
    def of(cls, folder: Path) -> Disk:
        """As it lies there."""
        return cls({str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()})

    def take(self, event: Event) -> None:
        match event:
            case Synced(path):
                self._sync(path)
            case Made(path):
                if path not in self.files and event not in self.pending:
                    self.pending.append(event)
            case Written() | Truncated() | Removed() | Renamed():
                self.pending.append(event)
            case LetOut():
                pass

    def after_a_cut(self, how: str) -> dict[str, bytes]:
        """`nothing` of what was not synced, `everything`, or by a seed some of it, and of a write some sectors."""
        files = dict(self.files)
        random = Random(how)
        for event in self.pending:
            if how == "nothing":
                continue
            if how != "everything":
                if random.random() < 0.5:
                    continue
                if isinstance(event, Written) and random.random() < 0.5:
                    _tear(files, event, random)
                    continue
            _apply(files, event, self.nameless)
        # Shared memory of SQLite: no power, no memory.
        return {path: data for path, data in files.items() if not path.endswith("-shm")}

    def _sync(self, path: str) -> None:
        left = []
        for event in self.pending:
            named = isinstance(event, Made | Removed | Renamed)
            if (str(Path(event.path).parent) if named else event.path) == path:
                if not named and path not in self.files:
                    self.nameless.setdefault(path, b"")
                    _apply(self.nameless, event)
                else:
                    _apply(self.files, event, self.nameless)
            else:
                left.append(event)
        self.pending = left


def digest(files: dict[str, bytes]) -> bytes:
    """Equal where the files are."""
    return sha256(repr(sorted((path, sha256(data).digest()) for path, data in files.items())).encode()).digest()


def put(files: dict[str, bytes], origin: Path, folder: Path) -> None:
    """The files of `origin` into a fresh `folder`."""
    shutil.rmtree(folder, ignore_errors=True)
    for path, data in files.items():
        target = folder / Path(path).relative_to(origin)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        target.chmod(0o600)
    folder.chmod(0o700)


def _apply(files: dict[str, bytes], event: Change, nameless: Mapping[str, bytes] = NOTHING) -> None:
    """What is written to a file whose name is not there goes nowhere."""
    match event:
        case Made(path):
            files.setdefault(path, nameless.get(path, b""))
        case Removed(path):
            files.pop(path, None)
        case Renamed(path, before):
            if before in files:
                files[path] = files.pop(before)
        case Truncated(path, size):
            if path in files:
                files[path] = files[path][:size].ljust(size, b"\0")
        case Written(path, at, data):
            if path in files:
                at = len(files[path]) if at < 0 else at
                old = files[path].ljust(at, b"\0")
                files[path] = old[:at] + data + old[at + len(data) :]


def _tear(files: dict[str, bytes], event: Written, random: Random) -> None:
    """Each sector of the disk has the new bytes or the old ones."""
    first = event.at // SECTOR
    for sector in range(first, (event.at + len(event.data) - 1) // SECTOR + 1):
        begin, end = max(sector * SECTOR, event.at), min((sector + 1) * SECTOR, event.at + len(event.data))
        if random.random() < 0.5:
            _apply(files, Written(event.path, begin, event.data[begin - event.at : end - event.at]))
