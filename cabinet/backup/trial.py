"""A backup restored where nobody lives, looked at from all sides, and destroyed again."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from cabinet.backup.errors import BackupRefused
from cabinet.backup.replay import Replay
from cabinet.backup.restore import ROSTER, ledger_of
from cabinet.backup.roster_part import no_cost
from cabinet.journal.files import sync
from cabinet.journal.reader import JournalReader
from cabinet.journal.rebuild import EpochBuilder
from cabinet.journal.verify import verify
from cabinet.roster.store import Roster
from cabinet.state_check import check_state
from cabinet.vault.device_key import derive
from cabinet.vault.key_source import blank_key, create_key


@dataclass(frozen=True, slots=True)
class EpochTried:
    origin: str
    size: int
    pruned: int
    vkey: str | None
    """The key of its first checkpoint; None: nobody knows it any more, so nobody says that it is signed."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What the backup would give back."""

    origin: str
    epochs: tuple[EpochTried, ...]
    people: int | None
    """Of the roster; None: there is none in it."""
    roster: int | None
    """Its version."""
    known: bool | None
    """The journal says that it was in force; None: only one of both is there."""
    out: int
    """Items that are out by the state in it."""
    folded: bool | None
    """The state is what the leaves add up to; None: older ones of them are pruned, so that nobody can say."""
    erased: int
    """People whom its journal says to be erased, and who are in its roster: a restore erases them."""


def try_out(
    files: Sequence[Path], identity: X25519PrivateKey, scratch: Path, progress: Callable[[int, int], None]
) -> Tried:
    """Blocks for as long as a restore. `scratch` is made and must not be there. Raises BackupRefused, OSError."""
    with _scratch(scratch):
        replay = _rebuilt(files, identity, scratch, progress)
        epochs = tuple(_verified(replay, scratch, number) for number in sorted(replay.epochs))
        people, erased = _opened(replay, scratch)
        newest = replay.epochs[max(replay.epochs)] if replay.epochs else None
        both = newest is not None and replay.roster is not None
        return Tried(
            replay.origin,
            epochs,
            people,
            replay.roster.version if replay.roster is not None else None,
            replay.roster_is_known if both else None,
            len(ledger_of(newest.state).outs) if newest is not None else 0,
            _folded(scratch, max(replay.epochs)) if newest is not None else None,
            erased,
        )


def _rebuilt(
    files: Sequence[Path], identity: X25519PrivateKey, scratch: Path, progress: Callable[[int, int], None]
) -> Replay:
    builders: list[EpochBuilder] = []

    def keep(epoch: int, origin: str) -> EpochBuilder:
        builders.append(EpochBuilder(scratch, epoch))
        return builders[-1]

    replay = Replay(identity, keep, progress)
    try:
        for path in files:
            with path.open("rb") as file:
                replay.read(file, str(path))
    finally:
        for builder in builders:
            builder.close()
    return replay


def _verified(replay: Replay, scratch: Path, number: int) -> EpochTried:
    told = replay.epochs[number]
    if told.vkey is not None:
        with JournalReader(scratch, number) as reader:
            verdict = verify(reader, told.vkey)
        if verdict.result != "verified":
            raise BackupRefused(f"{told.origin}: {verdict.result} at index {verdict.failed_at} ({verdict.rule})")
    return EpochTried(told.origin, told.frontier.size, told.pruned, told.vkey)


def _folded(scratch: Path, number: int) -> bool | None:
    """Raises BackupRefused where the state is another than its leaves make."""
    with JournalReader(scratch, number) as reader:
        verdict = check_state(reader)
    if verdict.unknown is not None:
        raise BackupRefused(f"leaf {verdict.unknown} is of a newer program; test the backup with that one")
    if verdict.differences:
        raise BackupRefused(f"the state differs from what the leaves add up to: {verdict.differences[0].row}")
    return None if verdict.gap is not None else True


def _opened(replay: Replay, scratch: Path) -> tuple[int | None, int]:
    """How many people the roster has, and how many of them are to be erased."""
    image = replay.roster
    if image is None:
        return None, 0
    path = scratch / ROSTER
    path.touch(mode=0o600)
    path.write_bytes(image.data)
    create_key(scratch / "device.key", image.device_key)
    roster = Roster.open(path, derive(image.device_key), image.site, first_pin_cost=no_cost)
    try:
        people = len(roster.snapshot(UTC).people)
        return people, sum(roster.name_of(one) is not None for one in replay.erased)
    finally:
        roster.close()


@contextmanager
def _scratch(folder: Path) -> Iterator[None]:
    """Gone at the end, written over first: it held what only the identity opens."""
    folder.mkdir(mode=0o700)
    try:
        yield
    finally:
        for path in folder.iterdir():
            if path.is_file():
                blank_key(path)
        shutil.rmtree(folder)
        sync(folder.parent)
