"""What the uplink's machine is told, and what it wants done. Plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

Payload: TypeAlias = Mapping[str, Any]


# -- of the broker ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Connected:
    """`session_present`: the broker kept its session with us, and so what we published retained."""

    session_present: bool


@dataclass(frozen=True, slots=True)
class Disconnected:
    """No publish that was not confirmed can be counted on."""


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The broker took a publish; that says nothing about upstream."""

    token: int


@dataclass(frozen=True, slots=True)
class NotTaken:
    """The broker refused a publish."""

    token: int


@dataclass(frozen=True, slots=True)
class AckArrived:
    payload: bytes


@dataclass(frozen=True, slots=True)
class RequestArrived:
    payload: bytes
    retained: bool


@dataclass(frozen=True, slots=True)
class AcceptedArrived:
    """An operator has accepted an epoch."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class ErasedArrived:
    """A receipt for an erasure of an earlier epoch."""

    payload: bytes
    retained: bool


@dataclass(frozen=True, slots=True)
class JunkArrived:
    """Something came that was dropped before it was looked into."""

    cause: str


# -- of the cabinet --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tail:
    """Leaves `first` up to `size` of an epoch that has ended, which nobody has confirmed."""

    origin: str
    first: int
    size: int


@dataclass(frozen=True, slots=True)
class Head:
    """The journal: `size` leaves, `acked` of them held upstream, payloads kept from `oldest` on."""

    origin: str
    vkey: str
    size: int
    acked: int
    oldest: int
    boot: str
    version: str
    tails: Sequence[Tail] = ()


@dataclass(frozen=True, slots=True)
class Planes:
    """Every plane, complete."""

    state: Payload
    slots: Mapping[str, Payload]


@dataclass(frozen=True, slots=True)
class CabinetLost:
    """cabinetd is gone; whatever it was asked for will not be answered."""


@dataclass(frozen=True, slots=True)
class Grown:
    size: int


@dataclass(frozen=True, slots=True)
class Acked:
    acked: int


@dataclass(frozen=True, slots=True)
class PlaneChanged:
    plane: str
    payload: Payload


@dataclass(frozen=True, slots=True)
class LeafWritten:
    """A leaf was committed just now."""

    n: int
    leaf: Payload


@dataclass(frozen=True, slots=True)
class Batch:
    """Whole transactions from `first` on and the signed note of the size after them; no leaves and no note at the
    head. `ts` is wall time in ms of the last leaf, 0 where it was pruned."""

    first: int
    leaves: Sequence[str | Payload]
    checkpoint: str | None = None
    ts: int = 0


@dataclass(frozen=True, slots=True)
class TailBatch(Batch):
    """The same of an epoch that has ended; `orphan`: behind the size that the next one goes on from."""

    origin: str = ""
    orphan: bool = False


@dataclass(frozen=True, slots=True)
class TailFailed:
    """It could not be read; the next connection asks again."""


@dataclass(frozen=True, slots=True)
class BatchFailed:
    """It could not be read for now."""


@dataclass(frozen=True, slots=True)
class AckResult:
    """What cabinetd made of an acknowledgement; `cause` says why it did not count."""

    counted: bool
    acked: int
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class AckFailed:
    """It could not be judged for now."""


# -- of the process --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""


@dataclass(frozen=True, slots=True)
class Stopping:
    """Say good-bye; nothing more is published."""


Event: TypeAlias = (
    Connected
    | Disconnected
    | Confirmed
    | NotTaken
    | AckArrived
    | RequestArrived
    | AcceptedArrived
    | ErasedArrived
    | JunkArrived
    | Head
    | Planes
    | CabinetLost
    | Grown
    | Acked
    | PlaneChanged
    | LeafWritten
    | Batch
    | BatchFailed
    | TailBatch
    | TailFailed
    | AckResult
    | AckFailed
    | Tick
    | Stopping
)


# -- what is to be done ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Publish:
    """QoS 1; Confirmed or NotTaken follows with this token, or Disconnected."""

    topic: str
    payload: bytes
    token: int
    retain: bool


@dataclass(frozen=True, slots=True)
class Subscribe:
    """To acknowledgements and requests; what is retained comes again."""


@dataclass(frozen=True, slots=True)
class ReadHead:
    """Answered by Head, or CabinetLost."""


@dataclass(frozen=True, slots=True)
class ReadBatch:
    """Answered by Batch, BatchFailed or CabinetLost; one at a time."""

    first: int


@dataclass(frozen=True, slots=True)
class ReadTail:
    """Answered by TailBatch, TailFailed or CabinetLost; one at a time."""

    origin: str
    first: int


@dataclass(frozen=True, slots=True)
class HandInErased:
    """A receipt as it came; cabinetd judges it. Nothing answers: it comes again with the next session."""

    receipt: str


@dataclass(frozen=True, slots=True)
class HandIn:
    """An acknowledgement as it came; answered by AckResult, AckFailed or CabinetLost; one at a time."""

    note: str


@dataclass(frozen=True, slots=True)
class Reject:
    """Counted by the cabinet under this cause."""

    cause: str


@dataclass(frozen=True, slots=True)
class ReportLink:
    up: bool


Question: TypeAlias = ReadHead | ReadBatch | ReadTail | HandIn | HandInErased | Reject | ReportLink
"""For cabinetd."""
Action: TypeAlias = Publish | Subscribe | Question
