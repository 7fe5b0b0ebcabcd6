"""From backups to a cabinet that works again: prepared beside the present files, and then in their place at once.

The journal that comes back is an old one, and the world has gone on: so it ends there, and the next epoch begins with
the state it had. Whoever was erased since is erased in what comes back, before anybody could see it."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from cabinet.backup import swap
from cabinet.backup.create import digest_of, said
from cabinet.backup.errors import BackupRefused
from cabinet.backup.journal_part import parse_note
from cabinet.backup.replay import Replay
from cabinet.backup.roster_part import no_cost
from cabinet.books import Books
from cabinet.config import Config
from cabinet.core.fold import fold
from cabinet.core.leaves import Leaf, Subject
from cabinet.core.ledger import Ledger
from cabinet.core.ledger_rows import from_rows
from cabinet.epochs import Old, open_next
from cabinet.journal import b64
from cabinet.journal.errors import JournalError
from cabinet.journal.files import stray_epochs
from cabinet.journal.key_walk import KeyWalk
from cabinet.journal.known_keys import add_known
from cabinet.journal.leaf import glance
from cabinet.journal.lock import LOCK_FILE, FolderLock
from cabinet.journal.note import Signer, Verifier
from cabinet.journal.opening import epoch_origin, next_number
from cabinet.journal.reader import JournalReader
from cabinet.journal.rebuild import EpochBuilder
from cabinet.journal.schema import epochs
from cabinet.journal.sqlite_epoch import SqliteFolder
from cabinet.policy.rights import Pseudonym
from cabinet.roster.store import Roster
from cabinet.vault import signing_key
from cabinet.vault.device_key import CREDENTIAL, DEVICE_KEY, derive, open_or_create
from cabinet.vault.key_source import create_key, read_credential, read_key
from cabinet.vault.signing_key import SIGNING_KEY
from hal.clock import Clock

ROSTER: Final = "roster.db"
_PSEUDONYM_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore has done. `epoch` None: the journal stayed as it was."""

    parts: tuple[str, ...]
    size: int
    digest: str
    checkpoint: str | None
    epoch: int | None
    erased: int
    """How many people were erased in what came back."""
    aside: str | None
    unread: tuple[str, ...]
    """Epochs of the present journal that could not be read: whom they tell to be erased is not known."""


