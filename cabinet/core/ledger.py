"""The durable part of the state: its tables. fold.py says which leaf changes them.

Whatever must survive a cut changes here and nowhere else, so the state table can always be rebuilt from the
payloads and compared with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from cabinet.core.leaves import Role
from cabinet.policy.allowance import Held
from cabinet.policy.booking import Booking
from cabinet.policy.rights import Pseudonym

HungKind = Literal["right", "misplaced", "foreign", "unreadable"]

CLOSED_KEPT: Final = 200
EPOCH_STEP: Final = 1_000_000_000
"""No epoch has so many leaves."""
OFFERS_MAX: Final = 200
"""Codes for enrolling that are out at a time."""


@dataclass(frozen=True, slots=True)
class SlotMark:
    """What the journal last said of a slot. `n` and `since_ms` are index and wall time of that leaf."""

    seated: bool
    n: int
    since_ms: int


@dataclass(frozen=True, slots=True)
class Hung:
    """What a fob reader said of what hangs in a slot. `right`: `item` belongs there; `misplaced`: `item` does not;
    `foreign`: no item's fob; `unreadable`: nobody can tell."""

    kind: HungKind
    item: str | None = None


@dataclass(frozen=True, slots=True)
class Use:
    """How often an item was taken, and since when it hangs there (wall ms)."""

    count: int
    since_ms: int


@dataclass(frozen=True, slots=True)
class Out:
    """An item that is out, keyed by the slot it belongs to, else by the one it left. `holder` None: nobody took it
    with a grant."""

    item: str | None
    holder: Pseudonym | None
    since_ms: int
    due_ms: int | None = None
    overdue: bool = False
    n: int | None = None
    """The leaf that says who has it."""


@dataclass(frozen=True, slots=True)
class OpenGrant:
    """A slot released and not yet seen taken. `n` is the index of its item.granted leaf."""

    n: int
    item: str | None
    person: Pseudonym | None
    auth: str
    due_ms: int | None = None


@dataclass(frozen=True, slots=True)
class OwedReturn:
    """An item that hangs there again, and what its rule for returning still asks, keyed by its slot. `n` is the index
    of the leaf that told of its return."""

    n: int
    item: str
    holder: Pseudonym | None
    owed: str
    right: str
    missing: str | None = None


@dataclass(frozen=True, slots=True)
class Failures:
    """Wrong tries in a row of one person or at one keypad, and until when (wall ms) the next is refused."""

    count: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class Alarm:
    """A raised alarm; `n` is the index of its alarm.raised leaf."""

    code: str
    n: int
    since_ms: int
    slot: int | None = None
    item: str | None = None
    device: str | None = None
    days: int | None = None
    """Of a document: so many days before it expires, at most."""
    expires_ms: int | None = None
    count: int | None = None
    """Of fingers: how many."""


@dataclass(frozen=True, slots=True)
class Question:
    """Prompts about a return that nobody has answered yet, keyed by the index of its leaf. `person` None: nobody stood
    there."""

    item: str
    slot: int
    person: Pseudonym | None
    prompts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Incident:
    """A complaint or incident, keyed by the index of its leaf. `whom`, in that role, has the key to its text; `about`
    is the leaf it is about; closed with leaf `closed_n`."""

    kind: str
    item: str | None
    about: int | None
    role: Role
    whom: Pseudonym
    since_ms: int
    closed_n: int | None = None
    closed_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """Somebody may enrol themselves until then (wall ms); `code` is the keyed digest of what they type."""

    person: Pseudonym
    until_ms: int
    code: str


@dataclass(frozen=True, slots=True)
class FormerSigner:
    """A verifier key of the journal that signs no more, since leaf `n`."""

    vkey: str
    n: int


@dataclass(frozen=True, slots=True)
class Unwiped:
    """So many leaves were pruned since leaf `n`, and their bytes may still stand in the journal's log file."""

    n: int
    count: int


