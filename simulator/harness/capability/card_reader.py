"""A reader and the card in its field."""

from __future__ import annotations

from typing import Literal

from hal.capabilities import CardPresented, CardReader, Emit
from simulator.harness.capability.fixture import Driver, Fixture


class ReaderFixture(Fixture):
    def present(self, card: bytes) -> None:
        self.tell(card)

    def remove(self) -> None:
        """The next presentation of the same card is a new one."""


class WorldReader(Driver[ReaderFixture, bytes], CardReader):
    cards: Literal["weak", "strong"] = "weak"

    def take(self, message: bytes, emit: Emit) -> None:
        emit(CardPresented(self.device, message))
