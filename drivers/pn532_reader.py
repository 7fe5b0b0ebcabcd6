"""NFC reader with a PN532 on a serial port: cards of ISO 14443 A (MIFARE, NTAG, DESFire) by their UID."""

from __future__ import annotations

import asyncio
import logging
from typing import Literal

from drivers.pn532_chip import Pn532Chip
from drivers.specs.pn532_reader import Pn532ReaderSpec
from drivers.wire.pn532_commands import Target
from hal.buses import ByteLink
from hal.capabilities import CardPresented, CardReader, CardRemoved, Emit
from hal.clock import Clock

logger = logging.getLogger(__name__)

LOOK_S = 0.25
"""So often it is looked whether the card is still there; so no box that tries numbers gets in more than 4 a second."""
PAUSE_S = 0.02
"""Between two searches of an empty field."""


class Pn532Reader(CardReader):
    """One card at a time; another one in its place is another presentation, however fast the change.

    A card that stays while the link is replaced stays presented."""

    cards: Literal["weak", "strong"] = "weak"

    def __init__(self, spec: Pn532ReaderSpec, link: ByteLink, clock: Clock) -> None:
        self.device = spec.id
        self._chip = Pn532Chip(spec.id, link)
        self._inside: Target | None = None
        """What is in the field."""
        self._shown: bytes | None = None
        """The card that it was presented as."""

    async def start(self) -> None:
        await self._chip.set_up()

    async def watch(self, emit: Emit) -> None:
        while True:
            target = await self._chip.search()
            if not self._same(target):
                await self._report(target, emit)
            if target is None:
                await asyncio.sleep(PAUSE_S)
                continue
            await asyncio.sleep(LOOK_S)
            # Else a card that was selected before need not answer the next search (ISO 14443-3 6.3).
            await self._chip.field_off()

    async def stop(self) -> None:
        await self._chip.stop()

    def _same(self, target: Target | None) -> bool:
        """A random UID is another one each time; nothing tells whether the card is another one, too."""
        inside = self._inside
        if target is None or inside is None:
            return target is inside
        if target.random_uid and inside.random_uid:
            return (target.sak, target.ats) == (inside.sak, inside.ats)
        return target.uid == inside.uid

    async def _report(self, target: Target | None, emit: Emit) -> None:
        """The old card has left, and the new one is asked who it is."""
        if self._shown is not None:
            emit(CardRemoved(self.device, self._shown))
        self._inside, self._shown = target, None
        if target is None:
            return
        presented = self._identify(target)
        if presented is not None:
            self._shown = presented.card
            emit(presented)

    def _identify(self, target: Target) -> CardPresented | None:
        """None: nothing that says who it is."""
        if target.random_uid:
            logger.info("%s: a card that shows a random number each time; its UID identifies nobody", self.device)
            return None
        return CardPresented(self.device, target.uid)
