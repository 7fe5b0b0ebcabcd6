"""What happens in a simulation, as far as anybody has to know of it: the language of trace and invariants.

No card number and no PIN stands in any of them but in those of people's hands, which their lines leave out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from cabinet.core import effects


@dataclass(frozen=True, slots=True)
class Coil:
    slot: int
    on: bool

    def __str__(self) -> str:
        return f"slot {self.slot}: coil {'on' if self.on else 'off'}"


@dataclass(frozen=True, slots=True)
class Foreign:
    """Somebody else than the daemon switches the relay of a slot on, from the next line on."""

    slot: int

    def __str__(self) -> str:
        return f"slot {self.slot}: somebody switches the relay on"


@dataclass(frozen=True, slots=True)
class Ready:
    """The daemon tells the service manager so."""

    def __str__(self) -> str:
        return "cabinetd is ready"


@dataclass(frozen=True, slots=True)
class Bolt:
    slot: int
    locked: bool

    def __str__(self) -> str:
        return f"slot {self.slot}: bolt {'locked' if self.locked else 'unlocked'}"


@dataclass(frozen=True, slots=True)
class Fob:
    """What hangs in the slot from now on."""

    slot: int
    fob: str | None

    def __str__(self) -> str:
        return f"slot {self.slot}: {self.fob or 'empty'}"


@dataclass(frozen=True, slots=True)
class Door:
    is_open: bool

    def __str__(self) -> str:
        return "door open" if self.is_open else "door closed"


@dataclass(frozen=True, slots=True)
class Screen:
    text: str

    def __str__(self) -> str:
        return "display: " + self.text.replace("\n", " / ")


@dataclass(frozen=True, slots=True)
class Card:
    """Somebody holds a card to the reader; plain: it shows its number alone."""

    who: str
    card: str = field(repr=False)
    how: Literal["plain", "strong", "forged"] = "plain"

    def __str__(self) -> str:
        return f"{self.who} holds a {'' if self.how == 'plain' else f'{self.how} '}card to the reader"


@dataclass(frozen=True, slots=True)
class Touched:
    """Somebody puts a finger on the reader."""

    who: str
    finger: int = field(repr=False)

    def __str__(self) -> str:
        return f"{self.who} puts a finger on the reader"


@dataclass(frozen=True, slots=True)
class Keys:
    """Somebody has pressed these keys."""

    who: str
    keys: str = field(repr=False)

    def __str__(self) -> str:
        return f"{self.who} has pressed {len(self.keys)} keys"


@dataclass(frozen=True, slots=True)
class Offered:
    """Somebody was given a code to enrol with."""

    who: str
    code: str = field(repr=False)

    def __str__(self) -> str:
        return f"{self.who} was given a code to enrol with"


@dataclass(frozen=True, slots=True)
class FirstPin:
    """A custodian is about to give somebody a PIN for its first use only."""

    who: str
    pin: str = field(repr=False)

    def __str__(self) -> str:
        return f"{self.who} is given a first PIN"


@dataclass(frozen=True, slots=True)
class CodeGiven:
    """Somebody was given a one-time code for what they have booked."""

    who: str
    item: str
    booking: int
    starts_ms: int
    until_ms: int
    code: str = field(repr=False)

    def __str__(self) -> str:
        return f"{self.who} was given a code for {self.item} (booking {self.booking})"


@dataclass(frozen=True, slots=True)
class Looked:
    """Somebody looks at the camera."""

    who: str

    def __str__(self) -> str:
        return f"{self.who} looks at the camera"


@dataclass(frozen=True, slots=True)
class Act:
    """Anything else people do."""

    who: str
    what: str

    def __str__(self) -> str:
        return f"{self.who} {self.what}"


@dataclass(frozen=True, slots=True)
class Sentence:
    """The next one of a story."""

    text: str

    def __str__(self) -> str:
        return f"-- {self.text}"


@dataclass(frozen=True, slots=True)
class Leaf:
    """A leaf is durable."""

    epoch: int
    n: int
    content: Mapping[str, Any]
    data: bytes

    @property
    def reference(self) -> int:
        """What names it in later leaves, in whatever epoch."""
        return self.n if self.epoch == 1 else self.epoch * 1_000_000_000 + self.n

    def __str__(self) -> str:
        shown = (f"{key}={value}" for key, value in self.content.items() if key not in _ENVELOPE)
        return f"leaf {self.n}: {self.content['ev']} {' '.join(shown)}".rstrip()


_ENVELOPE = frozenset(("v", "dev", "n", "boot", "mono_ms", "ts", "tq", "ev", "subs", "salt"))


@dataclass(frozen=True, slots=True)
class Damaged:
    """The file of an epoch is not what it was: its first `sound` leaves are."""

    epoch: int
    how: str
    sound: int

    def __str__(self) -> str:
        return f"journal {self.epoch} is damaged ({self.how}): {self.sound} leaves are as they were"


@dataclass(frozen=True, slots=True)
class Sealed:
    """The signed note of a size is durable."""

    epoch: int
    size: int
    note: bytes

    def __str__(self) -> str:
        return f"checkpoint of {self.size}: {self.note.split(bytes([10]))[2].decode()}"


@dataclass(frozen=True, slots=True)
class Acked:
    """An acknowledgement of upstream is durable on the cabinet."""

    epoch: int
    size: int
    note: bytes = field(repr=False)

    def __str__(self) -> str:
        return f"acknowledged up to {self.size}"


@dataclass(frozen=True, slots=True)
class Thinned:
    """Checkpoints that the cabinet keeps no longer."""

    epoch: int
    sizes: tuple[int, ...] = field(repr=False)

    def __str__(self) -> str:
        return f"{len(self.sizes)} checkpoints go"


@dataclass(frozen=True, slots=True)
class Effect:
    """The daemon sends an effect on its way."""

    effect: effects.Effect

    def __str__(self) -> str:
        return f"effect {self.effect!r}".replace("\n", " / ")


@dataclass(frozen=True, slots=True)
class Broken:
    """A fault begins."""

    what: str
    fault: str

    def __str__(self) -> str:
        return f"fault: {self.what} {self.fault}"


@dataclass(frozen=True, slots=True)
class Mended:
    what: str

    def __str__(self) -> str:
        return f"mended: {self.what}"


@dataclass(frozen=True, slots=True)
class Booted:
    process: str

    def __str__(self) -> str:
        return f"{self.process} starts"


@dataclass(frozen=True, slots=True)
class Died:
    process: str
    how: str

    def __str__(self) -> str:
        return f"{self.process} ends: {self.how}"


@dataclass(frozen=True, slots=True)
class Published:
    """The uplink hands a message to the broker."""

    topic: str
    payload: bytes = field(repr=False)

    def __str__(self) -> str:
        return f"mqtt {self.topic} {len(self.payload)} bytes"


@dataclass(frozen=True, slots=True)
class Held:
    """Upstream holds so many leaves of an origin, and has cosigned that."""

    origin: str
    size: int
    root: bytes

    def __str__(self) -> str:
        return f"upstream holds {self.size} of {self.origin}"


@dataclass(frozen=True, slots=True)
class Aside:
    """Upstream keeps leaves that an epoch has given up, and confirms nothing of them."""

    origin: str
    first: int
    end: int

    def __str__(self) -> str:
        return f"upstream keeps {self.first} to {self.end - 1} of {self.origin} aside"


@dataclass(frozen=True, slots=True)
class Accepted:
    """An operator upstream has accepted an epoch."""

    origin: str

    def __str__(self) -> str:
        return f"{self.origin} is accepted upstream"


@dataclass(frozen=True, slots=True)
class Asked:
    """A technician's request, and its answer or refusal."""

    method: str
    outcome: str

    def __str__(self) -> str:
        return f"technician {self.method}: {self.outcome}"


