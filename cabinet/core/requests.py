"""What is asked over the control sockets; each is answered with its `request`, and dropped when a commit failed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

from cabinet.core.leaves import Leaf, Subject
from cabinet.policy.rights import Pseudonym


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
class FingerAsked:
    """Through the service socket: the person stands at the cabinet, and a finger of theirs is to be known from now on.
    `reader` None: whichever there is. Answered when it is, or is not."""

    request: int
    person: Pseudonym
    reader: str | None
    operator: str
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class ModuleAccepted:
    """Through the service socket: the module that is behind a finger reader now is the right one."""

    request: int
    reader: str
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
class CardPersonalised:
    """A card has got the keys of this site at a reader, and has proved them. It is nobody's yet."""

    request: int
    reader: str
    operator: str


@dataclass(frozen=True, slots=True)
class ClockConfirmed:
    """A custodian says that the wall time is right."""

    request: int
    reason: str
    operator: str
    dry_run: bool = False


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


Asked: TypeAlias = (
    ReleaseAsked
    | BookingAsked
    | BookingCancelled
    | IncidentReported
    | IncidentClosed
    | RotationAsked
    | EnrolmentOffered
    | FingerAsked
    | ModuleAccepted
    | RosterPlanned
    | ErasureAsked
    | ExportAsked
    | BackupTold
    | CardPersonalised
    | ClockConfirmed
    | PruningAsked
    | LogWiped
    | StateSetAsked
)
ASKED = (
    ReleaseAsked,
    BookingAsked,
    BookingCancelled,
    IncidentReported,
    IncidentClosed,
    RotationAsked,
    EnrolmentOffered,
    FingerAsked,
    ModuleAccepted,
    RosterPlanned,
    ErasureAsked,
    ExportAsked,
    BackupTold,
    CardPersonalised,
    ClockConfirmed,
    PruningAsked,
    LogWiped,
    StateSetAsked,
)
