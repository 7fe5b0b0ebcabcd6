"""A reader and the card in its field."""

from __future__ import annotations

from typing import Literal

from hal.capabilities import CardPresented, CardReader, Emit, Proof
from simulator.harness.capability.fixture import Driver, Fixture


class ReaderFixture(Fixture):
    def present(self, card: bytes, proof: Proof = "weak") -> None:
        self.tell((card, proof))

    def remove(self) -> None:
        """The next presentation of the same card is a new one."""


class WorldReader(Driver[ReaderFixture, tuple[bytes, Proof]], CardReader):
    cards: Literal["weak", "strong"] = "strong"

    def take(self, message: tuple[bytes, Proof], emit: Emit) -> None:
        emit(CardPresented(self.device, *message))
