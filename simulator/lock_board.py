"""An RS-485 lock board: each lock's coil, which the board itself switches off again, and each lock's switch.

A coil that is told to open is on for half a second. Boards of style 8a answer after it; cu16 does not answer at all.
8a and wkly tell by themselves when a switch has changed. Without power the coils fall.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping
from typing import ClassVar

from simulator.body import Spoil
from simulator.contacts import Contacts, FixedContacts, Sensors
from simulator.faults import ActiveFaults, Fault, channels_of
from simulator.lock_wire import VOICES, Heard, Requests
from simulator.modbus_relay_board import Bolts, NoBolts
from simulator.options import Options

LATENCY_S = 0.005
SCAN_S = 0.05
"""From one look of the board at its own switches to the next."""
PULSE_S = 0.5
ITEMS_FROM = 16
"""cu16: the sensors of what is in the slots are its inputs from 17."""


class LockBoard:
    title = "RS-485 lock board that times pulses itself (profiles 8a, cu16, cu48, wkly, winnsen)"
    options: ClassVar = {
        "profile": f"{', '.join(VOICES)}; default 8a",
        "unit": "number of the board, 0 to 32; default 1",
        "locks": "how many locks, 1 to 50; default 16",
        "inputs": "switches, first lock first, 1 is closed (cu16: 17 to 32 are items); default all closed",
    }
    faults = (
        *("noise", "truncate", "bad-checksum", "late", "silent", "duplicate", "wrong-address", "stale", "echo"),
        *("split", "merge", "unplug", "power-cycle", "busy", "stuck-on", "stuck-locked", "sensor-stuck"),
        *("forced-open", "unasked", "wrong-length"),
    )

    def __init__(self, profile: str, unit: int, locks: int, bolts: Bolts, switches: Contacts) -> None:
        """`switches` are its inputs: those of the locks, and of cu16 from 17 those of what is in the slots."""
        self._unit = unit
        self._locks = range(1, locks + 1)
        self._items = range(ITEMS_FROM + 1, ITEMS_FROM + locks + 1) if profile == "cu16" else range(0)
        self._bolts = bolts
        self._voice = VOICES[profile]()
        self._sensors = Sensors(switches, max(*self._locks, *self._items))
        self._requests = Requests(self._voice)
        self._faults = ActiveFaults()
        self._stuck_on: frozenset[int] = frozenset()
        self._coils: dict[int, asyncio.TimerHandle | None] = {}
        """Those that are on, and what will end them."""
        self._answers: set[asyncio.TimerHandle] = set()
        self._scan: asyncio.TimerHandle | None = None
        self._told: dict[int, bool] = {}
        self._send: Callable[[bytes], None] = lambda frame: None

    @classmethod
    def alone(cls, options: Options, rng: random.Random) -> LockBoard:
        profile = options.one_of("profile", "8a", tuple(VOICES))
        locks = options.number("locks", 16, 1, 50 if profile == "8a" else 16)
        inputs = ITEMS_FROM + locks if profile == "cu16" else locks
        levels = [*options.bits("inputs", "1"), *[True] * inputs][:inputs]
        return cls(profile, options.number("unit", 1, 0, 32), locks, NoBolts(), FixedContacts(levels))

    # SerialBody

    @property
    def spoilers(self) -> Mapping[str, Spoil]:
        return {"wrong-address": self._voice.of_another, "bad-checksum": self._voice.spoil_check}

    def connect(self, send: Callable[[bytes], None]) -> None:
        self._send = send

    def receive(self, data: bytes) -> None:
        for heard in self._requests.feed(data, asyncio.get_running_loop().time()):
            if heard.unit == self._unit and not self._refuses(heard):
                self._do(heard)

    def power(self, *, on: bool) -> None:
        for answer in self._answers:
            answer.cancel()
        self._answers.clear()
        for lock in tuple(self._coils):
            self._fall(lock)
        self._requests = Requests(self._voice)
        if self._scan is not None:
            self._scan.cancel()
            self._scan = None
        if on and self._voice.change(0, 1, closed=True) is not None:
            self._told = {lock: self._closed(lock) for lock in self._locks}
            self._scan = asyncio.get_running_loop().call_later(SCAN_S, self._tell_changes)

    def afflict(self, fault: Fault) -> None:
        match fault.name:
            case "stuck-on":
                self._stuck_on |= channels_of(fault, len(self._locks), self._locks)
            case "stuck-locked":
                for lock in channels_of(fault, len(self._locks), self._locks):
                    self._bolts.jam(lock, jammed=True)
            case "forced-open":
                for lock in channels_of(fault, len(self._locks), (1,)):
                    self._bolts.break_bolt(lock, broken=True)
            case "sensor-stuck":
                self._sensors.stick(fault)
            case _:
                self._faults.set(fault)

    def heal(self) -> None:
        self._faults.clear()
        self._stuck_on = frozenset()
        self._sensors.heal()
        for lock in self._locks:
            self._bolts.jam(lock, jammed=False)
            self._bolts.break_bolt(lock, broken=False)
        for lock, ends in tuple(self._coils.items()):
            if ends is None:
                self._fall(lock)

    # Helpers

    def _refuses(self, heard: Heard) -> bool:
        """A busy board says so, if its kind can; a lock that it does not have is not answered."""
        if not self._faults.act("busy"):
            return heard.lock not in self._locks and heard.lock != 0
        if heard.act == "open" and (refusal := self._voice.opened(self._unit, heard.lock, closed=True, done=False)):
            self._say(refusal, LATENCY_S)
        return True

    def _do(self, heard: Heard) -> None:
        match heard.act:
            case "open":
                self._pulse(heard.lock)
                self._later(PULSE_S if self._voice.answers_after_pulse else 0.0, self._confirm, heard.lock)
            case "open-all":
                for lock in self._locks:
                    self._pulse(lock)
            case "keep-on":
                self._pulse(heard.lock, for_good=True)
            case "off":
                self._fall(heard.lock)
            case "look":
                self._say(self._voice.looked(self._unit, heard.lock, closed=self._closed(heard.lock)), LATENCY_S)
            case "all":
                switches, items = ([self._closed(channel) for channel in of] for of in (self._locks, self._items))
                shorter = self._faults.act("wrong-length")
                self._say(self._voice.all(self._unit, switches, items, shorter=shorter), LATENCY_S)

    def _confirm(self, lock: int) -> None:
        self._say(self._voice.opened(self._unit, lock, closed=self._closed(lock), done=True), LATENCY_S)

    def _pulse(self, lock: int, *, for_good: bool = False) -> None:
        """Again while it is on: the whole time again."""
        if ends := self._coils.get(lock):
            ends.cancel()
        ends_later = None if for_good else asyncio.get_running_loop().call_later(PULSE_S, self._end_pulse, lock)
        if lock not in self._coils:
            self._bolts.energise(lock, on=True)
        self._coils[lock] = ends_later

    def _end_pulse(self, lock: int) -> None:
        self._coils[lock] = None
        if lock not in self._stuck_on:
            self._fall(lock)

    def _fall(self, lock: int) -> None:
        if lock in self._coils:
            if ends := self._coils.pop(lock):
                ends.cancel()
            self._bolts.energise(lock, on=False)

    def _say(self, frame: bytes | None, after_s: float) -> None:
        if frame is None:
            return
        if self._faults.act("unasked"):
            change = self._voice.change(self._unit, 1, closed=self._closed(1))
            frame = (change or self._voice.of_another(frame)) + frame

        self._later(after_s, self._send, frame)

    def _later(self, after_s: float, act: Callable[..., None], about: object) -> None:
        """Unless the power goes before."""

        def now() -> None:
            self._answers.discard(timer)
            act(about)

        timer = asyncio.get_running_loop().call_later(after_s, now)
        self._answers.add(timer)

    def _closed(self, channel: int) -> bool:
        return self._sensors.read(channel - 1, 1)[0]

    def _tell_changes(self) -> None:
        for lock in self._locks:
            closed = self._closed(lock)
            if self._told[lock] != closed:
                self._told[lock] = closed
                change = self._voice.change(self._unit, lock, closed=closed)
                if change is not None:
                    self._send(change)
        self._scan = asyncio.get_running_loop().call_later(SCAN_S, self._tell_changes)