@dataclass(frozen=True, slots=True)
class Disclosed:
    """Somebody was given what is kept on them: the leaves, as epoch and index, and the one that tells of it."""

    who: str
    label: str
    told: tuple[int, int]
    found: tuple[tuple[int, int], ...]

    def __str__(self) -> str:
        return f"{self.who} was given {len(self.found)} events that concern them"


@dataclass(frozen=True, slots=True)
class WallClock:
    """It jumps (`moved`), or is trusted or not."""

    what: str
    moved: bool = False

    def __str__(self) -> str:
        return f"wall clock: {self.what}"


@dataclass(frozen=True, slots=True)
class Logged:
    """`traceback` of an exception that nobody expected, else empty."""

    text: str
    traceback: str = ""

    def __str__(self) -> str:
        return f"log: {self.text}"


Happening: TypeAlias = (
    Coil
    | Foreign
    | Ready
    | Bolt
    | Fob
    | Door
    | Screen
    | Card
    | Touched
    | Keys
    | Offered
    | FirstPin
    | CodeGiven
    | Looked
    | Act
    | Sentence
    | Leaf
    | Sealed
    | Acked
    | Damaged
    | Thinned
    | Effect
    | Broken
    | Mended
    | Booted
    | Died
    | Published
    | Held
    | Aside
    | Accepted
    | Asked
    | Disclosed
    | WallClock
    | Logged
)
