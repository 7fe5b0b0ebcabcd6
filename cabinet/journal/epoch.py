"""What the journal needs of the place where an epoch is kept: the port behind which a disk lies, or the model of one.

sqlite_epoch.py is the real one. Whatever is promised here is what the journal relies on, and nothing else:

- `append` is one transaction: after it all of it is durable, or none of it is there.
- When it raises, it is not known which: the file is closed, opened again, and its end tells.
- What was read after opening again may lie in the system's cache only; `settle` makes it durable.
- A stored leaf, checkpoint or acknowledgement never changes; sizes of checkpoints and acknowledgements only grow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from cabinet.journal.note import Signer

EntryRow: TypeAlias = (
    "tuple[int, bytes, bytes, int | None, str | None, int | None, str | None, bytes | None, bytes | None]"
)
"""n, hash, subtrees, ts, kind, slot, item, subs, bytes; None from ts on where the payload was pruned."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """Leaves, the signed note of the size they lead to, and state rows (None deletes)."""

    entries: Sequence[EntryRow]
    size: int
    note: bytes
    state: Mapping[str, bytes | None]
    pruned: Sequence[tuple[int, int]] = ()
    """Leaves whose payload goes, as first and end of each range; upstream has acknowledged them."""


@dataclass(frozen=True, slots=True)
class Column:
    """What is stored beside a payload that is kept; `personal`: somebody stands in it."""

    n: int
    ts: int
    kind: str
    personal: bool


@dataclass(frozen=True, slots=True)
class KeptNote:
    """A checkpoint that is kept; `acked`: as upstream cosigned it."""

    size: int
    acked: bool


class EpochFile(Protocol):
    """One epoch, open for writing. Every method blocks and raises JournalUnwritable or JournalDamaged; after either
    the file is only closed any more."""

    def append(self, transaction: Transaction) -> None:
        """Durable when it returns."""
        ...

    def store_ack(self, size: int, note: bytes) -> None:
        """Keeps an acknowledgement; durable when it returns."""
        ...

    def thin(self, sizes: Sequence[int]) -> None:
        """Lets the checkpoints of these sizes go: each below the acknowledged size, and none that was cosigned."""
        ...

    def settle(self) -> None:
        """Makes all that can be read durable, before the first append after opening."""
        ...

    def wipe(self) -> bool:
        """Leaves nothing of what was pruned in the file or its log. False: somebody reads; later."""
        ...

    def close(self) -> None:
        """For good, whatever went before; never raises."""
        ...

    # -- questions -----------------------------------------------------------------------------------------------

    def sizes(self) -> tuple[int, int]:
        """Number of leaves, and size of the newest checkpoint (-1: none), both of one moment."""
        ...

    def node(self, level: int, index: int) -> bytes:
        """The hash of a complete subtree. Raises LookupError where it is not stored."""
        ...

    def leaves(self, first: int, limit: int) -> list[tuple[int, bytes | None]]:
        """Index and bytes (None: pruned) of at most `limit` leaves from `first` on."""
        ...

    def outgoing(self, first: int, limit: int) -> list[tuple[bytes, bytes | None]]:
        """Hash and bytes (None: pruned) of at most `limit` leaves from `first` on."""
        ...

    def checkpoints_above(self, size: int, limit: int) -> list[tuple[int, bytes]]:
        """Size and note of at most `limit` kept checkpoints above `size`, ascending."""
        ...

    def columns(self, first: int, end: int) -> list[tuple[Column, int]]:
        """Of the leaves from `first` up to `end` whose payload is kept, with the number of its bytes."""
        ...

    def concerning(self, person: str, first: int, end: int) -> list[tuple[int, bytes]]:
        """Those of the leaves from `first` up to `end` in which this pseudonym (base64) stands, if kept whole."""
        ...

    def older(self, before_ms: int, after: tuple[int, int], limit: int) -> list[Column]:
        """Of at most `limit` kept payloads of a wall time before that, by time and index, from behind `after` on."""
        ...

    def kept_notes(self, first: int, last: int) -> list[KeptNote]:
        """The checkpoints of sizes from `first` to `last`, ascending."""
        ...

    def newest_checkpoint(self) -> bytes | None: ...

    def acknowledged(self) -> int:
        """The size that upstream holds; payloads below it may have been pruned."""
        ...

    def acknowledged_below(self, size: int) -> int:
        """The newest size below this one that upstream has confirmed to hold; 0: none."""
        ...

    def oldest_payload(self) -> int:
        """Index of the oldest leaf whose payload is kept; 0 in an empty journal."""
        ...

    def state(self) -> dict[str, bytes]: ...

    def is_sound(self) -> bool:
        """Whether the file as such is in order, indexes included. Seconds per million leaves."""
        ...


class FolderClaim(Protocol):
    def release(self) -> None: ...


class EpochFolder(Protocol):
    """Where the epochs of one cabinet are kept."""

    def claim(self) -> FolderClaim:
        """The writer's lock. Raises JournalBusy, JournalUnwritable."""
        ...

    def epochs(self) -> list[int]:
        """Those that are there, ascending."""
        ...

    def newest_known(self) -> int:
        """The highest number that an epoch here ever had, whether or not it still is there; 0: none."""
        ...

    def know(self, epoch: int) -> None:
        """Keeps that this epoch was begun; durable when it returns. Raises JournalUnwritable."""
        ...

    def name(self, epoch: int) -> str:
        """For people: where it is."""
        ...

    def open(self, epoch: int, signer: Signer) -> EpochFile:
        """Opens or creates it, in the newest form, with at least the checkpoint of an empty tree in it.

        Raises JournalDamaged, JournalUnwritable."""
        ...

    def inspect(self, epoch: int) -> EpochFile:
        """Opens it for questions alone, and changes nothing of it, whatever is wrong with it. Raises as `open`."""
        ...

    def draft(self, epoch: int, signer: Signer) -> EpochFile:
        """A new epoch, not yet among those that are there; an earlier draft is thrown away. Raises as `open`."""
        ...

    def publish(self, epoch: int) -> None:
        """The draft, whole and closed, is there from now on: durable when it returns, and before a cut not at all.

        Raises JournalUnwritable."""
        ...
