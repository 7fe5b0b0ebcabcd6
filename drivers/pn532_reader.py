"""NFC reader with a PN532 on a serial port: cards of ISO 14443 A (MIFARE, NTAG, DESFire) by their UID, and by the proof
of a key where it is configured."""

from __future__ import annotations

import asyncio
import logging
from typing import Literal

from drivers.card_proof import CardProof
from drivers.pn532_chip import CardFailed, Pn532Chip
from drivers.specs.pn532_reader import Pn532ReaderSpec
from drivers.wire.desfire import Session
from drivers.wire.pn532_commands import Target
from hal.buses import ByteLink
from hal.capabilities import (
    CardFound,
    CardIssuer,
    CardPresented,
    CardReader,
    CardRemoved,
    DeviceSuspect,
    Emit,
    Proof,
)
from hal.clock import Clock
from hal.errors import DeviceRefused, DeviceTimeout

logger = logging.getLogger(__name__)

LOOK_S = 0.25
"""So often it is looked whether the card is still there; so no box that tries numbers gets in more than 4 a second."""
PAUSE_S = 0.02
"""Between two searches of an empty field."""
TRIES_MAX = 3
"""So often a card may fall silent amid its proof before that is told: somebody who is in a hurry tries again."""
FAILURES_MAX = 3
"""So many failed proofs in a row, and it may well be the reader's key."""


class Pn532Reader(CardReader, CardIssuer):
    """One card at a time; another one in its place is another presentation, however fast the change.

    A card that stays while the link is replaced stays presented. One that is taken away amid its proof has shown
    nothing, and is not told."""

    cards: Literal["weak", "strong"] = "weak"

    def __init__(self, spec: Pn532ReaderSpec, link: ByteLink, clock: Clock) -> None:
        self.device = spec.id
        self._clock = clock
        self._chip = Pn532Chip(spec.id, link)
        self._proof = None if spec.strong is None else CardProof(spec.id, spec.strong)
        if spec.strong is not None:
            self.cards = "strong"
        self._asking = asyncio.Lock()
        """The chip has one caller at a time."""
        self._inside: Target | None = None
        """What is in the field."""
        self._shown: bytes | None = None
        """The card that it was presented as."""
        self._silent = 0
        """How often in a row a card has fallen silent amid its proof."""
        self._failed = 0
        """How many proofs in a row have failed."""

    async def start(self) -> None:
        self._silent = self._failed = 0
        if self._proof is not None:
            self._proof.load()
        await self._chip.set_up()

    async def watch(self, emit: Emit) -> None:
        while True:
            async with self._asking:
                target = await self._chip.search()
                if not self._same(target):
                    await self._report(target, emit)
            if target is None:
                await asyncio.sleep(PAUSE_S)
                continue
            await asyncio.sleep(LOOK_S)
            async with self._asking:
                # Else a card that was selected before need not answer the next search (ISO 14443-3 6.3).
                await self._chip.field_off()

    async def stop(self) -> None:
        await self._chip.stop()

    async def look(self, within_s: float) -> CardFound | None:
        proof, until_s = self._issuing(), self._clock.mono_s() + within_s
        async with self._asking:
            target = await self._anew()
            while target is None and self._clock.mono_s() < until_s:
                target = await self._chip.search()
            if target is None:
                return None
            self._inside, self._shown = target, None
            if target.random_uid or not target.speaks_apdu:
                return CardFound(target.uid, "foreign", "it cannot hold a key")
            found = await proof.look(target.uid, self._chip.exchange)
            return CardFound(target.uid, found.state, found.hint)

    async def personalise(self, card: bytes) -> None:
        proof = self._issuing()
        async with self._asking:
            target = await self._anew()
            if target is None:
                raise DeviceTimeout(self.device, "no card lies on it; leave it there until it is done")
            self._inside, self._shown = target, None
            if target.uid != card:
                raise DeviceRefused(self.device, "another card lies on it; nothing was written to that one")
            refusal = await proof.personalise(card, self._chip.exchange)
            if refusal is not None:
                raise DeviceRefused(self.device, refusal.hint)

    async def _anew(self) -> Target | None:
        """What lies there, whatever was said to it before."""
        await self._chip.field_off()
        return await self._chip.search()

    def _issuing(self) -> CardProof:
        if self._proof is None:
            raise DeviceRefused(self.device, "its table says nothing of strong cards; see the key `strong`")
        return self._proof

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
        self._inside, self._shown = None, None
        if target is not None:
            await self._identify(target, emit)

    async def _identify(self, target: Target, emit: Emit) -> None:
        """A random UID says nothing of who it is."""
        if target.random_uid:
            logger.info("%s: a card that shows a random number each time; its UID identifies nobody", self.device)
            self._inside = target
            return
        try:
            proof = await self._proved(target, emit)
        except CardFailed as error:
            logger.info("%s", error)
            self._silent += 1
            if self._silent < TRIES_MAX:
                return  # whether it is still there, the next search says
            proof = self._unproved("it falls silent when it is asked for its key", emit)
        self._silent = 0
        self._inside, self._shown = target, target.uid
        emit(CardPresented(self.device, target.uid, proof))

    async def _proved(self, target: Target, emit: Emit) -> Proof:
        """weak: it cannot be asked, and shows its number as any card does."""
        if self._proof is None or not target.speaks_apdu:
            return "weak"
        found = await self._proof.ask(target.uid, self._chip.exchange)
        if isinstance(found, Session):
            if self._failed >= FAILURES_MAX:
                emit(DeviceSuspect(self.device, "proofs.failing", None))
            self._failed = 0
            return "strong"
        if found.cause == "unfit":
            logger.debug("%s: a card that cannot be asked: %s", self.device, found.hint)
            return "weak"
        return self._unproved(found.hint, emit)

    def _unproved(self, why: str, emit: Emit) -> Proof:
        """No number of a card stands in a log; and nobody fills it with a forged one."""
        level = logging.WARNING if self._failed < FAILURES_MAX else logging.DEBUG
        logger.log(level, "%s: a card could not prove its key: %s", self.device, why)
        self._failed += 1
        if self._failed == FAILURES_MAX:
            hint = f"{FAILURES_MAX} cards in a row could not prove their key; is key_file that of this site?"
            emit(DeviceSuspect(self.device, "proofs.failing", hint))
        return "failed"
