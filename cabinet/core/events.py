"""What the core is told. Sensor and device events are facts of the world and are never dropped; requests of
people are answered or refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from cabinet.core.effects import Enrolling
from cabinet.core.requests import ASKED, Asked
from cabinet.policy.rights import Pseudonym
from hal.capabilities import Cause, EnrolStep, Proof
from hal.secret import Secret

Outcome = Literal["done", "not_done", "too_late", "unknown"]
TakingRefusal = Literal["known", "differs", "timeout", "stopped", "failed"]
"""Why a finger was not stored: it is known already, the captures are not of one finger, nobody put it on in time, the
visit has ended, or the reader cannot."""


@dataclass(frozen=True, slots=True)
class Started:
    """First event of a boot; `size` is the journal's size found."""

    size: int


@dataclass(frozen=True, slots=True)
class Stopping:
    """Last event of an orderly end."""


@dataclass(frozen=True, slots=True)
class TimePassed:
    """Something may be due; `next_wake` said when."""


@dataclass(frozen=True, slots=True)
class CardShown:
    """`card` is the keyed digest of the number; the number itself is passed on to the vault unread."""

    reader: str
    card: bytes
    number: Secret | None = None
    proof: Proof = "weak"


@dataclass(frozen=True, slots=True)
class FingerShown:
    """A finger matched this template of the module with this mark (hex)."""

    reader: str
    module: str
    template: int


@dataclass(frozen=True, slots=True)
class FingerNotKnown:
    reader: str


@dataclass(frozen=True, slots=True)
class ModuleFound:
    """Which module is behind a finger reader, by its mark (hex), and the templates it holds."""

    reader: str
    module: str
    templates: frozenset[int]
    capacity: int


@dataclass(frozen=True, slots=True)
class FingerStep:
    """What the module asks of whoever enrols."""

    visit: int
    seq: int
    step: EnrolStep


@dataclass(frozen=True, slots=True)
class FingerTaken:
    """Answer to EnrolFinger; `refusal` None: the module has stored it."""

    visit: int
    seq: int
    reader: str
    template: int
    refusal: TakingRefusal | None = None


@dataclass(frozen=True, slots=True)
class FingersDeleted:
    """Answer to DeleteFingers."""

    reader: str
    module: str
    templates: frozenset[int]
    done: bool


@dataclass(frozen=True, slots=True)
class DigitsTyped:
    keypad: str
    length: int


@dataclass(frozen=True, slots=True)
class DigitsEntered:
    """`code` is the keyed digest of what was typed, where it is as long as a one-time code."""

    keypad: str
    secret: Secret
    code: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class KeypadCancelled:
    keypad: str


@dataclass(frozen=True, slots=True)
class PinChecked:
    """Answer to CheckPin, with what it carried."""

    visit: int
    seq: int
    keypad: str
    person: Pseudonym | None
    by_number: bool
    correct: bool | None
    """None: it could not be compared, so it counts for nothing."""


@dataclass(frozen=True, slots=True)
class Verified:
    """Answer to AskVerifier, with what it carried. "none": it gave none in time, or it is lost."""

    visit: int
    seq: int
    device: str
    person: Pseudonym
    answer: Literal["yes", "no", "none"]


@dataclass(frozen=True, slots=True)
class Enrolled:
    """Answer to Enrol; `refusal` None: it is in the roster."""

    visit: int
    seq: int
    what: Enrolling
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class SlotRead:
    """`seated` None: the sensor no longer tells. `folded`: earlier edges merged into this one while nothing could be
    recorded."""

    slot: int
    seated: bool | None
    folded: int = 0


@dataclass(frozen=True, slots=True)
class FobSeen:
    """What a slot's fob reader sees; state None: it no longer tells. `fob` is written as the roster writes it."""

    slot: int
    state: Literal["fob", "empty", "unreadable"] | None
    fob: str | None = None


@dataclass(frozen=True, slots=True)
class DoorRead:
    closed: bool | None


@dataclass(frozen=True, slots=True)
class BoltPulsed:
    """Answer to Pulse. `done`: the board confirmed the coil; `not_done`: surely not; `too_late`: not, for
    the journal took too long; `unknown`: nobody can tell."""

    slot: int
    grant: int
    outcome: Outcome
    hint: str = ""


@dataclass(frozen=True, slots=True)
class DeviceLost:
    device: str
    hint: str


@dataclass(frozen=True, slots=True)
class DeviceRestored:
    device: str


@dataclass(frozen=True, slots=True)
class DeviceSuspected:
    """A device that works has found what a technician should look at; `hint` None: it is over."""

    device: str
    cause: Cause
    hint: str | None


@dataclass(frozen=True, slots=True)
class Erased:
    """Nothing of them is left in the roster, of this version and digest now. `refusal`: there still is, and why."""

    person: Pseudonym
    request: int | None
    version: int
    digest: str
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class RosterFound:
    """At start: the version and digest the roster database really has."""

    version: int
    digest: str


@dataclass(frozen=True, slots=True)
class RosterChanged:
    """Another roster is in force: the fobs that hang here may be other items' now, and documents have other dates."""


@dataclass(frozen=True, slots=True)
class UpstreamLink:
    """Upstream can be reached, or no longer."""

    up: bool


@dataclass(frozen=True, slots=True)
class LeavesMissed:
    """Upstream asked again for leaves that it held before, and of leaf `first`, as of others, only the hash is left."""

    first: int


@dataclass(frozen=True, slots=True)
class InputRejected:
    """Something that came from upstream was dropped; `cause` in one word."""

    cause: str


@dataclass(frozen=True, slots=True)
class UpstreamContradicts:
    """Upstream holds, under our own signature, another tree (fork) or a longer one (rollback) than this journal.

    `size` and `root` (base64) are what it holds."""

    kind: Literal["fork", "rollback"]
    size: int
    root: str


@dataclass(frozen=True, slots=True)
class JournalFailed:
    """The last commit did not reach the disk; the step that asked for it never happened. `dropped` are its requests."""

    dropped: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class JournalRecovered:
    """Another try: if the commit of this step succeeds, the journal is good again."""


Event: TypeAlias = (
    Started
    | Stopping
    | TimePassed
    | CardShown
    | FingerShown
    | FingerNotKnown
    | ModuleFound
    | FingerStep
    | FingerTaken
    | FingersDeleted
    | DigitsTyped
    | DigitsEntered
    | KeypadCancelled
    | PinChecked
    | Verified
    | Enrolled
    | SlotRead
    | FobSeen
    | DoorRead
    | BoltPulsed
    | DeviceLost
    | DeviceRestored
    | DeviceSuspected
    | Erased
    | RosterFound
    | RosterChanged
    | UpstreamLink
    | LeavesMissed
    | InputRejected
    | UpstreamContradicts
    | JournalFailed
    | JournalRecovered
    | Asked
)

FACTS = (
    Started,
    RosterFound,
    RosterChanged,
    Erased,
    SlotRead,
    FobSeen,
    DoorRead,
    BoltPulsed,
    DeviceLost,
    DeviceRestored,
    DeviceSuspected,
    PinChecked,
    Verified,
    Enrolled,
    ModuleFound,
    FingerTaken,
    FingersDeleted,
    UpstreamLink,
    UpstreamContradicts,
)
"""What is so, whatever becomes of its leaf: the start, what the world did, what a device answered. Kept and stepped
again when a commit failed."""

REQUESTS = (
    CardShown,
    FingerShown,
    FingerNotKnown,
    DigitsTyped,
    DigitsEntered,
    KeypadCancelled,
    *ASKED,
)
"""What people ask: answered or refused at once, dropped when a commit failed."""
