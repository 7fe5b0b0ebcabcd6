"""Stories: text files that say, sentence by sentence, what people do at a cabinet and what then has to be so.

The first line is the title. Each further line is a sentence of the table below; a line that begins with # is a
remark. The same files are played by the demo against the real daemon, and by the deterministic simulation.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from simulator.acts import (
    AcceptEpoch,
    AcceptModule,
    ApplyPolicy,
    Book,
    Break,
    Bring,
    CancelBooking,
    Clock,
    ClockJumps,
    CloseReport,
    ConfirmClock,
    ConfirmCopy,
    Consent,
    Contradict,
    Disclose,
    EnrolFinger,
    Forget,
    GivePin,
    Hand,
    Harm,
    HoldCard,
    HoldStrongCard,
    Kill,
    Look,
    MoveDoor,
    NewEpoch,
    OfferCode,
    PowerFails,
    Prune,
    Release,
    ReplaceFob,
    ReplaceKey,
    Report,
    RevokeFingers,
    RollBack,
    RotateKey,
    Setting,
    Suspend,
    SwitchOn,
    Touch,
    Train,
    TrustClock,
    Type,
    Wait,
    Welcome,
)
from simulator.expectations import BoltIs, HeldUpstream, Journals, Sentence, Shows

SCENARIOS: Final = Path(__file__).with_name("scenarios")
_UNITS_S: Final = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}


class StoryError(ValueError):
    """A line is no sentence; the text names file and line, and what there is."""


@dataclass(frozen=True, slots=True)
class Step:
    line: int
    text: str
    sentence: Sentence


@dataclass(frozen=True, slots=True)
class Story:
    name: str
    title: str
    steps: tuple[Step, ...]

    @property
    def is_about_upstream(self) -> bool:
        return any(_is_about_upstream(step.sentence) for step in self.steps)


def read_story(name: str, folder: Path = SCENARIOS) -> Story:
    """Blocks. Raises StoryError."""
    file = folder / f"{name}.txt"
    try:
        lines = file.read_text("utf-8").splitlines()
    except OSError:
        known = ", ".join(names(folder))
        raise StoryError(f"there is no scenario {name!r}; there are: {known}") from None
    if not lines:
        raise StoryError(f"{file.name}: the file is empty; its first line is the title")
    steps = [
        Step(number, text.strip(), parse(text.strip(), f"{file.name}:{number}"))
        for number, text in enumerate(lines[1:], start=2)
        if text.strip() and not text.lstrip().startswith("#")
    ]
    return Story(name, lines[0].strip(), tuple(steps))


def names(folder: Path = SCENARIOS) -> list[str]:
    return sorted(file.stem for file in folder.glob("*.txt"))


def parse(text: str, place: str) -> Sentence:
    """Raises StoryError."""
    for pattern, make in _SENTENCES:
        if (found := re.fullmatch(pattern, text)) is not None:
            return make(*found.groups())
    raise StoryError(f"{place}: {text!r} is no sentence a story may have; see docs/reference/scenarios.md")


def _is_about_upstream(sentence: Sentence) -> bool:
    match sentence:
        case HeldUpstream() | ConfirmCopy() | AcceptEpoch() | Kill("cabinet-uplink") | Break("broker"):
            return True
    return False


def _journals(kind: str, rest: str, *, no: bool = False) -> Journals:
    pairs = (pair.partition("=") for pair in rest.split())
    return Journals(kind, {key: value for key, _, value in pairs}, no)


_WHO: Final = r"([A-Z][a-z]+)"
_FOR: Final = r"(\d+) (second|minute|hour|day)s?"
_ITEM: Final = r"([A-Z]-\d{4})"
_BETWEEN: Final = r"(\d\d:\d\d) until (\d\d:\d\d)"
_SENTENCES: Final[tuple[tuple[str, Callable[..., Sentence]], ...]] = (
    (r"It is (\d{4}-\d\d-\d\d) (\d\d:\d\d)\.", Clock),
    (r"The configuration says: ([a-z_.]+)=(\S+)", Setting),
    (rf"{_WHO} holds their card to the reader\.", HoldCard),
    (rf"{_WHO} holds card (\d{{10}}) to the reader\.", HoldCard),
    (rf"{_WHO} holds their strong card to the reader\.", lambda who: HoldStrongCard(who, who, "strong")),
    (rf"{_WHO} holds a copy of {_WHO}'s strong card to the reader\.", lambda a, b: HoldStrongCard(a, b, "copied")),
    (rf"{_WHO} holds a forgery of {_WHO}'s strong card to the reader\.", lambda a, b: HoldStrongCard(a, b, "forged")),
    (rf"{_WHO} types their (PIN|number|code)\.", Type),
    (rf"{_WHO} types a (wrong PIN)\.", Type),
    (rf"{_WHO} types ([0-9*#]+)\.?", Type),
    (rf"{_WHO} looks at the camera\.", Look),
    (rf"{_WHO} puts their finger on the reader\.", Touch),
    (rf"{_WHO} puts finger (\d{{1,5}}) on the reader\.", lambda who, finger: Touch(who, int(finger))),
    (rf"The custodian lets {_WHO} enrol a finger\.", EnrolFinger),
    (rf"The custodian cannot let {_WHO} enrol a finger: (.+)", EnrolFinger),
    (rf"The custodian records that {_WHO} agrees to ([a-z-]+)\.", Consent),
    (
        rf"The custodian records that {_WHO} does not agree to ([a-z-]+) any more\.",
        lambda who, purpose: Consent(who, purpose, withdrawn=True),
    ),
    (rf"The custodian revokes the fingers of {_WHO}\.", RevokeFingers),
    (r"The custodian accepts the module behind ([a-z0-9-]+)\.", AcceptModule),
    (rf"{_WHO} lifts slot (\d+)\.", lambda who, slot: Hand(who, "lift", int(slot))),
    (rf"{_WHO} tears slot (\d+) out\.", lambda who, slot: Hand(who, "force", int(slot))),
    (rf"{_WHO} puts the fob back into slot (\d+)\.", lambda who, slot: Hand(who, "seat", int(slot))),
    (rf"{_WHO} puts (F-\d+) into slot (\d+)\.", lambda who, fob, slot: Hand(who, "seat", int(slot), fob)),
    (rf"{_WHO} brings (F-\d+)\.", Bring),
    (r"The custodian puts (F-\d+) on ([A-Z]-\d+)\.", ReplaceFob),
    (rf"{_WHO} forces the door\.", lambda who: MoveDoor(who, True, True)),
    (rf"{_WHO} (opens|closes) the door\.", lambda who, verb: MoveDoor(who, verb == "opens")),
    (rf"{_FOR} pass(?:es)?\.", lambda count, unit: Wait(int(count) * _UNITS_S[unit])),
    (rf"The power fails for {_FOR}\.", lambda count, unit: PowerFails(int(count) * _UNITS_S[unit])),
    (r"(cabinetd|cabinet-uplink) is killed\.", Kill),
    (r"The (disk|broker) fails: ([a-z-]+)\.", Break),
    (r"The (disk|broker) works again\.", lambda what: Break(what, None)),
    (r"The journal is damaged: ([a-z]+)\.", Harm),
    (r"Upstream holds (another|a longer) journal\.", Contradict),
    (r"The technician opens a new journal: (.+)\.", NewEpoch),
    (r"The technician opens a new journal in vain: (.+)\.", lambda reason: NewEpoch(reason, in_vain=True)),
    (r"The device ([a-z0-9-]+) fails: ([a-z0-9=-]+)\.", Break),
    (r"The device ([a-z0-9-]+) works again\.", lambda what: Break(what, None)),
    (
        rf"The clock jumps (ahead|back) by {_FOR}\.",
        lambda way, count, unit: ClockJumps(int(count) * _UNITS_S[unit] * (1 if way == "ahead" else -1)),
    ),
    (r"Nobody vouches for the clock\.", lambda: TrustClock("none")),
    (r"Only the board's clock vouches for the time\.", lambda: TrustClock("rtc")),
    (r"The custodian confirms the clock: (.+)\.", ConfirmClock),
    (r"The time service vouches for the clock\.", lambda: TrustClock("ntp")),
    (r"The technician releases slot (\d+): (.+)\.", lambda slot, reason: Release(int(slot), reason)),
    (rf"The custodian suspends {_WHO}\.", lambda who: Suspend(who, True)),
    (rf"The custodian lets {_WHO} in again\.", lambda who: Suspend(who, False)),
    (rf"The custodian gives {_WHO} what is kept on them\.", Disclose),
    (rf"The custodian erases {_WHO}\.", Forget),
    (rf"The custodian puts {_WHO} into the roster again\.", Welcome),
    (rf"The custodian records ([a-z-]+) of {_WHO} until (\d{{4}}-\d\d-\d\d)\.", Train),
    (rf"The custodian takes ([a-z-]+) away from {_WHO}\.", Train),
    (
        rf"The custodian books {_ITEM} for {_WHO} from {_BETWEEN}( with a code)?( whatever is booked)?\.",
        lambda item, who, start, until, code, over: Book(item, who, start, until, code is not None, over is not None),
    ),
    (
        rf"The custodian cannot book {_ITEM} for {_WHO} from {_BETWEEN}: (.+)",
        lambda item, who, start, until, why: Book(item, who, start, until, refused=why),
    ),
    (rf"The custodian gives {_WHO} the first PIN (\d+)\.", GivePin),
    (rf"The custodian gives {_WHO} a code to enrol\.", OfferCode),
    (rf"The custodian cancels the booking of {_ITEM}\.", CancelBooking),
    (r"The technician records an? (complaint|incident) about ([A-Z]-\d+): (.+)\.", Report),
    (r"The technician closes it: (.+)\.", CloseReport),
    (r"The technician applies the roster files with the label ([a-z]+)\.", ApplyPolicy),
    (r"The signing key is lost, and the technician replaces it\.", ReplaceKey),
    (r"The technician rotates the signing key: (.+)\.", RotateKey),
    (r"The technician rotates the signing key in vain: (.+)\.", lambda reason: RotateKey(reason, in_vain=True)),
    (r"The technician prunes the journal: (.+)\.", Prune),
    (r"The technician takes the last version of the policy back\.", RollBack),
    (r"Somebody switches the relay of slot (\d+) on\.", lambda slot: SwitchOn(int(slot))),
    (r"The display says: (.+)", Shows),
    (r"The display does not say: (.+)", lambda text: Shows(text, True)),
    (r"Slot (\d+) unlocks\.", lambda slot: BoltIs(int(slot), False)),
    (r"Slot (\d+) is locked\.", lambda slot: BoltIs(int(slot), True)),
    (r"The journal says: ([a-z_.]+)((?: \S+=\S+)*)", _journals),
    (r"The journal does not say: ([a-z_.]+)((?: \S+=\S+)*)", lambda kind, rest: _journals(kind, rest, no=True)),
    (r"Upstream holds everything\.", HeldUpstream),
    (r"Upstream confirms a copy of the cabinet\.", ConfirmCopy),
    (r"An operator upstream accepts the epoch\.", AcceptEpoch),
)
"""Every sentence there is."""
