"""The journal as upstream sees it: batches of whole transactions going up, acknowledgements coming down.

What goes up is durable: a leaf that upstream holds and a power cut takes back would be a fork.

Blocking, like the journal itself, and called by the same one caller."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cabinet.journal import note
from cabinet.journal.ack import Ruling, judge
from cabinet.journal.checkpoint import MAX_SIZE
from cabinet.journal.epoch import EpochFile
from cabinet.journal.errors import ExportRefused, NoteRefused
from cabinet.journal.note import Verifier
from cabinet.journal.receipt import verify_receipt
from cabinet.journal.store import Journal
from cabinet.journal.tails import Tail, tails
from cabinet.journal.tree import Frontier

BATCH_LEAVES: Final = 100
BATCH_BYTES: Final = 32_768
_LINE: Final = "\n— ".encode()


@dataclass(frozen=True, slots=True)
class Batch:
    """Leaves `first` up to the size of `checkpoint`, each as its hash and its bytes (None: pruned)."""

    first: int
    leaves: tuple[tuple[bytes, bytes | None], ...]
    checkpoint: bytes


class Outbox:
    """Keeps how far upstream has confirmed; everything else is asked of the journal."""

    def __init__(self, journal: Journal, delivery: Sequence[Verifier]) -> None:
        """`delivery`: cosigners whose operators state that they store all leaves. Raises JournalUnwritable."""
        self._journal = journal
        self._delivery = tuple(delivery)
        self.acknowledged = journal.ask(_acknowledged)
        self._sure = True
        self._tails: list[Tail] | None = None

    def oldest(self) -> int:
        """Index of the oldest leaf that can still be sent whole."""
        return self._journal.ask_durable(lambda file: file.oldest_payload())

    def batch(self, first: int) -> Batch | None:
        """As many whole transactions from `first` on as fit 100 leaves and 32 kB, at least one; None at the head.

        `first` may stand inside a transaction: the batch then begins there."""
        return self._journal.ask_durable(lambda file: _batch(file, first, MAX_SIZE))

    def tails(self) -> list[Tail]:
        """What earlier epochs hold and nobody has confirmed."""
        if self._tails is None:
            self._tails = tails(self._journal)
        return self._tails

    def tail_batch(self, tail: Tail, first: int) -> Batch | None:
        """As `batch`, of an earlier epoch; leaves of both sides of `common` never stand in one."""
        end = tail.common if first < tail.common else tail.size
        return self._journal.ask_epoch(tail.epoch, lambda file: _batch(file, first, end))

    def proven(self, data: bytes) -> bytes | None:
        """The leaf of a receipt for an earlier epoch of this journal, under our own signature and that of a delivery
        key; None for anything else."""
        try:
            found = verify_receipt(data, [key.vkey for key in self._journal.earlier_verifiers()])
            signed = note.parse(data.partition(b"\n\n")[2])
        except (ExportRefused, NoteRefused):
            return None
        return found.leaf if any(key.signed(signed) for key in self._delivery) else None

    def acknowledge(self, data: bytes) -> Ruling:
        """Judges one acknowledgement, and stores it when it counts. Raises JournalUnwritable: then it may be stored all
        the same, and the next call looks."""
        if not self._sure:
            self.acknowledged = self._journal.ask(_acknowledged)
            self._sure = True
        ruling = judge(
            data,
            [self._journal.verifier, *(key for key in self._journal.former if key.name == self._journal.origin)],
            self._delivery,
            size=self._journal.size,
            acknowledged=self.acknowledged,
            root_at=self._root,
        )
        if ruling.cause is None and ruling.checkpoint is not None:
            self._sure = False
            self._journal.store_ack(ruling.checkpoint.size, data)
            self._sure = True
            self.acknowledged = ruling.checkpoint.size
        return ruling

    def _root(self, size: int) -> bytes:
        return self._journal.ask(lambda file: Frontier.read(size, file.node)).root()


def _acknowledged(file: EpochFile) -> int:
    return file.acknowledged()


def _batch(file: EpochFile, first: int, end: int) -> Batch | None:
    ends = [one for one in file.checkpoints_above(first, BATCH_LEAVES) if one[0] <= end]
    if not ends:
        return None
    # What is behind a rotation goes up by itself: the key that signs there is not known upstream before.
    ends = ends[: 1 + next((k for k, (_, note) in enumerate(ends) if note.count(_LINE) > 1), len(ends))]
    leaves = file.outgoing(first, BATCH_LEAVES)
    fits, total = 0, 0
    for hashed, data in leaves:
        total += len(hashed if data is None else data)
        if total > BATCH_BYTES:
            break
        fits += 1
    size, note = max((end for end in ends if end[0] - first <= fits), default=ends[0])
    return Batch(first, tuple(leaves[: size - first]), note)
