"""The world a cabinet stands in: fobs, bolts, the door, mains, and what a person sees and hears.

Pure state: every method acts at once or raises `NotPossible` and changes nothing. The only time in it is the
bolts' own: as in common key cabinets a pulse *unlatches* the bolt, and a spring latches it again when the fob
is lifted or seated, or by itself `relatch_s` after the coil has fallen. So a short pulse leaves a person time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, Protocol

RELATCH_S = 10.0
DOOR = 0
"""The bolt of the cabinet's door, in a world whose door has one: a place where nothing hangs."""

What = Literal["door", "mains", "fob", "bolt", "coil", "lamp", "display", "buzzer", "finger"]


class NotPossible(ValueError):
    """What a person tried does not work in this world; the text is the reason."""


@dataclass(frozen=True, slots=True)
class Change:
    """Something is different now; ask the world for the new state. `slot` is None for the whole cabinet."""

    what: What
    slot: int | None = None


class Timer(Protocol):
    def cancel(self) -> object: ...


class Later(Protocol):
    """Calls back after so many seconds: `call_later` of an event loop, real or virtual."""

    def __call__(self, delay: float, callback: Callable[[], object], /) -> Timer: ...


@dataclass(slots=True)
class _Slot:
    number: int
    energised: bool = False
    unlatched: bool = False
    jammed: bool = False
    broken: bool = False
    lit: bool = False
    relatch: Timer | None = None

    @property
    def locked(self) -> bool:
        pulled = self.energised and not self.jammed
        return not (pulled or self.unlatched or self.broken)


Place = int | Literal["hand", "lost"]


