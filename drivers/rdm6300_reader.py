"""RDM6300 125 kHz card reader on a serial port. It only talks, so presence is what it repeats."""

from __future__ import annotations

import asyncio
import logging
from typing import Literal

from drivers.card_rate import CardRate
from drivers.specs.rdm6300_reader import Rdm6300ReaderSpec
from drivers.wire.rdm6300 import DECODERS
from hal.buses import ByteLink
from hal.capabilities import CardPresented, CardReader, CardRemoved, Emit
from hal.clock import Clock

logger = logging.getLogger(__name__)

MOMENT_S = 0.001
"""The shortest wait: the rounding of a time-out must not make it wait for nothing again and again."""
SILENCE_S = 0.1
"""Longer than a frame with all its gaps: after that another one begins."""
CARDS_MAX = 4
"""More than the field can hold; a babbling line cannot grow the memory."""


class Rdm6300Reader(CardReader):
    """The same number again within `removal_ms` is the same presentation; two cards in turn are two.

    A card that stays while the link is replaced stays presented if it is seen again in time."""

    cards: Literal["weak", "strong"] = "weak"

    def __init__(self, spec: Rdm6300ReaderSpec, link: ByteLink, clock: Clock) -> None:
        self.device = spec.id
        self._removal_s = spec.removal_ms / 1000
        self._link = link
        self._clock = clock
        self._decoder = DECODERS[spec.frame]()
        self._bare = spec.frame == "bare"
        self._heard_s = 0.0
        """When something was read last."""
        self._rate = CardRate(spec.id, clock)
        self._seen_s: dict[bytes, float] = {}
        """When each card in the field was last read; the longest unseen first."""

    async def start(self) -> None:
        """Drops what was read before; the reader has no question to answer."""
        self._decoder.reset()
        self._link.discard_input()

    async def watch(self, emit: Emit) -> None:
        while True:
            self._report_removed(emit)
            self._rate.end_if_quiet(emit)
            chunk = await self._read()
            if chunk:
                self._part_frames()
            dropped = self._decoder.dropped
            for card in self._decoder.feed(chunk):
                self._report_seen(card, emit)
            if self._decoder.dropped > dropped:
                logger.debug("%s: %d unusable frames so far", self.device, self._decoder.dropped)

    def _part_frames(self) -> None:
        """Bare digits begin behind a silence; elsewhere it may as well be a slow adapter."""
        now_s = self._clock.mono_s()
        if self._bare and now_s - self._heard_s > SILENCE_S:
            self._decoder.reset()
        self._heard_s = now_s

    async def stop(self) -> None:
        """Nothing to switch off."""

    async def _read(self) -> bytes:
        """What has arrived; nothing when a card has been silent for too long."""
        chunk = await self._read_within(self._wait_s())
        # The waiting also ends when the whole program stood still: then the card was there all along.
        return chunk or await self._read_within(MOMENT_S)

    async def _read_within(self, seconds: float | None) -> bytes:
        try:
            async with asyncio.timeout(seconds) as limit:
                return await self._link.read()
        except TimeoutError:
            if not limit.expired():
                raise
            return b""

    def _wait_s(self) -> float | None:
        oldest_s = next(iter(self._seen_s.values()), None)
        removal_s = None if oldest_s is None else oldest_s + self._removal_s - self._clock.mono_s()
        due_s = [one for one in (removal_s, self._rate.left_s()) if one is not None]
        return max(MOMENT_S, min(due_s)) if due_s else None

    def _report_seen(self, card: bytes, emit: Emit) -> None:
        if card not in self._seen_s:
            if not self._rate.allows(emit):
                return
            emit(CardPresented(self.device, card))
        self._seen_s.pop(card, None)
        self._seen_s[card] = self._clock.mono_s()
        if len(self._seen_s) > CARDS_MAX:
            self._report_gone(next(iter(self._seen_s)), emit)

    def _report_removed(self, emit: Emit) -> None:
        now_s = self._clock.mono_s()
        for card in [card for card, seen_s in self._seen_s.items() if now_s - seen_s >= self._removal_s]:
            self._report_gone(card, emit)

    def _report_gone(self, card: bytes, emit: Emit) -> None:
        del self._seen_s[card]
        emit(CardRemoved(self.device, card))
