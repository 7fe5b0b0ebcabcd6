"""The model of a disk that holds a journal: what was synced, and what only the system's cache knows.

It keeps of SQLite in WAL mode with synchronous FULL what the journal relies on, and nothing better:

- A transaction is written whole or not at all, and is durable when the append returns.
- A write that fails leaves nothing behind. A sync that fails leaves the transaction in the cache: it is read after
  opening again, and a power cut may still lose it, and all that is written behind it, until `settle` has written it
  anew: a later sync that succeeds says nothing of it.
- SIGKILL keeps the cache, a power cut loses what was not synced, from any transaction on: the log is a prefix.
- A new epoch that was written under another name is there all at once, or not.
- The lock of the folder ends with the process that holds it.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from random import Random
from typing import Literal

from cabinet.journal.checkpoint import Checkpoint
from cabinet.journal.epoch import Column, FolderClaim, KeptNote, Transaction
from cabinet.journal.errors import JournalBusy, JournalDamaged, JournalUnwritable
from cabinet.journal.note import Signer
from cabinet.journal.tree import EMPTY_ROOT, HASH_BYTES
from simulator.harness.model_image import Ack, Image, Published, Thinned, Write
from simulator.harness.process import Process, current

Failure = Literal["full", "read-only", "write-error", "sync-error"]
Damage = Literal["unreadable", "leaf", "torn", "gone"]
"""No database at all; a byte of a late leaf is another one; the last leaves are gone, and they alone; no such file."""
Moment = Literal["write", "written", "synced"]


class ModelDisk:
    """Survives processes and power cuts. `moments` hear of each moment of a write, and may end the process there."""

    def __init__(self, random: Random) -> None:
        self.images: dict[int, Image] = {}
        self._known = 0
        self._draft: ModelDraft | None = None
        self.failure: Failure | None = None
        self.durable: list[Callable[[int, Write], None]] = []
        """Hear of each write that is surely on the disk from now on, with its epoch."""
        self.moments: list[Callable[[Moment], None]] = []
        self._random = random
        self._cached: list[tuple[int, Write | Published, Callable[[], None]]] = []
        self._doubtful = False
        """A sync has failed: what it was for, and what is written behind it, a power cut may take back."""
        self._holder: Process | None = None

    def power_cut(self) -> None:
        """What was only in the cache is gone, or a part of it: from some write on."""
        kept = self._random.randint(0, len(self._cached))
        for _, _, take_back in reversed(self._cached[kept:]):
            take_back()
        kept_writes, self._cached, self._doubtful = self._cached[:kept], [], False
        for epoch, write, _ in kept_writes:
            self._tell(epoch, write)

    def kept(self, epoch: int | None = None) -> list[bytes | None]:
        """The leaves that a start would find of an epoch, by default the newest."""
        image = self.images.get(max(self.images, default=1) if epoch is None else epoch)
        return [] if image is None else image.payloads

    def claim(self) -> FolderClaim:
        if self._holder is not None and self._holder.alive:
            raise JournalBusy(f"the folder is in use by process {self._holder.name}; stop it first")
        self._holder = current()
        return self

    def release(self) -> None:
        self._holder = None

    def epochs(self) -> list[int]:
        return sorted(self.images)

    def name(self, epoch: int) -> str:
        return f"journal-{epoch}.db"

    def newest_known(self) -> int:
        return max(self._known, *self.images, 0)

    def know(self, epoch: int) -> None:
        """One small file that is replaced: all at once, and durable."""
        if self._known < epoch:
            self._refuse()
            self._pass("write")
            self._known = epoch
            self._pass("synced")

    def open(self, epoch: int, signer: Signer) -> ModelEpoch:
        if epoch not in self.images:
            self._refuse()
            self.images[epoch] = _empty(signer)
        return self.inspect(epoch)

    def inspect(self, epoch: int) -> ModelEpoch:
        if epoch not in self.images:
            raise JournalDamaged(f"{self.name(epoch)} is missing")
        if self.images[epoch].unreadable:
            raise JournalDamaged(f"{self.name(epoch)}: file is not a database")
        return ModelEpoch(self, epoch, self.images[epoch])

    def damage(self, how: Damage) -> tuple[int, int]:
        """Of the newest epoch: its number, and how many of its first leaves are still as they were. No daemon runs."""
        self.settle()
        epoch = max(self.images)
        image = self.images[epoch]
        size = len(image.payloads)
        match how:
            case "gone":
                del self.images[epoch]
                return epoch, 0
            case "unreadable":
                image.unreadable = True
                return epoch, 0
            case "leaf":
                at = size - self._random.randint(1, min(size, 40))
                if (data := image.payloads[at]) is not None:
                    image.payloads[at] = data[:-2] + bytes([data[-2] ^ 1]) + data[-1:]
                return epoch, at
            case "torn":
                at = size - self._random.randint(1, min(size, 5))
                del image.hashes[at:], image.payloads[at:]
                return epoch, at

    def draft(self, epoch: int, signer: Signer) -> ModelEpoch:
        self._refuse()
        self._draft = ModelDraft(self, epoch, _empty(signer))
        return self._draft

    def publish(self, epoch: int) -> None:
        """Only the name is new: what it stands for was synced before."""
        assert self._draft is not None, "a draft was written"
        draft, self._draft = self._draft, None
        self._pass("write")
        self._refuse()
        self.images[epoch] = draft.image
        self._cached.append((epoch, Published(tuple(draft.writes)), lambda: _drop_image(self.images, epoch)))
        self._synced()

    # -- for ModelEpoch ------------------------------------------------------------------------------------------

    def write(self, epoch: int, write: Write) -> None:
        self._pass("write")
        self._refuse()
        self._cached.append((epoch, write, self.images[epoch].apply(write)))
        self._synced()

    def _synced(self) -> None:
        self._pass("written")
        if self.failure == "sync-error":
            self._doubtful = True
            raise JournalUnwritable("journal: disk I/O error while syncing")
        if not self._doubtful:
            self._sync()
        self._pass("synced")

    def scratch(self) -> None:
        """A write to a file that counts for nothing yet."""
        self._pass("write")
        self._refuse()
        if self.failure == "sync-error":
            raise JournalUnwritable("journal: disk I/O error while syncing")

    def settle(self) -> None:
        """Writes anew and syncs what can be read."""
        self._refuse()
        if self.failure == "sync-error":
            raise JournalUnwritable("journal: disk I/O error while syncing")
        self._doubtful = False
        self._sync()

    def _sync(self) -> None:
        synced, self._cached = self._cached, []
        for epoch, write, _ in synced:
            self._tell(epoch, write)

    def _tell(self, epoch: int, write: Write | Published) -> None:
        for one in write.writes if isinstance(write, Published) else (write,):
            for hear in self.durable:
                hear(epoch, one)

    def _refuse(self) -> None:
        match self.failure:
            case "full":
                raise JournalUnwritable("journal: database or disk is full")
            case "read-only":
                raise JournalUnwritable("journal: attempt to write a readonly database")
            case "write-error":
                raise JournalUnwritable("journal: disk I/O error")

    def _pass(self, moment: Moment) -> None:
        for hear in self.moments:
            hear(moment)


class ModelEpoch:
    """A cabinet.journal.epoch.EpochFile on the model of a disk."""

    def __init__(self, disk: ModelDisk, epoch: int, image: Image) -> None:
        self._disk = disk
        self._epoch = epoch
        self._image = image
        self._open = True

    @property
    def image(self) -> Image:
        return self._image

    def append(self, transaction: Transaction) -> None:
        assert self._open
        self._disk.write(self._epoch, transaction)

    def store_ack(self, size: int, note: bytes) -> None:
        assert self._open
        self._disk.write(self._epoch, Ack(size, note))

    def thin(self, sizes: Sequence[int]) -> None:
        assert self._open
        self._disk.write(self._epoch, Thinned(tuple(sizes)))

    def settle(self) -> None:
        self._disk.settle()
        self._image.unwiped.clear()

    def wipe(self) -> bool:
        self.settle()
        return True

    def close(self) -> None:
        self._open = False

    def sizes(self) -> tuple[int, int]:
        return len(self._image.hashes), self._image.sizes[-1]

    def node(self, level: int, index: int) -> bytes:
        last = ((index + 1) << level) - 1
        stored = self._image.hashes[last] if last < len(self._image.hashes) else b""
        found = stored[level * HASH_BYTES : (level + 1) * HASH_BYTES]
        if len(found) != HASH_BYTES:
            raise LookupError(f"no hash of level {level} with leaf {last}")
        return found

    def leaves(self, first: int, limit: int) -> list[tuple[int, bytes | None]]:
        return list(enumerate(self._image.payloads[first : first + limit], first))

    def outgoing(self, first: int, limit: int) -> list[tuple[bytes, bytes | None]]:
        end = first + limit
        hashes = [stored[:HASH_BYTES] for stored in self._image.hashes[first:end]]
        return list(zip(hashes, self._image.payloads[first:end], strict=True))

    def checkpoints_above(self, size: int, limit: int) -> list[tuple[int, bytes]]:
        at = bisect_right(self._image.sizes, size)
        return [(one, self._image.notes[one]) for one in self._image.sizes[at : at + limit]]

    def newest_checkpoint(self) -> bytes | None:
        return self._image.notes[self._image.sizes[-1]]

    def columns(self, first: int, end: int) -> list[tuple[Column, int]]:
        found = zip(self._image.columns[first:end], self._image.payloads[first:end], strict=True)
        return [(column, len(data)) for column, data in found if data is not None]

    def concerning(self, person: str, first: int, end: int) -> list[tuple[int, bytes]]:
        leaves = enumerate(self._image.payloads[first:end], first)
        return [(n, data) for n, data in leaves if data is not None and f'"p":"{person}"'.encode() in data]

    def older(self, before_ms: int, after: tuple[int, int], limit: int) -> list[Column]:
        by_time = self._image.by_time
        first, end = bisect_right(by_time, after), bisect_left(by_time, (before_ms, -1))
        return [self._image.columns[n] for _, n in by_time[first:end][:limit]]

    def kept_notes(self, first: int, last: int) -> list[KeptNote]:
        acked = {ack.size for ack in self._image.acks}
        sizes = self._image.sizes[bisect_left(self._image.sizes, first) : bisect_right(self._image.sizes, last)]
        return [KeptNote(size, size in acked) for size in sizes]

    def acknowledged(self) -> int:
        return self._image.acks[-1].size if self._image.acks else 0

    def acknowledged_below(self, size: int) -> int:
        return max((ack.size for ack in self._image.acks if ack.size < size), default=0)

    def is_sound(self) -> bool:
        return not self._image.unreadable

    def oldest_payload(self) -> int:
        return next((n for n, data in enumerate(self._image.payloads) if data is not None), 0)

    def state(self) -> dict[str, bytes]:
        return dict(self._image.state)


class ModelDraft(ModelEpoch):
    """Nobody looks for it: a cut may leave of it what it will."""

    def __init__(self, disk: ModelDisk, epoch: int, image: Image) -> None:
        super().__init__(disk, epoch, image)
        self.writes: list[Transaction] = []

    def append(self, transaction: Transaction) -> None:
        self._disk.scratch()
        self._image.apply(transaction)
        self.writes.append(transaction)

    def settle(self) -> None:
        self._disk.scratch()


def _empty(signer: Signer) -> Image:
    image = Image()
    image.sizes.append(0)
    image.notes[0] = Checkpoint(signer.name, 0, EMPTY_ROOT).signed(signer)
    return image


def _drop_image(images: dict[int, Image], epoch: int) -> None:
    del images[epoch]
