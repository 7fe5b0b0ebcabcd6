"""The open epoch: leaves in, durable and signed when `append` returns."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from cabinet.journal.epoch import EpochFile, EpochFolder, FolderClaim
from cabinet.journal.errors import (
    JournalCut,
    JournalDamaged,
    JournalError,
    JournalLost,
    JournalOvertaken,
    JournalUnwritable,
    LeafRefused,
)
from cabinet.journal.key_walk import ROTATED, renamed
from cabinet.journal.leaf import Entry
from cabinet.journal.note import Signer, Verifier
from cabinet.journal.opening import epoch_origin
from cabinet.journal.sealed import seal_batch
from cabinet.journal.sqlite_epoch import SqliteFolder
from cabinet.journal.tail import Tail, check_tail

T = TypeVar("T")

_DEVICE: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


@dataclass(frozen=True, slots=True)
class Commit:
    """One durable transaction: leaves `first` up to `size`, and the signed note of that size."""

    first: int
    size: int
    leaves: tuple[bytes, ...]
    checkpoint: bytes


class Journal:
    """The newest epoch of a folder, open for writing. Every method blocks; one caller at a time."""

    @classmethod
    def open(cls, folder: Path, origin: str, device: str, signer: Signer, successor: Signer | None = None) -> Journal:
        """Take the writer's lock, open or create the file, check its end.

        `origin` is that of the first epoch, `cabinet.<site>/<device>`; the signer signs under the name of the
        epoch's own origin; so does the successor, if there was a rotation to it. Raises JournalBusy,
        JournalDamaged (JournalLost, JournalForeign), JournalUnwritable; ValueError for an origin that does not
        name the device.
        """
        return cls.open_in(SqliteFolder(folder), origin, device, signer, successor)

    @classmethod
    def open_in(
        cls,
        folder: EpochFolder,
        origin: str,
        device: str,
        signer: Signer,
        successor: Signer | None = None,
        claim: FolderClaim | None = None,
    ) -> Journal:
        """As `open`, wherever the epochs are kept. A `claim` that is handed over is released by `close`, or stays with
        the caller when this raises."""
        if not _DEVICE.fullmatch(device) or origin.partition("/")[2] != device:
            raise ValueError(f"origin {origin!r} is not cabinet.<site>/{device}")
        held = claim or folder.claim()
        try:
            return cls(folder, origin, device, signer, successor, held)
        except BaseException:
            if claim is None:
                held.release()
            raise

    def __init__(
        self,
        folder: EpochFolder,
        origin: str,
        device: str,
        signer: Signer,
        successor: Signer | None,
        claim: FolderClaim,
    ) -> None:
        self.epoch = max(folder.epochs(), default=1)
        if (known := folder.newest_known()) > max(folder.epochs(), default=0):
            raise JournalLost(f"{folder.name(known)} is missing")
        self.origin = epoch_origin(origin, self.epoch)
        self._first_origin = origin
        self._folder = folder
        self._device = device
        self._signer = signer.named(self.origin)
        self._successor = None if successor is None else successor.named(self.origin)
        self.former: list[Verifier] = []
        """Keys that signed before, each by the name of the epoch in which it last did."""
        self._claim = claim
        self._file: EpochFile | None
        self._file, tail = self._open_file()
        folder.know(self.epoch)
        self._settled = False
        self._damage: JournalDamaged | None = None
        """What the file itself complained of, until a write succeeds."""
        if self._successor is not None and tail.verifier is self._successor.verifier:
            self._succeed(self._successor)
        self._frontier = tail.frontier
        self._checkpoint = tail.checkpoint
        self.root = tail.frontier.root()

    @property
    def verifier(self) -> Verifier:
        """The public half of the key that signs this epoch."""
        return self._signer.verifier

    def earlier_verifiers(self) -> list[Verifier]:
        """Our present key and those before it, under the name of each epoch before this one."""
        keys = [self.verifier, *self.former]
        return [renamed(key, epoch_origin(self._first_origin, k)) for k in range(1, self.epoch) for key in keys]

    @property
    def size(self) -> int:
        return self._frontier.size

    def prepare(self, successor: Signer) -> Verifier:
        """From the transaction with an entry `signer.rotated` on, which names both keys, this one signs; that one is
        signed by both. Until then it may be prepared anew. Gives the new key as that entry names it."""
        self._successor = successor.named(self.origin)
        return self._successor.verifier

    def settle(self) -> None:
        """Makes all that was read at the start durable. Raises JournalUnwritable."""
        self.ask_durable(lambda file: None)

    def append(self, entries: Sequence[Entry], rows: Mapping[str, bytes | None] | None = None) -> Commit:
        """Write 1 to 64 entries, at most 32 kB of leaves, and state rows (None deletes) in one transaction.

        What an entry of kind payload.destroyed names is pruned in the same one.

        Durable and signed when it returns. Raises LeafRefused (BatchTooLarge) with nothing written. Raises
        JournalUnwritable with memory unchanged; then the next call closes the file, opens it again and checks
        its end first, and raises JournalOvertaken if a transaction that failed turns out to be durable, and
        JournalDamaged if the file is broken: only a fresh start can go on, in the next epoch.
        """
        successor = self._rotation(entries)
        sealed = seal_batch(entries, self._device, self._frontier, self._signer, rows or {}, successor)
        self._write(lambda file: file.append(sealed.transaction))
        commit = Commit(self.size, sealed.frontier.size, sealed.leaves, sealed.transaction.note)
        self._frontier, self._checkpoint, self.root = sealed.frontier, sealed.transaction.note, sealed.root
        if successor is not None:
            self._succeed(successor)
        return commit

    def _rotation(self, entries: Sequence[Entry]) -> Signer | None:
        """Who signs from these entries on. Raises LeafRefused for a rotation to a key that was not prepared."""
        rotated = [entry for entry in entries if entry.ev == ROTATED]
        if not rotated:
            return None
        named = [(entry.fields.get("old"), entry.fields.get("vkey")) for entry in rotated]
        if self._successor is None or named != [(self._signer.vkey, self._successor.vkey)]:
            raise LeafRefused("a rotation goes from the key that signs to the one that was prepared, once")
        return self._successor

    def _succeed(self, successor: Signer) -> None:
        self.former.append(self._signer.verifier)
        self._signer, self._successor = successor, None

    def state(self) -> dict[str, bytes]:
        """Every state row. Raises JournalUnwritable."""
        return self.ask(lambda file: file.state())

    def leaves(self, first: int, limit: int) -> list[tuple[int, bytes | None]]:
        """Index and bytes (None: pruned) of at most `limit` leaves from `first` on. Raises JournalUnwritable."""
        return self.ask(lambda file: file.leaves(first, limit))

    def checkpoint(self) -> bytes:
        """The newest signed note."""
        return self._checkpoint

    def close(self) -> None:
        """Leave the file whole and give the lock back."""
        self.leave()
        self._claim.release()

    def leave(self) -> None:
        """Leave the file whole and keep the lock: whoever handed the claim over has it again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def ask(self, question: Callable[[EpochFile], T]) -> T:
        """What the file answers. Raises JournalUnwritable."""
        try:
            file = self._trusted()
        except JournalDamaged as error:
            raise JournalUnwritable(error.hint) from error
        try:
            return question(file)
        except JournalError as error:
            raise self._failed(error) from error

    def ask_durable(self, question: Callable[[EpochFile], T]) -> T:
        """As `ask`, of what no power cut can take back: for whatever leaves the cabinet."""

        def settled(file: EpochFile) -> T:
            self._settle(file)
            return question(file)

        return self.ask(settled)

    def origin_of(self, epoch: int) -> str:
        return epoch_origin(self._first_origin, epoch)

    def ask_epoch(self, epoch: int, question: Callable[[EpochFile], T]) -> T:
        """What an earlier epoch answers, of what no power cut can take back. Its file is opened for this alone.

        Raises JournalUnwritable; JournalDamaged, also where it is not there any more."""
        if epoch not in self._folder.epochs():
            raise JournalDamaged(f"{self._folder.name(epoch)} is missing")
        file = self._folder.open(epoch, self._signer.named(epoch_origin(self._first_origin, epoch)))
        try:
            file.settle()
            return question(file)
        finally:
            file.close()

    def store_ack(self, size: int, note: bytes) -> None:
        """Keep a counted acknowledgement; durable when it returns. Raises JournalUnwritable."""
        self._write(lambda file: file.store_ack(size, note))

    def thin(self, sizes: Sequence[int]) -> None:
        """Lets checkpoints go that a cosigned one covers. Raises JournalUnwritable."""
        self._write(lambda file: file.thin(sizes))

    def wipe(self) -> bool:
        """Leaves nothing of what was pruned in any file. False: somebody reads; later. Raises JournalUnwritable."""
        return self.ask(lambda file: file.wipe())

    def _write(self, write: Callable[[EpochFile], None]) -> None:
        file = self._trusted()
        try:
            self._settle(file)
            write(file)
        except JournalError as error:
            raise self._failed(error) from error
        self._damage = None

    def _settle(self, file: EpochFile) -> None:
        """What an earlier failure left may be in the system's cache only."""
        if not self._settled:
            file.settle()
            self._settled = True

    def _trusted(self) -> EpochFile:
        """A file on which nothing failed yet."""
        if self._file is None:
            self._file = self._reopen()
            if (damage := self._damage) is not None and not self._file.is_sound():
                raise damage
        return self._file

    def _failed(self, error: JournalError) -> JournalUnwritable:
        """What an error of the disk means; the file it came from is not used again."""
        assert self._file is not None
        self._file.close()
        self._file = None
        self._settled = False
        self._damage = error if isinstance(error, JournalDamaged) else self._damage
        return JournalUnwritable(error.hint)

    def _reopen(self) -> EpochFile:
        """A new file that ends where memory does. Raises JournalUnwritable, JournalOvertaken, JournalDamaged."""
        file, tail = self._open_file()
        if tail.checkpoint == self._checkpoint:
            return file
        file.close()
        if tail.frontier.size > self.size:
            raise JournalOvertaken("a transaction that failed is on the disk after all; restart the daemon")
        name = self._folder.name(self.epoch)
        raise JournalCut(f"{name}: leaves that were durable are missing")

    def _open_file(self) -> tuple[EpochFile, Tail]:
        file = self._folder.open(self.epoch, self._signer)
        try:
            successor = () if self._successor is None else (self._successor.verifier,)
            return file, check_tail(file, *successor, self._signer.verifier)
        except BaseException:
            file.close()
            raise