@dataclass(frozen=True, slots=True)
class RosterMark:
    version: int
    digest: str


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Upstream holds another tree (fork) or a longer one (rollback) under this origin: `size` and `root` (base64) of
    it. `waits`: a technician has to open the next epoch."""

    kind: str
    size: int
    root: str
    waits: bool = False


@dataclass(frozen=True, slots=True)
class EpochMark:
    """Which epoch of the journal this is; without it the first."""

    number: int
    opened_ms: int = 0
    reason: str | None = None
    by_itself_ms: int | None = None
    """When the cabinet opened an epoch because upstream contradicted it, the last time that nobody had told it to."""
    set_n: int | None = None
    """Index of the first leaf of the newest complete set of state."""


@dataclass(frozen=True, slots=True)
class Arriving:
    """The first parts of a set of state whose last part has not come yet."""

    parts: int
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class ModuleMark:
    """The mark (hex) of the module that belongs behind a finger reader."""

    mark: str


@dataclass(frozen=True, slots=True)
class ClockMark:
    """What was said against the wall clock, or for it by somebody, since a time service last vouched for it."""

    doubt: Literal["stepped", "behind"] | None = None
    """It was set while nothing vouched for it, or was behind the journal; until something or somebody vouches."""
    confirmed_ms: int | None = None
    """When the board had started, by the wall time that somebody has confirmed."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """Tables by key; each is replaced, never changed in place. Where a leaf is named, it is by its `reference`."""

    slots: Mapping[int, SlotMark] = field(default_factory=dict)
    hangs: Mapping[int, Hung] = field(default_factory=dict)
    """By slot; only those with a fob reader."""
    outs: Mapping[int, Out] = field(default_factory=dict)
    uses: Mapping[str, Use] = field(default_factory=dict)
    """By item, as long as it is in the roster."""
    grants: Mapping[int, OpenGrant] = field(default_factory=dict)
    owed: Mapping[int, OwedReturn] = field(default_factory=dict)
    failures: Mapping[str, Failures] = field(default_factory=dict)
    alarms: Mapping[str, Alarm] = field(default_factory=dict)
    door: Mapping[str, Literal["open", "closed"]] = field(default_factory=dict)
    roster: Mapping[str, RosterMark] = field(default_factory=dict)
    running: Mapping[str, bool] = field(default_factory=dict)
    monitored: Mapping[str, int] = field(default_factory=dict)
    """How often each rule would have refused, since the cabinet only monitors."""
    upstream: Mapping[str, bool] = field(default_factory=dict)
    clock: Mapping[str, ClockMark] = field(default_factory=dict)
    signers: Mapping[str, FormerSigner] = field(default_factory=dict)
    """Keys that signed before, by their key id."""
    questions: Mapping[int, Question] = field(default_factory=dict)
    incidents: Mapping[int, Incident] = field(default_factory=dict)
    bookings: Mapping[int, Booking] = field(default_factory=dict)
    """By the index of their booking.made leaf; ended ones until the next is made."""

    offers: Mapping[int, Offer] = field(default_factory=dict)
    """By the index of their credential.offered leaf; ended ones until the next."""
    modules: Mapping[str, ModuleMark] = field(default_factory=dict)
    """By finger reader."""
    erasures: Mapping[Pseudonym, int] = field(default_factory=dict)
    """Who is to be erased, with the index of the leaf that says so, until it is done."""
    epoch: Mapping[str, EpochMark] = field(default_factory=dict)
    contradiction: Mapping[str, Contradiction] = field(default_factory=dict)
    """Under `upstream`: nothing more may be added to this epoch."""
    arriving: Arriving | None = None
    """In no row of the table: a set is whole, or it is written anew."""

    def reference(self, n: int) -> int:
        """What names leaf `n` of this epoch in every later one: 57, and in the second epoch 2000000057."""
        mark = self.epoch.get("epoch")
        return n if mark is None or mark.number == 1 else mark.number * EPOCH_STEP + n

    backups: Mapping[str, int] = field(default_factory=dict)
    """When (wall ms) the last one was `made`, `tested` and `restored`."""
    unwiped: Mapping[str, Unwiped] = field(default_factory=dict)

    @property
    def codes(self) -> frozenset[str]:
        """Digests of the codes that are still good for something."""
        bookings = (one.code for one in self.bookings.values() if one.code is not None)
        return frozenset((*bookings, *(one.code for one in self.offers.values())))

    @property
    def contradicted(self) -> Contradiction | None:
        return self.contradiction.get("upstream")


def place_of(reference: int) -> tuple[int, int]:
    """Epoch and index of the leaf that a reference names."""
    epoch, n = divmod(reference, EPOCH_STEP)
    return max(epoch, 1), n


def held(ledger: Ledger, wall_ms: int | None) -> list[Held]:
    """What somebody has, or has just been released; overdue by this wall time, None: by what was journaled."""
    out = [
        Held(one.item, one.holder, one.overdue or (wall_ms is not None and (one.due_ms or wall_ms + 1) <= wall_ms))
        for one in ledger.outs.values()
        if one.item is not None and one.holder is not None
    ]
    released = [Held(one.item, one.person) for one in ledger.grants.values() if one.item and one.person]
    return out + released


def out_of(ledger: Ledger, item: str) -> Out | None:
    """The item, if it is out; wherever it left from."""
    return next((out for out in ledger.outs.values() if out.item == item), None)


def alarm_id(code: str, slot: int | None = None, device: str | None = None, item: str | None = None) -> str:
    """Stable for (code, place), so that a repeat is the same alarm. The item is the place where there is no other."""
    place = (device or item) if slot is None else str(slot)
    return f"{code}/{place}" if place else code
