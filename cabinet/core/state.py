"""What the core remembers: the durable ledger, and what may be forgotten in a cut."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from cabinet.core.effects import Show
from cabinet.core.events import FobSeen, ModuleFound
from cabinet.core.leaves import Leaf
from cabinet.core.ledger import Ledger
from cabinet.policy.decide import Verifier
from cabinet.policy.prompts import Answer
from cabinet.policy.rights import ActKind, Factor, Language, Pseudonym, Schedule
from hal.clock import Quality
from hal.secret import Secret

Stage = (
    Literal["pin", "checking", "finger", "verifying", "choose", "second", "prompt"]
    | Literal["card", "new_pin", "again", "agree", "taking", "storing"]
)


@dataclass(frozen=True, slots=True)
class Second:
    """Who approves or takes over, and with which factors they have identified so far. `person` None: a personal
    number nobody has."""

    person: Pseudonym | None
    factors: frozenset[Factor]
    verifier: Verifier = "asks"
    """What it has said of them."""


@dataclass(frozen=True, slots=True)
class Asking:
    """The prompt on the display. `returned` is the leaf of the return that it is about; None: it is asked before the
    item is released."""

    prompt: str
    returned: int | None = None


@dataclass(frozen=True, slots=True)
class Answers:
    """To what is asked before `item` is released; None: skipped."""

    item: str
    given: tuple[tuple[str, Answer | None], ...] = ()


@dataclass(frozen=True, slots=True)
class SlotSetup:
    """One slot's wiring as far as the core cares: the board that moves its bolt, how long the pulse is, and whether
    fobs are told apart there."""

    lock_device: str
    hold_s: float
    reads_fobs: bool = False
    """It has a reader that tells which fob hangs there."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a second person may not, and when they might."""

    rule: str
    window: str | None = None
    missing: str | None = None


@dataclass(frozen=True, slots=True)
class Setup:
    """Fixed for a boot, from the configuration. All times in seconds."""

    slots: Mapping[int, SlotSetup]
    language: Language = "en"
    monitors: bool = False
    """Who is identified and active gets what they ask for; what would have been refused is noted."""
    quiet: Schedule | None = None
    """When tones are silent but alarms."""
    pin_days: int | None = None
    """How long a PIN is good; None: for good."""
    door_lock: SlotSetup | None = None
    """What holds the cabinet's door; None: nothing."""
    idle_s: float = 30.0
    take_s: float = 15.0
    door_open_s: float = 60.0
    settle_s: float = 5.0
    """How long after the start a sensor may be silent before an interrupted grant is closed without it."""
    finger_readers: tuple[str, ...] = ()
    verifier: str | None = None
    """The device that confirms who somebody is."""


@dataclass(frozen=True, slots=True)
class Taking:
    """`tries` so far that came to nothing."""

    reader: str
    template: int
    tries: int = 0


@dataclass(frozen=True, slots=True)
class AskedBy:
    request: int
    operator: str


@dataclass(frozen=True, slots=True)
class Storing:
    """A template that is, or is about to be, in a module and not yet in the roster: by which question it came."""

    visit: int
    seq: int
    template: int


