"""A cabinet made of nothing but the core: events in by hand, journal and effects kept in lists."""

from __future__ import annotations

from dataclasses import replace

from cabinet.core.effects import CheckPin, Effect, Light, Pulse, Show, Sound
from cabinet.core.events import (
    BoltPulsed,
    CardShown,
    DigitsEntered,
    DoorRead,
    Event,
    FobSeen,
    KeypadCancelled,
    PinChecked,
    SlotRead,
    Started,
    Stopping,
    TimePassed,
)
from cabinet.core.fold import fold
from cabinet.core.leaves import Leaf
from cabinet.core.ledger import Ledger
from cabinet.core.ledger_rows import changed_rows, from_rows
from cabinet.core.state import Setup, SlotSetup, State
from cabinet.core.step import next_wake_s, step
from cabinet.policy.booking import CODE_DIGITS
from cabinet.policy.rights import Curfew, Item, Person, Right, Rights, Schedule
from hal.clock import Now
from hal.secret import Secret

ADA, LIN, EVE = "QURB", "TElO", "RVZF"
ADA_CARD, LIN_CARD, EVE_CARD = b"ada's", b"lin's", b"eve's"
MONDAY_NOON_MS = 1_767_614_400_000 - 1_767_614_400_000 % 86_400_000 + 12 * 3_600_000
PIN = "4711"


def code_digest(digits: str) -> str:
    """Not keyed, as nobody looks for it here."""
    return f"digest of {digits}"


def people(**changes: dict[str, object]) -> dict[str, Person]:
    everyone = {
        ADA: Person(ADA, pin_set=True),
        LIN: Person(LIN, language="zh", pin_set=True, groups=frozenset({"cleaning"})),
        EVE: Person(EVE),
    }
    return {p: replace(person, **changes.get(p, {})) for p, person in everyone.items()}  # type: ignore[arg-type]


def rights(*lines: Right, schedules: tuple[Schedule, ...] = (), who: dict[str, Person] | None = None) -> Rights:
    """Ada, Lin and Eve; items K-0001 to K-0004 in slots 1 to 4; rights as given."""
    items = {f"K-000{n}": Item(f"K-000{n}", slot=n) for n in range(1, 5)}
    by_person: dict[str, tuple[Right, ...]] = {}
    by_group: dict[str, tuple[Right, ...]] = {}
    for line in lines:
        for person in line.persons:
            by_person[person] = (*by_person.get(person, ()), line)
        for group in line.groups:
            by_group[group] = (*by_group.get(group, ()), line)
    return Rights(
        1,
        who or people(),
        {ADA_CARD: ADA, LIN_CARD: LIN, EVE_CARD: EVE},
        {"1001": ADA, "1002": LIN, "1003": EVE},
        items,
        {item.slot: item.id for item in items.values() if item.slot},
        {schedule.id: schedule for schedule in schedules},
        by_person,
        by_group,
    )


CARD, CARD_PIN, NUMBER_PIN = frozenset({"card"}), frozenset({"card", "pin"}), frozenset({"number", "pin"})


def right(
    person: str,
    *items: str,
    factors: tuple[frozenset[str], ...] = (CARD, NUMBER_PIN),
    schedule: str | None = None,
    curfew: Curfew | None = None,
) -> Right:
    return Right(
        f"{person}-{'-'.join(items)}",
        frozenset({person}),
        items=frozenset(items),
        schedule=schedule,
        factors=factors,  # type: ignore[arg-type]
        curfew=curfew or Curfew(),
    )


