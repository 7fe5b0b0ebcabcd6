"""A keypad: digits stay in the driver until `#` hands them out."""

from __future__ import annotations

import asyncio

from hal.capabilities import Cancelled, Emit, Entered, Keypad, Typed
from hal.secret import Secret
from simulator.harness.capability.fixture import Driver, Fixture

KEY_S = 0.14
"""From one key to the next."""
DIGITS_MAX = 12
ENTRY_S = 20.0


class KeypadFixture(Fixture):
    async def press(self, keys: str) -> None:
        """Returns when the last key is released."""
        for key in keys:
            self.tell(key)
            await asyncio.sleep(KEY_S)


class WorldKeypad(Driver[KeypadFixture, str], Keypad):
    keys = 12
    _digits = ""
    _forget_at_s = 0.0

    def take(self, message: str, emit: Emit) -> None:
        if self.clock.mono_s() > self._forget_at_s:
            self._digits = ""
        self._forget_at_s = self.clock.mono_s() + ENTRY_S
        if message == "#" and self._digits:
            secret, self._digits = Secret(self._digits), ""
            emit(Entered(self.device, secret))
        elif message == "*" and self._digits:
            self._digits = ""
            emit(Typed(self.device, 0))
        elif message == "*":
            emit(Cancelled(self.device))
        elif message.isdigit():
            self._digits = (self._digits + message)[:DIGITS_MAX]
            emit(Typed(self.device, len(self._digits)))