@dataclass(frozen=True, slots=True)
class Visit:
    """One person in front of the cabinet. `person` None: a personal number nobody has (treated alike until the PIN).

    `chosen` is the item that waits for a factor or a second person. `seq` counts checks of PINs and
    faces, so that a late answer finds no taker."""

    number: int
    person: Pseudonym | None
    factors: frozenset[Factor]
    device: str
    stage: Stage
    idle_mono_s: float
    language: Language
    waited: bool = False
    """They were told to wait, and may have gone: nothing is released before they choose it."""
    chosen: str | None = None
    act: ActKind = "take"
    """What is to be done with `chosen`."""
    seq: int = 0
    second: Second | None = None
    """Whom the stages "pin", "checking", "finger" and "verifying" are about; None: the visitor."""
    approvers: tuple[Pseudonym, ...] = ()
    """Who has approved, for the whole visit."""
    asking: Asking | None = None
    answers: Answers | None = None
    returns: tuple[int, ...] = ()
    """Leaves of what came back in this visit and still has questions."""
    booking: int | None = None
    """The one whose code was typed."""
    verifier: Verifier = "asks"
    """What it has said of the visitor."""
    offer: int | None = None
    """The credential.offered leaf whose code was typed: nothing is released, somebody enrols."""
    new_pin: Secret | None = None
    """Typed once."""
    taking: Taking | None = None
    """The finger that is about to be kept."""
    asked_by: AskedBy | None = None
    """The operator who waits for the finger to be enrolled."""

    @property
    def tested(self) -> Pseudonym | None:
        """Whose PIN, finger or face is asked for."""
        return self.second.person if self.second else self.person

    @property
    def by_number(self) -> bool:
        """Whether whoever is tested has typed a personal number."""
        return "number" in (self.second.factors if self.second else self.factors)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A fob that a sensor has seen and no reader has named yet, with who stood there then."""

    ends_mono_s: float
    """Until then its reader may speak."""
    unseen: bool
    person: Pseudonym | None = None
    visit: int | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """Who has badged while somebody else was served, and until when (monotonic) they are taken to be there."""

    person: Pseudonym
    reader: str
    until_mono_s: float
    factors: frozenset[Factor] = frozenset({"card"})


@dataclass(frozen=True, slots=True)
class Junk:
    """A refusal that was journaled: its repetitions until then are counted, and journaled as one leaf."""

    leaf: Leaf
    until_mono_s: float
    count: int = 0


@dataclass(frozen=True, slots=True)
class State:
    setup: Setup
    ledger: Ledger
    size: int
    """Leaves in the journal, so the index of the next one."""
    visits: int = 0
    """Visits begun in this boot; the latest one's number."""
    visit: Visit | None = None
    queue: tuple[Waiting, ...] = ()
    """Who waits to be served, in order."""
    free_mono_s: float | None = None
    """When the last visit ended."""
    shown: Show | None = None
    """What the visitor was told last."""
    presence: Mapping[int, bool | None] = field(default_factory=dict)
    """What each slot's sensor says now; missing or None: unknown."""
    fobs: Mapping[int, FobSeen] = field(default_factory=dict)
    """What each slot's fob reader says now."""
    stale: frozenset[int] = frozenset()
    """Slots whose sensor has seen the fob go after their reader said which it was."""
    arrivals: Mapping[int, Arrival] = field(default_factory=dict)
    doubts: Mapping[int, float] = field(default_factory=dict)
    """Slots whose reader no longer sees what the sensor does, and until when (monotonic) that may be for a moment."""
    told_ms: Mapping[int, int] = field(default_factory=dict)
    """Wall time at which each slot's sensor last said something new."""
    greet_mono_s: float | None = None
    """When the display goes back to the greeting; None: it need not."""
    unproven: frozenset[int] = frozenset()
    """Slots whose sensor has not spoken since the start or since it was lost."""
    grant_ends: Mapping[int, float] = field(default_factory=dict)
    """Monotonic end of each grant of this boot; a grant of the ledger that is missing here is an interrupted one."""
    return_ends: Mapping[int, float] = field(default_factory=dict)
    """Until when (monotonic) a return that is owed something can be completed, by slot."""
    pulsed: Mapping[int, Literal["done", "unknown"]] = field(default_factory=dict)
    """What is known of the bolt of each open grant."""
    blind: frozenset[int] = frozenset()
    """Slots whose sensor was silent at some time of their open grant: whoever was there has not been seen."""
    door: bool | None = None
    """Closed, as its contact says now; None: unknown."""
    door_open_since: float | None = None
    door_ends: float | None = None
    """Until when (monotonic) the door may be opened after its release."""
    settle_ends: float | None = None
    junk: Mapping[str, Junk] = field(default_factory=dict)
    lost: frozenset[str] = frozenset()
    """Devices that do not answer."""
    modules: Mapping[str, ModuleFound] = field(default_factory=dict)
    """What each finger reader last said of the module behind it."""
    storing: Mapping[str, Storing] = field(default_factory=dict)
    """By finger reader."""
    deleting: Mapping[str, frozenset[int]] = field(default_factory=dict)
    """Templates that each finger reader was told to delete, until it has answered."""
    delete_mono_s: Mapping[str, float] = field(default_factory=dict)
    """When a finger reader that could not is told again."""
    erase_mono_s: float | None = None
    """When erasures that could not be finished are tried again."""
    remind_ms: int | None = 0
    """Wall time at which documents are looked at next; 0: once the clock is trusted, None: not for this roster."""
    alive_mono_s: float = math.inf
    journal_good: bool = True
    board_start_ms: int | None = None
    """Wall time at which the board started, as the clock had it when it was last looked at; None before Started."""
    newest_ms: int | None = None
    """Wall time of the newest leaf that the start found; None: there is none, or somebody vouches for the clock."""
    clock_source: Quality | None = None
    """What vouched for the wall time when the clock was last looked at."""
    clock_mono_s: float = math.inf
    """When the clock is looked at next, should nothing else happen."""