class Restore:
    """One restore. `open` takes the lock and reads the files; then `apply`; `close` always."""

    def __init__(self, config: Config, clock: Clock, identity: X25519PrivateKey) -> None:
        self._config = config
        self._clock = clock
        self._identity = identity
        self._folder = config.state_dir
        self._lock: FolderLock | None = None
        self._builders: list[EpochBuilder] = []

    def open(self, files: Sequence[Path], progress: Callable[[int, int], None]) -> Replay:
        """Everything in the files, checked and staged; nothing of the cabinet is changed yet.

        Raises BackupRefused, JournalBusy, JournalUnwritable, OSError."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        swap.finish(self._folder)
        self._lock = FolderLock(self._folder)
        staged = swap.stage(self._folder)
        self._size, self._digest = digest_of(files)
        self._replay = Replay(self._identity, lambda epoch, origin: self._builder(staged, epoch), progress)
        for path in files:
            with path.open("rb") as file:
                self._replay.read(file, str(path))
        self._end_builders()
        if self._replay.origin != self._config.origin:
            raise BackupRefused(f"the backup is of {self._replay.origin}, this cabinet is {self._config.origin}")
        if not self._replay.epochs and not epochs(self._folder):
            raise BackupRefused("a roster alone goes to a journal that is there: restore one with the journal, too")
        return self._replay

    def close(self) -> None:
        """Gives the lock back; what was staged and not applied is gone."""
        self._end_builders()
        if self._lock is None:
            return
        try:
            if not (self._folder / swap.TODO).exists():
                shutil.rmtree(self._folder / swap.STAGE, ignore_errors=True)
        finally:
            self._give_back()

    def apply(self, reason: str, operator: str, erasures: Iterable[Pseudonym], above: int) -> Restored:
        """Puts it in place. `erasures` are known from elsewhere; `above` is the newest epoch that upstream knows.

        Raises JournalUnwritable, RosterUnusable, OSError: then all is as it was, or the next start finishes it."""
        staged, replay = self._folder / swap.STAGE, self._replay
        told, unread = self._told()
        since = (set(erasures) | told) - replay.erased
        self._keys(staged)
        erased = self._roster(staged, since | replay.erased)
        epoch = self._next(staged, since, reason, operator, above) if replay.epochs else None
        parts = (*(["journal"] if replay.epochs else []), *(["roster"] if replay.roster else []))
        checkpoint = said(parse_note(replay.epochs[max(replay.epochs)].newest, "")) if replay.epochs else None
        aside = f"{swap.ASIDE}{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        restored = Restored(parts, self._size, self._digest, checkpoint, epoch, erased, aside, unread)
        if replay.epochs:
            self._journaled(staged, restored, operator)
        new = [path.name for path in staged.iterdir() if path.name != LOCK_FILE and not self._same(path)]
        old = self._old(new, with_journal=bool(replay.epochs))
        swap.replace_all(self._folder, new, old, aside)
        if not replay.epochs:
            self._give_back()
            self._journaled(self._folder, restored, operator)
        return restored if old else replace(restored, aside=None)

    def _end_builders(self) -> None:
        while self._builders:
            self._builders.pop().close()

    # -- steps ---------------------------------------------------------------------------------------------------

    def _builder(self, staged: Path, epoch: int) -> EpochBuilder:
        builder = EpochBuilder(staged, epoch)
        self._builders.append(builder)
        return builder

    def _told(self) -> tuple[set[Pseudonym], tuple[str, ...]]:
        """Whom the present journal and those set aside before say to be erased, and what of them cannot be read."""
        found: set[Pseudonym] = set()
        unread = []
        for folder in (self._folder, *self._folder.glob(f"{swap.ASIDE}*")):
            for epoch in epochs(folder):
                try:
                    found |= erased_in(folder, epoch)
                except JournalError:
                    unread.append(str(folder / f"journal-{epoch}.db"))
        return found, tuple(unread)

    def _keys(self, staged: Path) -> None:
        """The signing key stays the cabinet's; where it has none, it gets a new one. The device key is the roster's.

        Raises BackupRefused where that cannot be."""
        here = self._folder / SIGNING_KEY
        if here.exists():
            (staged / SIGNING_KEY).hardlink_to(here)
        device, roster = self._device_key(), self._replay.roster
        wanted = roster.device_key if roster is not None else device
        if wanted is None or (wanted == device and self._is_given):
            return
        if self._is_given:
            raise BackupRefused(
                "the device key is given by a command or a systemd credential, and the roster in the backup has "
                "another: take that away, restore (device.key is then the backup's), and give the cabinet that key"
            )
        if wanted == device:
            (staged / DEVICE_KEY).hardlink_to(self._folder / DEVICE_KEY)
        else:
            create_key(staged / DEVICE_KEY, wanted)

    @property
    def _is_given(self) -> bool:
        """The device key comes from elsewhere than its file."""
        command = self._config.vault.device_key_command
        return bool(command) or read_credential(CREDENTIAL, os.environ) is not None

    def _device_key(self) -> bytes | None:
        if self._is_given:
            command = self._config.vault.device_key_command
            return open_or_create(self._folder, journal_exists=True, command=command).device
        return read_key(self._folder / DEVICE_KEY)

    def _roster(self, staged: Path, erased: set[Pseudonym]) -> int:
        """Puts it there, without those; how many of them it held."""
        image, path = self._replay.roster, staged / ROSTER
        if image is not None:
            path.touch(mode=0o600)
            path.write_bytes(image.data)
        elif (self._folder / ROSTER).exists():
            path.touch(mode=0o600)
            _copy_database(self._folder / ROSTER, path)
        else:
            return 0
        key = image.device_key if image is not None else self._device_key()
        assert key is not None, "a roster has a device key"
        roster = Roster.open(path, derive(key), self._config.cabinet.site, first_pin_cost=no_cost)
        try:
            held = [one for one in erased if roster.name_of(one) is not None]
            if held:
                roster.erase(sorted(held))
        finally:
            roster.close()
        return len(held)

    def _next(self, staged: Path, since: set[Pseudonym], reason: str, operator: str, above: int) -> int:
        newest = self._replay.epochs[max(self._replay.epochs)]
        note = parse_note(newest.newest, "")
        folder = SqliteFolder(staged)
        known = [*stray_epochs(self._folder), SqliteFolder(self._folder).newest_known(), *self._replay.epochs, above]
        known += [number for one in self._folder.glob(f"{swap.ASIDE}*") for number in stray_epochs(one)]
        folder.know(max(known))
        config, now = self._config, self._clock.now()
        signer = Signer(config.origin, signing_key.open_or_create(staged, journal_exists=False))
        last = newest.walk.key if newest.walk is not None else None
        another = last is not None and last.public != signer.verifier.public
        for key in self._known_keys():
            add_known(staged, key)
        if another:
            add_known(staged, signer.named(epoch_origin(config.origin, next_number(folder))).verifier)
        return open_next(
            folder,
            origin=config.origin,
            device=config.cabinet.device,
            signer=signer,
            old=Old(note.origin, note.size, note.root),
            reason="restored",
            ledger=without(ledger_of(newest.state), since, now.wall_ms),
            now=now,
            random=os.urandom,
            cause=reason,
            operator=operator,
            backup=self._digest,
            old_vkey=last.vkey if last is not None and another else None,
        )

    def _known_keys(self) -> list[Verifier]:
        """Those that the epochs in the backup begin with, as far as the one before does not vouch for them."""
        found: list[Verifier] = []
        before: KeyWalk | None = None
        for _, epoch in sorted(self._replay.epochs.items()):
            if epoch.walk is not None:
                first = epoch.walk.keys[0]
                if before is None or before.key.public != first.public:
                    found.append(first)
            before = epoch.walk
        return found

    def _journaled(self, folder: Path, restored: Restored, operator: str) -> None:
        """Also shows that a daemon would start on what is there."""
        from cabinet.offline import call_books

        cabinet = self._config.cabinet.model_copy(update={"state_dir": str(folder)})
        books = Books.open(replace(self._config, cabinet=cabinet), self._clock)
        told = {"parts": list(restored.parts), "size": restored.size, "digest": restored.digest}
        call_books(books, self._clock, "backup.told", {**told, "act": "restored", "checkpoint": restored.checkpoint})

    def _old(self, new: Sequence[str], *, with_journal: bool) -> list[str]:
        """What has to make way."""
        names = {name for name in new if (self._folder / name).exists()}
        patterns = [f"{ROSTER}*", *(["journal-*"] if with_journal else [])]
        names |= {path.name for pattern in patterns for path in self._folder.glob(pattern)}
        return sorted(names)

    def _same(self, staged: Path) -> bool:
        """A key that was there, under its second name."""
        here = self._folder / staged.name
        return here.exists() and here.samefile(staged)

    def _give_back(self) -> None:
        assert self._lock is not None
        self._lock.release()
        self._lock = None


def ledger_of(state: dict[str, bytes]) -> Ledger:
    """Raises BackupRefused."""
    try:
        return from_rows(state)
    except ValueError as error:
        raise BackupRefused(f"the state in the backup: {error}; was it made by a newer program?") from None


def without(ledger: Ledger, people: Iterable[Pseudonym], wall_ms: int) -> Ledger:
    """As if their erasure had just been asked for: the next start ends it, and journals that it is done."""
    for person in sorted(people):
        leaf = Leaf("person.erased", {"stage": "intent"}, (Subject("concerned", person),))
        ledger = fold(ledger, 0, wall_ms, leaf)
    return ledger


def erased_in(folder: Path, epoch: int) -> set[Pseudonym]:
    """Whom the journal in that file says to be erased, with the folder's lock held. Raises JournalError."""
    found: set[Pseudonym] = set()
    with JournalReader(folder, epoch, held=True) as reader:
        first = 0
        while page := reader.find(kind="person.erased", first=first):
            found.update(sub["p"] for _, data in page for sub in glance(data).get("subs", ()))
            first = page[-1][0] + 1
    return found


def read_erasures(path: Path) -> set[Pseudonym]:
    """One pseudonym a line, as upstream gives them; `#` begins a comment. Raises BackupRefused, OSError."""
    found = set()
    for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1):
        word = line.partition("#")[0].strip()
        if not word:
            continue
        try:
            good = len(b64.decode(word)) == _PSEUDONYM_BYTES
        except ValueError:
            good = False
        if not good:
            raise BackupRefused(f"{path}:{number}: {word!r} is no pseudonym (24 characters of base64)")
        found.add(word)
    return found


def _copy_database(source: Path, target: Path) -> None:
    """With what still stands in its log. Raises OSError."""
    try:
        here, there = sqlite3.connect(source), sqlite3.connect(target)
        try:
            here.backup(there)
        finally:
            there.close()
            here.close()
    except sqlite3.Error as error:
        raise OSError(f"{source}: {error}; restore a roster, too") from None
