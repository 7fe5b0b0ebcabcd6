"""A reader and the card in its field; one that types sees which other keyboards are plugged in."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Literal

from hal.capabilities import CardPresented, CardReader, DeviceSuspect, Emit, Proof
from simulator.faults import Fault
from simulator.harness.capability.fixture import Driver, Fixture

FORGOTTEN_S = 60.0
"""So long a keyboard that was pulled out is still told of."""
PLUGGED: Literal["plugged"] = "plugged"
PULLED: Literal["pulled"] = "pulled"


class ReaderFixture(Fixture):
    def present(self, card: bytes, proof: Proof = "weak") -> None:
        self.tell((card, proof))

    def remove(self) -> None:
        """The next presentation of the same card is a new one."""


class WorldReader(Driver[ReaderFixture, tuple[bytes, Proof]], CardReader):
    cards: Literal["weak", "strong"] = "strong"

    def take(self, message: tuple[bytes, Proof], emit: Emit) -> None:
        emit(CardPresented(self.device, *message))


class TypingFixture(ReaderFixture):
    faults = ("unplug", "silent", "foreign-keyboard")

    def __init__(self, device: str, random: Random) -> None:
        super().__init__(device, random)
        self.stranger = False
        self._forgets: asyncio.TimerHandle | None = None

    def afflict(self, fault: Fault) -> None:
        if fault.name != "foreign-keyboard":
            super().afflict(fault)
        self._stop()
        self.stranger = True
        self.tell(PLUGGED)

    def heal(self) -> None:
        self._stop()
        if self.stranger:
            self._forgets = asyncio.get_running_loop().call_later(FORGOTTEN_S, self.tell, PULLED)
        self.stranger = False

    def _stop(self) -> None:
        if self._forgets is not None:
            self._forgets.cancel()


class WorldTyping(Driver[TypingFixture, tuple[bytes, Proof] | str], CardReader):
    cards: Literal["weak", "strong"] = "weak"
    _told = False

    def begin(self, emit: Emit) -> None:
        self._told = False
        if self.fixture.stranger:
            self.take(PLUGGED, emit)

    def take(self, message: tuple[bytes, Proof] | str, emit: Emit) -> None:
        if isinstance(message, tuple):
            emit(CardPresented(self.device, message[0]))
        elif message == PLUGGED and not self._told:
            self._told = True
            emit(DeviceSuspect(self.device, "keyboard.foreign", "a keyboard is plugged in; take it out"))
        elif message == PULLED and self._told:
            self._told = False
            emit(DeviceSuspect(self.device, "keyboard.foreign", None))
