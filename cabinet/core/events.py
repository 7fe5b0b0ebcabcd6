"""What the core is told. Sensor and device events are facts of the world and are never dropped; requests of
people are answered or refused."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from cabinet.core.leaves import Leaf, Subject
from cabinet.policy.rights import Pseudonym
from hal.secret import Secret

Outcome = Literal["done", "not_done", "too_late", "unknown"]


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
    """Answer to Enrol; `refusal` None: it is in the roster. `card`: it was about a card."""

    visit: int
    seq: int
    card: bool
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
class ReleaseAsked:
    """A technician's release through the service socket."""

    request: int
    slot: int
    reason: str
    operator: str
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class BookingAsked:
    """Through the service socket: `item` for `person` from `starts_ms` until before `until_ms`. `code` is the keyed
    digest of a code for the keypad. `overrides`: what is in the way is cancelled, for `reason`."""

    request: int
    person: Pseudonym
    item: str
    starts_ms: int
    until_ms: int
    operator: str
    reason: str | None = None
    overrides: bool = False
    code: str | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class BookingCancelled:
    """Through the service socket; `booking` is its number."""

    request: int
    booking: int
    reason: str
    operator: str
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class IncidentReported:
    """A complaint or incident about an item, a leaf or a customer; `subject` holds its text."""

    request: int
    kind: str
    item: str | None
    about: int | None
    subject: Subject
    operator: str


@dataclass(frozen=True, slots=True)
class IncidentClosed:
    request: int
    n: int
    subject: Subject
    operator: str


@dataclass(frozen=True, slots=True)
class RotationAsked:
    """The journal's key shall be followed by another, which is prepared; both as verifier keys."""

    request: int
    old: str
    vkey: str
    reason: str
    operator: str


@dataclass(frozen=True, slots=True)
class EnrolmentOffered:
    """Through the service socket: `person` may enrol themselves with a code, of which `code` is the keyed digest."""

    request: int
    person: Pseudonym
    code: str
    operator: str
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class RosterPlanned:
    """A checked change of the roster: its leaves go into the journal before the roster is committed. Each leaf says
    the version and digest it leads to. A large change comes in parts, one after the other was journaled."""

    request: int
    version: int
    leaves: tuple[Leaf, ...]
    operator: str | None
    goes_on: bool = False
    """Parts of the same change were journaled before."""
    more: bool = False
    """Others follow, and the roster is committed after the last."""


@dataclass(frozen=True, slots=True)
class ErasureAsked:
    """Through the service socket: a person or a customer, who is in the roster now."""

    request: int
    person: Pseudonym
    operator: str
    reason: str


@dataclass(frozen=True, slots=True)
class ExportAsked:
    """Through the service socket: somebody is given what is kept on them."""

    request: int
    person: Pseudonym
    operator: str


@dataclass(frozen=True, slots=True)
class Erased:
    """Nothing of them is left in the roster, of this version and digest now. `refusal`: there still is, and why."""

    person: Pseudonym
    request: int | None
    version: int
    digest: str
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class BackupTold:
    """A backup was made, restored or tested by whoever asks for its leaf."""

    request: int
    act: Literal["made", "tested", "restored"]
    parts: tuple[str, ...]
    size: int
    """Bytes of all files."""
    digest: str
    """SHA-256 of the file in hex; of several, one behind the other."""
    checkpoint: str | None
    """The newest checkpoint in it, `<origin> <size> <root>`."""
    operator: str


@dataclass(frozen=True, slots=True)
class RosterFound:
    """At start: the version and digest the roster database really has."""

    version: int
    digest: str


@dataclass(frozen=True, slots=True)
class RosterChanged:
    """Another roster is in force: the fobs that hang here may be other items' now, and documents have other dates."""


@dataclass(frozen=True, slots=True)
class ClockConfirmed:
    """A custodian says that the wall time is right."""

    request: int
    reason: str
    operator: str
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class UpstreamLink:
    """Upstream can be reached, or no longer."""

    up: bool


@dataclass(frozen=True, slots=True)
class Expired:
    """The period of leaf `n` has passed, by the rule that is named."""

    n: int
    kind: str
    rule: str
    """With its days, such as `visit.* 90`."""


@dataclass(frozen=True, slots=True)
class PruningAsked:
    """Payloads that are to go; upstream holds them all. `by`: the schedule, or whoever asked."""

    request: int
    expired: tuple[Expired, ...]
    by: str
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class LogWiped:
    """Since the last pruning the journal's log file was emptied: nothing of what was pruned is in any file."""

    request: int


@dataclass(frozen=True, slots=True)
class StateSetAsked:
    """The state is to be written as leaves, so that the fold can start there: of its parts those from `part` on."""

    request: int
    part: int


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
    | ReleaseAsked
    | BookingAsked
    | BookingCancelled
    | IncidentReported
    | IncidentClosed
    | RotationAsked
    | EnrolmentOffered
    | RosterPlanned
    | ErasureAsked
    | ExportAsked
    | Erased
    | BackupTold
    | RosterFound
    | RosterChanged
    | ClockConfirmed
    | UpstreamLink
    | PruningAsked
    | LogWiped
    | StateSetAsked
    | LeavesMissed
    | InputRejected
    | UpstreamContradicts
    | JournalFailed
    | JournalRecovered
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
    PinChecked,
    Verified,
    Enrolled,
    UpstreamLink,
    UpstreamContradicts,
)
"""What is so, whatever becomes of its leaf: the start, what the world did, what a device answered. Kept and stepped
again when a commit failed."""

REQUESTS = (
    CardShown,
    DigitsTyped,
    DigitsEntered,
    KeypadCancelled,
    ReleaseAsked,
    BookingAsked,
    BookingCancelled,
    IncidentReported,
    IncidentClosed,
    RotationAsked,
    EnrolmentOffered,
    PruningAsked,
    LogWiped,
    StateSetAsked,
    RosterPlanned,
    ErasureAsked,
    ExportAsked,
    BackupTold,
    ClockConfirmed,
)
"""What people ask: answered or refused at once, dropped when a commit failed."""