class World:
    """One cabinet. Slots are numbers, fobs are names; a fob is in one slot, in a hand, or lost. Each slot begins with
    its fob, F-1 in slot 1 and so on."""

    def __init__(self, slots: Iterable[int], later: Later, relatch_s: float = RELATCH_S) -> None:
        self.door_open = False
        self.mains = True
        self.display = ""
        self.sounding = False
        self._slots = {number: _Slot(number) for number in sorted(slots)}
        self._fingers: dict[str, int] = {}
        self._places: dict[str, Place] = {f"F-{number}": number for number in self._slots if number != DOOR}
        self._last_lifted: dict[int, str] = {}
        self._later = later
        self._relatch_s = relatch_s
        self._observers: list[Callable[[Change], None]] = []

    def observe(self, observer: Callable[[Change], None]) -> None:
        """Tells `observer` of each change, after it has happened."""
        self._observers.append(observer)

    # What hands do

    def lift(self, slot: int) -> None:
        """Takes the fob out of `slot`, opening the door first. Not possible while the bolt holds it."""
        fob = self._seated_fob(slot)
        if self._slots[slot].locked:
            raise NotPossible("held by bolt")
        self._take(slot, fob)

    def force(self, slot: int) -> None:
        """Tears the fob out against the bolt."""
        self._take(slot, self._seated_fob(slot))

    def seat(self, slot: int, fob: str | None = None) -> None:
        """Puts `fob` (None: the one last lifted from there) into `slot`; the bolt snaps in, no coil needed."""
        self._slot(slot)
        if taken_by := self.fob_in(slot):
            raise NotPossible(f"slot {slot} is taken by {taken_by}")
        if fob is None:
            fob = self._last_lifted.get(slot)
            if fob is None or self._places[fob] != "hand":
                raise NotPossible(f"nothing in hand from slot {slot}")
        elif self.place(fob) != "hand":
            raise NotPossible(f"{fob} is not in a hand")
        self.open_door()
        self._move(fob, slot, slot)

    def lose(self, fob: str) -> None:
        """A fob in a hand goes out of sight."""
        if self.place(fob) != "hand":
            raise NotPossible(f"{fob} is not in a hand")
        self._places[fob] = "lost"

    def open_door(self) -> None:
        """No effect when it is open. Not possible while its bolt holds it, if it has one."""
        if not self.door_open and DOOR in self._slots and self._slots[DOOR].locked:
            raise NotPossible("the door is locked")
        self._swing(is_open=True)

    def force_door(self) -> None:
        """Open, against its bolt."""
        self._swing(is_open=True)

    def close_door(self) -> None:
        """No effect when it is closed."""
        self._swing(is_open=False)

    def put_finger(self, finger: int, reader: str) -> None:
        """Whose finger it is, is its number: the same one has the same, on any reader, and nobody else's has it."""
        if reader in self._fingers:
            raise NotPossible(f"finger {self._fingers[reader]} is on {reader}")
        self._fingers[reader] = finger
        self._tell("finger")

    def lift_finger(self, reader: str) -> None:
        """No effect when there is none."""
        if self._fingers.pop(reader, None) is not None:
            self._tell("finger")

    def set_mains(self, *, on: bool) -> None:
        if self.mains != on:
            self.mains = on
            self._tell("mains")

    # What the devices do to it

    def bring(self, fob: str) -> None:
        """A fob of nowhere comes into a hand."""
        if fob in self._places:
            raise NotPossible(f"{fob} is there already")
        self._places[fob] = "hand"

    def energise(self, slot: int, *, on: bool) -> None:
        """Current through the coil of a bolt, or none any more. The bolt follows at once."""
        bolt = self._slot(slot)
        if bolt.energised == on:
            return
        locked = bolt.locked
        bolt.energised = on
        if on and not bolt.jammed:
            self._unlatch(bolt)
        elif bolt.unlatched:
            bolt.relatch = self._later(self._relatch_s, lambda: self._latch(bolt))
        self._tell("coil", slot)
        self._tell_bolt(bolt, locked)

    def jam(self, slot: int, *, jammed: bool) -> None:
        """A jammed bolt holds although its coil is energised."""
        bolt = self._slot(slot)
        locked, bolt.jammed = bolt.locked, jammed
        self._tell_bolt(bolt, locked)

    def break_bolt(self, slot: int, *, broken: bool) -> None:
        """A broken bolt holds nothing."""
        bolt = self._slot(slot)
        locked, bolt.broken = bolt.locked, broken
        self._tell_bolt(bolt, locked)

    def light(self, slot: int, *, lit: bool) -> None:
        """The lamp beside a slot."""
        if self._slot(slot).lit != lit:
            self._slots[slot].lit = lit
            self._tell("lamp", slot)

    def show_text(self, text: str) -> None:
        """What stands on the display, lines parted by a line feed."""
        if self.display != text:
            self.display = text
            self._tell("display")

    def sound(self, *, on: bool) -> None:
        if self.sounding != on:
            self.sounding = on
            self._tell("buzzer")

    # What there is to see

    def seated(self, slot: int) -> bool:
        """Whether the sensor of `slot` sees a fob."""
        return self.fob_in(slot) is not None

    def energised(self, slot: int) -> bool:
        """Whether current flows through the coil of its bolt."""
        return self._slot(slot).energised

    def finger_on(self, reader: str) -> int | None:
        """Which finger is on a reader."""
        return self._fingers.get(reader)

    def locked(self, slot: int) -> bool:
        """Whether the bolt holds what is seated."""
        return self._slot(slot).locked

    def fob_in(self, slot: int) -> str | None:
        return next((fob for fob, place in self._places.items() if place == slot), None)

    def place(self, fob: str) -> Place:
        if fob not in self._places:
            raise NotPossible(f"{fob}: no such fob")
        return self._places[fob]

    @property
    def slots(self) -> list[int]:
        return list(self._slots)

    @property
    def hands(self) -> list[str]:
        """The fobs in somebody's hand."""
        return sorted(fob for fob, place in self._places.items() if place == "hand")

    def show(self) -> dict[str, object]:
        """All a person could see, as one JSON object."""
        return {
            "door": "open" if self.door_open else "closed",
            "mains": "on" if self.mains else "off",
            "slots": [self._show_slot(slot) for slot in self._slots.values()],
            "hands": self.hands,
            "display": self.display,
            "buzzer": "on" if self.sounding else "off",
        }

    def _show_slot(self, slot: _Slot) -> dict[str, object]:
        return {
            "slot": slot.number,
            "fob": self.fob_in(slot.number),
            "bolt": "locked" if slot.locked else "unlocked",
            "coil": "on" if slot.energised else "off",
            "lamp": "on" if slot.lit else "off",
        }

    # Helpers

    def _slot(self, number: int) -> _Slot:
        if number not in self._slots:
            raise NotPossible(f"slot {number}: no such slot")
        return self._slots[number]

    def _seated_fob(self, slot: int) -> str:
        self._slot(slot)
        fob = self.fob_in(slot)
        if fob is None:
            raise NotPossible(f"slot {slot} is empty")
        return fob

    def _take(self, slot: int, fob: str) -> None:
        self.open_door()
        self._last_lifted[slot] = fob
        self._move(fob, "hand", slot)

    def _move(self, fob: str, place: Place, slot: int) -> None:
        self._places[fob] = place
        self._tell("fob", slot)
        self._latch(self._slots[slot])

    def _swing(self, *, is_open: bool) -> None:
        if self.door_open != is_open:
            self.door_open = is_open
            self._tell("door")

    def _unlatch(self, bolt: _Slot) -> None:
        self._stop_timer(bolt)
        bolt.unlatched = True

    def _latch(self, bolt: _Slot) -> None:
        self._stop_timer(bolt)
        locked, bolt.unlatched = bolt.locked, False
        self._tell_bolt(bolt, locked)

    @staticmethod
    def _stop_timer(bolt: _Slot) -> None:
        if bolt.relatch is not None:
            bolt.relatch.cancel()
            bolt.relatch = None

    def _tell_bolt(self, bolt: _Slot, locked_before: bool) -> None:
        if bolt.locked != locked_before:
            self._tell("bolt", bolt.number)

    def _tell(self, what: What, slot: int | None = None) -> None:
        for observer in self._observers:
            observer(Change(what, slot))
