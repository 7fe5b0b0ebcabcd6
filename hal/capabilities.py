"""What the devices of a cabinet can do. Drivers implement these; the runner knows nothing else of them.

Every device is driven the same way by the supervisor: `start` brings it to a known, safe state, `watch` reports
until something fails, `stop` leaves it safe. Channels are numbered from 1, as printed on the board."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias, runtime_checkable

from hal.secret import Secret

Proof = Literal["weak", "strong", "failed"]


@dataclass(frozen=True, slots=True)
class CardPresented:
    """A card came into the field; `card` is its number as bytes (drivers.wire.card_number).

    `proof`: what was shown. weak: the number alone, clonable. strong: in this presentation the card proved that it
    holds a key. failed: it should have, and could not, as a forged one."""

    device: str
    card: bytes
    proof: Proof = "weak"


@dataclass(frozen=True, slots=True)
class CardRemoved:
    """The card left the field."""

    device: str
    card: bytes


@dataclass(frozen=True, slots=True)
class Typed:
    """A key was pressed; `length` digits stand in the buffer now."""

    device: str
    length: int


@dataclass(frozen=True, slots=True)
class Entered:
    """Digits ended with `#`, at least one."""

    device: str
    secret: Secret


@dataclass(frozen=True, slots=True)
class Cancelled:
    """`*` with nothing typed: the person is done."""

    device: str


@dataclass(frozen=True, slots=True)
class InputRead:
    """The level of one input: reported once after start and on each change, never a repetition.

    None: no proof any more: its contact does not rest, or the device is lost (told by the supervisor's side)."""

    device: str
    channel: int
    closed: bool | None


@dataclass(frozen=True, slots=True)
class FobRead:
    """What the reader of one slot sees: reported once after start and on each change, never a repetition.

    `fob` is the number of a fob as bytes (drivers.wire.card_number), with state "fob" alone; "unreadable": something is
    there that does not say who it is. State None: no proof any more (reported by the supervisor's side when the device
    is lost)."""

    device: str
    channel: int
    state: Literal["fob", "empty", "unreadable"] | None
    fob: bytes | None = None


@dataclass(frozen=True, slots=True)
class FingerModule:
    """Which module is behind a finger reader, and what it holds: reported after each start and after each change.

    `module`: the mark that this cabinet has written into it (16 random bytes), so that a template number means
    something only together with it: a module from elsewhere has another mark. `templates`: the numbers in use."""

    device: str
    module: bytes
    templates: frozenset[int]
    capacity: int


@dataclass(frozen=True, slots=True)
class FingerSeen:
    """A finger matched template number `template` of the module; once for each time that it is put on."""

    device: str
    module: bytes
    template: int


@dataclass(frozen=True, slots=True)
class FingerUnknown:
    """A finger was put on that matches none; once for each time that it is put on."""

    device: str


Cause = Literal[
    "key.stuck",
    "contact.unstable",
    "switch.reversed",
    "keyboard.foreign",
    "lines.swapped",
    "cards.flooding",
    "proofs.failing",
]


@dataclass(frozen=True, slots=True)
class DeviceSuspect:
    """A device that works has found what a technician should look at: told once for each change of it.

    `hint` says what to check. None: it is over (also told by the supervisor's side when the device is lost)."""

    device: str
    cause: Cause
    hint: str | None


Reading: TypeAlias = (
    CardPresented
    | CardRemoved
    | Typed
    | Entered
    | Cancelled
    | InputRead
    | FobRead
    | FingerModule
    | FingerSeen
    | FingerUnknown
    | DeviceSuspect
)
Emit: TypeAlias = Callable[[Reading], None]
Pattern = Literal["off", "on", "blink"]
Tone = Literal["key", "accepted", "refused", "alarm"]
EnrolStep = Literal["put", "lift", "again", "unclear"]
"""What the person is asked to do next: put the finger on, lift it, put the same one on again, or: that was too dry,
dirty or skewed, put it on once more."""


@runtime_checkable
class Device(Protocol):
    device: str
    """Its id in the configuration."""

    async def start(self) -> None:
        """Brings the device to its safe state (all coils off, lamps off) and proves that it answers.

        Raises DeviceTimeout, LinkLost, DeviceRefused, DeviceMisconfigured. Called again after each loss."""
        ...

    async def watch(self, emit: Emit) -> None:
        """Reports until cancelled or until an error of hal.errors ends it. `emit` never blocks."""
        ...

    async def stop(self) -> None:
        """Leaves the device safe; best effort, bounded to 1 s, raises errors of hal.errors only."""
        ...


class Lock(Protocol):
    """One bolt."""

    device: str

    async def pulse(self, hold_s: float) -> None:
        """Energises the coil for `hold_s` (0.1-1.0 s in steps of 0.1); the board itself ends the pulse.

        Returns when the board has confirmed that the coil is on. Raises DeviceTimeout, DeviceRefused, LinkLost
        (all three: surely not pulsed), OutcomeUnknown. Never repeated blindly."""
        ...

    async def energised(self) -> bool:
        """Reads the coil back. Raises DeviceTimeout, LinkLost, DeviceRefused."""
        ...


@runtime_checkable
class LockBoard(Device, Protocol):
    def lock(self, channel: int) -> Lock:
        """Raises DeviceMisconfigured for a channel the board does not have."""
        ...

    async def all_off(self) -> None:
        """Switches every coil off and reads back. Raises as `start`."""
        ...


@runtime_checkable
class InputBoard(Device, Protocol):
    """Slot sensors and contacts: emits InputRead."""

    proof_mono_s: float | None
    """When the inputs were last read well (monotonic seconds); None: not since the last loss."""


@runtime_checkable
class FobReader(Device, Protocol):
    """Which fob hangs in each slot: emits FobRead. A fob may be read up to a second after a sensor has seen it."""

    fobs: Literal["weak", "strong"]
    """weak: a number, clonable. strong: the fob proves that it holds a key."""


class Indicator(Protocol):
    """One lamp beside a slot."""

    device: str

    async def show(self, pattern: Pattern) -> None:
        """Returns when the lamp follows; `blink` goes on by itself until the next call."""
        ...


@runtime_checkable
class IndicatorBoard(Device, Protocol):
    def indicator(self, channel: int) -> Indicator:
        """Raises DeviceMisconfigured for a channel the board does not have."""
        ...


@runtime_checkable
class CardReader(Device, Protocol):
    """Emits CardPresented and CardRemoved; one presentation is one event, however often the bytes repeat."""

    cards: Literal["weak", "strong"]
    """What a card can prove here at best: nothing, or that it holds a key."""


@dataclass(frozen=True, slots=True)
class CardFound:
    """A card that lies on a reader, for putting keys onto it. `state` as in drivers.wire.desfire_keys.Look."""

    card: bytes
    state: Literal["new", "unfinished", "ours", "foreign"]
    hint: str = ""
    """Why it is left alone."""


@runtime_checkable
class CardIssuer(Device, Protocol):
    """A reader that puts the keys which it asks for onto new cards. Nobody is identified at it meanwhile."""

    async def look(self, within_s: float) -> CardFound | None:
        """The card that lies on it, or comes to lie there in time; it then begins no visit. Writes nothing.

        Raises DeviceTimeout (it was taken away, or the reader does not answer), DeviceRefused, LinkLost."""
        ...

    async def personalise(self, card: bytes) -> None:
        """Writes application and keys onto this card, which is new or unfinished, and lets it prove them.

        Raises DeviceRefused with the reason: another card lies there, it is foreign, it does not take the keys; then
        DeviceTimeout, LinkLost: it may be unfinished, and is finished by calling this again."""
        ...


@runtime_checkable
class FingerReader(Device, Protocol):
    """Emits FingerModule, FingerSeen and FingerUnknown."""

    async def enrol(self, template: int, told: Callable[[EnrolStep], None], within_s: float) -> None:
        """Takes one finger twice and stores it under `template`; meanwhile no finger is identified.

        `told` is called in the loop and never blocks. Raises DeviceTimeout (nobody put it on in time), FingerRefused
        (the captures differ, the finger is known already), DeviceRefused (the number is taken or beyond the module),
        LinkLost; then nothing is stored, and the index of what is stored is read again. Cancelled: the same."""
        ...

    async def delete(self, templates: frozenset[int]) -> None:
        """Deletes these; numbers not in use count as deleted. Raises DeviceTimeout, DeviceRefused, LinkLost."""
        ...


@runtime_checkable
class Keypad(Device, Protocol):
    """Emits Typed, Entered and Cancelled."""

    keys: int


@runtime_checkable
class Verifier(Device, Protocol):
    """Confirms who somebody is, such as a camera that knows faces; it names nobody by itself."""

    async def verify(self, person: str, within_s: float) -> bool | None:
        """Whether it is this person, of whom it is told the pseudonym alone.

        None: no answer in time, or none to be believed; why stands in what `watch` then raises. Raises nothing."""
        ...


@runtime_checkable
class Buzzer(Device, Protocol):
    async def sound(self, tone: Tone) -> None:
        """Starts the tone and returns; it ends by itself. A new tone replaces the old one."""
        ...


@runtime_checkable
class Display(Device, Protocol):
    async def show(self, text: str) -> None:
        """Replaces what is shown; `text` has its own line breaks and may be Chinese or English."""
        ...
