"""What people and things do in a story, one kind of act a class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class HoldCard:
    """`card` None: their own."""

    who: str
    card: str | None = None


@dataclass(frozen=True, slots=True)
class HoldStrongCard:
    """`whose` it is, or claims to be: strong: their own. copied: its number on a card that proves nothing. forged: one
    that answers without holding the key."""

    who: str
    whose: str
    how: Literal["strong", "copied", "forged"]


@dataclass(frozen=True, slots=True)
class Type:
    """`what` are keys, or PIN, number, code, wrong PIN: theirs, followed by #."""

    who: str
    what: str


@dataclass(frozen=True, slots=True)
class Touch:
    """Puts a finger on the reader; None: their own."""

    who: str
    finger: int | None = None


@dataclass(frozen=True, slots=True)
class EnrolFinger:
    """The custodian starts it, and stands at the cabinet with them; `refused`: is not let, with these words."""

    who: str
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class Consent:
    """The custodian records that somebody agrees to something, or does not any more."""

    who: str
    purpose: str
    withdrawn: bool = False


@dataclass(frozen=True, slots=True)
class RevokeFingers:
    who: str


@dataclass(frozen=True, slots=True)
class AcceptModule:
    """The custodian says that the module behind this reader is the right one."""

    reader: str


@dataclass(frozen=True, slots=True)
class Look:
    """At the camera."""

    who: str


@dataclass(frozen=True, slots=True)
class Hand:
    """`fob` None: the one last lifted from there."""

    who: str
    act: Literal["lift", "force", "seat"]
    slot: int
    fob: str | None = None


@dataclass(frozen=True, slots=True)
class Bring:
    """A fob of nowhere is in a hand."""

    who: str
    fob: str


@dataclass(frozen=True, slots=True)
class ReplaceFob:
    """A custodian puts a new fob on an item, and says so to the cabinet."""

    fob: str
    item: str


@dataclass(frozen=True, slots=True)
class MoveDoor:
    who: str
    is_open: bool
    by_force: bool = False


@dataclass(frozen=True, slots=True)
class Wait:
    seconds: float


@dataclass(frozen=True, slots=True)
class PowerFails:
    for_s: float


@dataclass(frozen=True, slots=True)
class Kill:
    process: Literal["cabinetd", "cabinet-uplink"]


@dataclass(frozen=True, slots=True)
class Break:
    """A device, `disk` or `broker`; `fault` None: it works again."""

    what: str
    fault: str | None


@dataclass(frozen=True, slots=True)
class Harm:
    """The daemon is killed, and the newest file of the journal is not what it was when it starts again."""

    how: str


@dataclass(frozen=True, slots=True)
class Contradict:
    """Upstream confirms, under the cabinet's own signature, what this cabinet has not written."""

    how: Literal["another", "a longer"]


@dataclass(frozen=True, slots=True)
class NewEpoch:
    """The technician has the journal go on in a new file; `in_vain`: is refused."""

    reason: str
    in_vain: bool = False


@dataclass(frozen=True, slots=True)
class ClockJumps:
    by_s: int


@dataclass(frozen=True, slots=True)
class TrustClock:
    """What vouches for the wall clock from now on."""

    quality: Literal["ntp", "rtc", "none"]


@dataclass(frozen=True, slots=True)
class ConfirmClock:
    """A custodian says that it is right."""

    reason: str


@dataclass(frozen=True, slots=True)
class Release:
    """The technician opens a slot."""

    slot: int
    reason: str


@dataclass(frozen=True, slots=True)
class Suspend:
    """The custodian changes who may come."""

    who: str
    suspended: bool


@dataclass(frozen=True, slots=True)
class Forget:
    """The custodian erases somebody for good."""

    who: str


@dataclass(frozen=True, slots=True)
class Disclose:
    """The custodian gives somebody what is kept on them."""

    who: str


@dataclass(frozen=True, slots=True)
class Welcome:
    """The custodian puts somebody who was erased into the roster again, as somebody new."""

    who: str


@dataclass(frozen=True, slots=True)
class Train:
    """The custodian records what somebody has learnt, or (`until` None) takes it away."""

    what: str
    who: str
    until: str | None = None


@dataclass(frozen=True, slots=True)
class Book:
    """The custodian books an item, between local times of the day; `refused`: is not let, with these words."""

    item: str
    who: str
    start: str
    until: str
    with_code: bool = False
    overrides: bool = False
    refused: str | None = None


@dataclass(frozen=True, slots=True)
class GivePin:
    """The custodian sets a PIN for its first use only."""

    who: str
    pin: str


@dataclass(frozen=True, slots=True)
class OfferCode:
    """The custodian gives somebody a code to enrol with."""

    who: str


@dataclass(frozen=True, slots=True)
class CancelBooking:
    """The custodian cancels the next one of the item."""

    item: str


@dataclass(frozen=True, slots=True)
class Report:
    """The technician records a complaint or an incident about an item."""

    kind: str
    item: str
    text: str


@dataclass(frozen=True, slots=True)
class ApplyPolicy:
    """The technician applies the roster files, in which every person and item has one label more."""

    label: str


@dataclass(frozen=True, slots=True)
class RotateKey:
    """The technician lets the journal's signing key be followed by a new one; `in_vain`: it is refused."""

    reason: str
    in_vain: bool = False


@dataclass(frozen=True, slots=True)
class Prune:
    """The technician lets go now of what has outlived its period."""

    reason: str


@dataclass(frozen=True, slots=True)
class ReplaceKey:
    """The signing key is lost, and the technician puts another in its place."""


@dataclass(frozen=True, slots=True)
class RollBack:
    """And takes the last version of the policy back."""


@dataclass(frozen=True, slots=True)
class CloseReport:
    """And says how the last one that was recorded ended."""

    text: str


@dataclass(frozen=True, slots=True)
class SwitchOn:
    """Somebody else than the daemon gives a bolt current."""

    slot: int


@dataclass(frozen=True, slots=True)
class ConfirmCopy:
    """Upstream confirms another tree, which a copy of the cabinet has signed."""


@dataclass(frozen=True, slots=True)
class AcceptEpoch:
    """An operator upstream has looked into the present epoch."""


@dataclass(frozen=True, slots=True)
class Setting:
    """The cabinet of this story is configured so: a key and its value."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class Clock:
    """The story begins at this local time."""

    day: str
    time: str


Act: TypeAlias = (
    HoldCard
    | HoldStrongCard
    | Type
    | Look
    | Touch
    | EnrolFinger
    | Consent
    | RevokeFingers
    | AcceptModule
    | Hand
    | Bring
    | ReplaceFob
    | MoveDoor
    | Wait
    | PowerFails
    | Kill
    | Break
    | Harm
    | Contradict
    | NewEpoch
    | ClockJumps
    | TrustClock
    | ConfirmClock
    | Release
    | Report
    | CloseReport
    | ApplyPolicy
    | RotateKey
    | ReplaceKey
    | Prune
    | RollBack
    | Suspend
    | Forget
    | Disclose
    | Welcome
    | Train
    | Book
    | CancelBooking
    | GivePin
    | OfferCode
    | SwitchOn
    | Clock
    | ConfirmCopy
    | AcceptEpoch
    | Setting
)
