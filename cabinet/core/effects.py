"""What the core wants done, once its leaves are durable. Each goes into the lane of its device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from cabinet.policy.rights import Pseudonym
from hal.capabilities import Pattern, Tone
from hal.secret import Secret

NAME: Final = "{name}"
Enrolling = Literal["card", "pin", "consent", "finger"]


@dataclass(frozen=True, slots=True)
class Pulse:
    """Release the bolt of `slot` for `hold_s`; answered by BoltPulsed with `grant`, the index of the granting leaf."""

    slot: int
    grant: int
    hold_s: float


@dataclass(frozen=True, slots=True)
class CheckPin:
    """Compare with the person's PIN (`person` None: a dummy, the same work); answered by PinChecked.

    `by_number`: the person came with a number, so a wrong PIN counts for the keypad too."""

    visit: int
    seq: int
    keypad: str
    person: Pseudonym | None
    by_number: bool
    secret: Secret


@dataclass(frozen=True, slots=True)
class AskVerifier:
    """Let `device` say within `within_s` whether it is this person who stands there; answered by Verified."""

    visit: int
    seq: int
    device: str
    person: Pseudonym
    within_s: float


@dataclass(frozen=True, slots=True)
class StoredFinger:
    """Where the module keeps it. `replaces`: theirs in the same module that it has lost."""

    module: str
    template: int
    replaces: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Enrol:
    """Give the person this card, PIN (another one than they have) or finger, or record that they agree to fingers being
    kept; answered by Enrolled. `offer`: the leaf of the code by which they may; `operator`: who else has asked."""

    visit: int
    seq: int
    person: Pseudonym
    offer: int | None
    card: Secret | None = None
    strong: bool = False
    """The card has proved its key."""
    pin: Secret | None = None
    finger: StoredFinger | None = None
    operator: str | None = None

    @property
    def what(self) -> Enrolling:
        if self.card is not None:
            return "card"
        if self.pin is not None:
            return "pin"
        return "consent" if self.finger is None else "finger"


@dataclass(frozen=True, slots=True)
class EnrolFinger:
    """Let the reader take a finger and keep it under this number; answered by FingerTaken, and before it by what the
    person is asked to do (FingerStep)."""

    visit: int
    seq: int
    reader: str
    template: int
    within_s: float


@dataclass(frozen=True, slots=True)
class StopFinger:
    """The reader takes no finger any more for what has ended."""

    reader: str


@dataclass(frozen=True, slots=True)
class DeleteFingers:
    """Nobody's are these; answered by FingersDeleted."""

    reader: str
    module: str
    templates: frozenset[int]


@dataclass(frozen=True, slots=True)
class Show:
    """Text for the person in front of the cabinet. Where it says NAME, the name of `named` is put in at the very last:
    the core, traces and logs never hold it."""

    text: str
    named: Pseudonym | None = None


@dataclass(frozen=True, slots=True)
class Light:
    slot: int
    pattern: Pattern


@dataclass(frozen=True, slots=True)
class Sound:
    tone: Tone


@dataclass(frozen=True, slots=True)
class CommitRoster:
    """The change of `request` is journaled: write it."""

    request: int


@dataclass(frozen=True, slots=True)
class Erase:
    """That they are to be erased is journaled: delete them; answered by Erased."""

    person: Pseudonym
    request: int | None = None


@dataclass(frozen=True, slots=True)
class OpenEpoch:
    """Nothing more is added to this epoch: end in order, the next start opens the next one."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Reply to a control request. `refusal` is a sentence for the operator, None when it was done."""

    request: int
    refusal: str | None = None
    item: str | None = None
    n: int | None = None
    """Index of the leaf that says it was done."""


Effect: TypeAlias = (
    Pulse
    | CheckPin
    | AskVerifier
    | Enrol
    | EnrolFinger
    | StopFinger
    | DeleteFingers
    | Show
    | Light
    | Sound
    | CommitRoster
    | Erase
    | OpenEpoch
    | Answer
)