class Cabinet:
    """Commits at once and keeps what it was told to do; `seated` slots read present from the start."""

    def __init__(self, roster: Rights, *, start: bool = True, setup: Setup | None = None) -> None:
        self.setup = setup or Setup({n: SlotSetup("relays", 0.5) for n in range(1, 5)})
        self.rights = roster
        self.now = Now(1000.0, MONDAY_NOON_MS, "ntp")
        self.journal: list[tuple[int, Leaf]] = []
        self.effects: list[Effect] = []
        self.rows: dict[str, bytes] = {}
        self.state = State(self.setup, Ledger(), 0)
        if start:
            self.boot()

    def boot(self, seated: dict[int, bool | None] | None = None) -> None:
        """Starts from the state table, as after a cut, and reads the sensors."""
        self.state = State(self.setup, from_rows(self.rows), len(self.journal))
        self.send(Started(len(self.journal)))
        for slot, level in (seated or dict.fromkeys(self.setup.slots, True)).items():
            self.send(SlotRead(slot, level))

    def send(self, event: Event) -> list[Effect]:
        before = self.state.ledger
        self.state, leaves, effects = step(self.state, event, self.now, self.rights)
        self.journal += [(self.now.wall_ms, leaf) for leaf in leaves]
        for key, row in changed_rows(before, self.state.ledger).items():
            self.rows.pop(key, None) if row is None else self.rows.update({key: row})
        self.effects += effects
        assert self.state.size == len(self.journal), "every leaf has its index"
        return effects

    def pass_time(self, seconds: float) -> None:
        """Jumps from timer to timer, as the runner does."""
        end_s = self.now.mono_s + seconds
        while (wake_s := next_wake_s(self.state, self.now)) <= end_s - self.now.mono_s:
            self._advance(wake_s)
            self.send(TimePassed())
        self._advance(end_s - self.now.mono_s)

    def _advance(self, seconds: float) -> None:
        # Rounded up like a real timer: never a moment before what was waited for.
        wall_ms = self.now.wall_ms + -int(-seconds * 1000 // 1)
        self.now = replace(self.now, mono_s=self.now.mono_s + seconds, wall_ms=wall_ms)

    # -- people --------------------------------------------------------------------------------------------------

    def badge(self, card: bytes) -> list[Effect]:
        return self.send(CardShown("reader", card))

    def enter(self, digits: str) -> list[Effect]:
        """Types and ends with #; a PIN check is answered on the spot."""
        code = code_digest(digits) if len(digits) == CODE_DIGITS else None
        effects = self.send(DigitsEntered("keypad", Secret(digits), code))
        for check in [effect for effect in effects if isinstance(effect, CheckPin)]:
            effects = effects + self.answer(check)
        return effects

    def answer(self, check: CheckPin) -> list[Effect]:
        correct = check.person in (ADA, LIN) and check.secret.reveal() == PIN
        return self.send(PinChecked(check.visit, check.seq, check.keypad, check.person, check.by_number, correct))

    def cancel(self) -> None:
        self.send(KeypadCancelled("keypad"))

    def lift(self, slot: int) -> list[Effect]:
        return self.send(SlotRead(slot, False))

    def seat(self, slot: int) -> list[Effect]:
        return self.send(SlotRead(slot, True))

    def read_fob(self, slot: int, fob: str | None, state: str = "fob") -> list[Effect]:
        return self.send(FobSeen(slot, state if fob is None else "fob", fob))  # type: ignore[arg-type]

    def pulse_done(self, slot: int, outcome: str = "done") -> None:
        grant = self.state.ledger.grants[slot].n
        self.send(BoltPulsed(slot, grant, outcome))  # type: ignore[arg-type]

    def door(self, closed: bool) -> None:
        self.send(DoorRead(closed))

    def stop(self) -> None:
        self.send(Stopping())

    # -- what can be seen ----------------------------------------------------------------------------------------

    def kinds(self, *, after: str = "item.found_present") -> list[str]:
        """Kinds journaled since the last leaf of kind `after` (the reconciliation of the first start)."""
        kinds = [leaf.ev for _, leaf in self.journal]
        return kinds[len(kinds) - kinds[::-1].index(after) :] if after in kinds else kinds

    def last(self, ev: str) -> Leaf:
        return next(leaf for _, leaf in reversed(self.journal) if leaf.ev == ev)

    def pulses(self) -> list[int]:
        return [effect.slot for effect in self.effects if isinstance(effect, Pulse)]

    def screen(self) -> str:
        return next(effect.text for effect in reversed(self.effects) if isinstance(effect, Show))

    def lamps(self) -> dict[int, str]:
        return {effect.slot: effect.pattern for effect in self.effects if isinstance(effect, Light)}

    def tones(self) -> list[str]:
        return [effect.tone for effect in self.effects if isinstance(effect, Sound)]

    def refolded(self) -> Ledger:
        ledger = Ledger()
        for n, (ts, leaf) in enumerate(self.journal):
            ledger = fold(ledger, n, ts, leaf)
        return ledger
