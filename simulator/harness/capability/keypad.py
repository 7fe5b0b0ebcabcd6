"""A keypad: digits stay in the driver until `#` hands them out, and a key may jam."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Literal

from hal.capabilities import Cancelled, DeviceSuspect, Emit, Entered, Keypad, Typed
from hal.secret import Secret
from simulator.faults import Fault
from simulator.harness.capability.fixture import Driver, Fixture

KEY_S = 0.14
"""From one key to the next."""
DIGITS_MAX = 12
ENTRY_S = 20.0
STUCK_S = 20.0
"""So long a key is down before it is given up, and the others count beside it."""
JAMMED: Literal["jammed"] = "jammed"
FREE: Literal["free"] = "free"


class KeypadFixture(Fixture):
    faults = ("unplug", "silent", "stuck-on")

    def __init__(self, device: str, random: Random) -> None:
        super().__init__(device, random)
        self.jammed: str | None = None
        self._given_up: asyncio.TimerHandle | None = None

    async def press(self, keys: str) -> None:
        """Returns when the last key is released."""
        for key in keys:
            self.tell(key)
            await asyncio.sleep(KEY_S)

    def afflict(self, fault: Fault) -> None:
        if fault.name != "stuck-on":
            super().afflict(fault)
        self.tell(fault.place or "5")
        self.jammed = fault.place or "5"
        self._wait()

    def heal(self) -> None:
        self.jammed = None
        self._wait()
        self.tell(FREE)

    def listen(self, driver: Driver[Fixture, object] | None) -> None:
        super().listen(driver)
        self._wait()

    def _wait(self) -> None:
        if self._given_up is not None:
            self._given_up.cancel()
        loop = asyncio.get_running_loop()
        self._given_up = loop.call_later(STUCK_S, self.tell, JAMMED) if self.jammed else None


class WorldKeypad(Driver[KeypadFixture, str], Keypad):
    keys = 12
    _digits = ""
    _forget_at_s = 0.0
    _ignored: str | None = None
    """The key that is known to be jammed; any other that is makes all of them useless."""
    _told = False

    def begin(self, emit: Emit) -> None:
        self._digits, self._told, self._ignored = "", False, self.fixture.jammed

    def take(self, message: str, emit: Emit) -> None:
        if message == JAMMED:
            self._ignored, self._told = self.fixture.jammed, True
            self._forget(emit)
            emit(DeviceSuspect(self.device, "key.stuck", "a key stays down; look for a jammed key or a short"))
        elif message == FREE:
            self._ignored = None
            if self._told:
                self._told = False
                emit(DeviceSuspect(self.device, "key.stuck", None))
        elif message != self.fixture.jammed and self.fixture.jammed == self._ignored:
            self._press(message, emit)
        elif message == self.fixture.jammed and self._ignored is None:
            self._press(message, emit)  # it counts as it goes down

    def _press(self, key: str, emit: Emit) -> None:
        if self.clock.mono_s() > self._forget_at_s:
            self._digits = ""
        self._forget_at_s = self.clock.mono_s() + ENTRY_S
        if key == "#" and self._digits:
            secret, self._digits = Secret(self._digits), ""
            emit(Entered(self.device, secret))
        elif key == "*" and self._digits:
            self._forget(emit)
        elif key == "*":
            emit(Cancelled(self.device))
        elif key.isdigit():
            self._digits = (self._digits + key)[:DIGITS_MAX]
            emit(Typed(self.device, len(self._digits)))

    def _forget(self, emit: Emit) -> None:
        if self._digits:
            self._digits = ""
            emit(Typed(self.device, 0))
