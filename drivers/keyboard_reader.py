"""A card reader that types like a USB keyboard, taken away from everybody else on this machine."""

from __future__ import annotations

import asyncio
import logging
from typing import Literal

from drivers.sent_once import SentOnce
from drivers.specs.keyboard_reader import KeyboardReaderSpec
from drivers.wire.keyboard import GAP_NS, Typing, card_of
from hal.buses import Keyboards, KeyEvent
from hal.capabilities import CardReader, DeviceSuspect, Emit
from hal.clock import Clock

logger = logging.getLogger(__name__)

MOMENT_S = 0.001
"""The shortest wait: the rounding of a time-out must not make it wait for nothing again and again."""
LOOK_S = 1.0
"""How often it is looked for other keyboards."""
QUIET_S = 60.0
"""Another keyboard is forgotten when it was out for so long: who plugs one in and out is told of once."""


class KeyboardReader(CardReader):
    """Bound to what it is and where it is plugged in. A number that is not whole is dropped. Any other keyboard is not
    listened to, and told."""

    cards: Literal["weak", "strong"] = "weak"

    def __init__(self, spec: KeyboardReaderSpec, keyboards: Keyboards, clock: Clock) -> None:
        self.device = spec.id
        self._spec = spec
        self._place = spec.place()
        self._keyboards = keyboards
        self._clock = clock
        self._typing = Typing(spec.layout)
        self._cards = SentOnce(spec.id, clock, spec.removal_ms / 1000)
        self._heard_s = 0.0
        """When the last key came."""
        self._look_s = 0.0
        """When it is looked for others next."""
        self._strangers: tuple[str, ...] = ()
        self._strangers_s = 0.0
        """When one was there last."""
        keyboards.expect(self._place)

    async def start(self) -> None:
        """Takes it for this program alone, which proves that it is there."""
        await self._keyboards.take(self._place)
        self._typing.reset()
        self._look_s, self._strangers = 0.0, ()

    async def watch(self, emit: Emit) -> None:
        while True:
            for event in await self._keys():
                self._key(event, emit)
            if self._typing.pending and self._clock.mono_s() - self._heard_s > GAP_NS / 1e9:
                self._typing.forget()
            self._cards.pass_time(emit)
            if self._clock.mono_s() >= self._look_s:
                await self._look(emit)

    async def stop(self) -> None:
        await self._keyboards.give_back(self._place)

    async def _keys(self) -> list[KeyEvent]:
        """What has come; nothing when something else is due."""
        keys = await self._keys_within(self._wait_s())
        # The waiting also ends when the whole program stood still: then they were there all along.
        keys = keys or await self._keys_within(MOMENT_S)
        if keys:
            self._heard_s = self._clock.mono_s()
        return keys

    async def _keys_within(self, seconds: float) -> list[KeyEvent]:
        try:
            async with asyncio.timeout(seconds) as limit:
                return await self._keyboards.next_keys(self._place)
        except TimeoutError:
            if not limit.expired():
                raise
            return []

    def _wait_s(self) -> float:
        now_s = self._clock.mono_s()
        waits = [self._look_s - now_s]
        if self._typing.pending:
            waits.append(self._heard_s + GAP_NS / 1e9 - now_s)
        if (left_s := self._cards.left_s()) is not None:
            waits.append(left_s)
        return max(MOMENT_S, min(waits))

    def _key(self, event: KeyEvent, emit: Emit) -> None:
        text = self._typing.key(event.code, event.value, event.at_ns)
        if text is None:
            return
        card = card_of(text, self._spec.numbers)
        if card is None:
            # Never the text: it may be most of a card's number.
            logger.debug("%s: %d keys are no card's number", self.device, len(text))
        else:
            self._cards.seen(card, emit)

    async def _look(self, emit: Emit) -> None:
        found, now_s = await self._keyboards.strangers(), self._clock.mono_s()
        self._look_s = now_s + LOOK_S
        if found:
            self._strangers_s = now_s
        if found and not set(found) <= set(self._strangers):
            self._strangers = found
            hint = (
                f"a keyboard that belongs to no reader is plugged in: {', '.join(found)}; take it out, it is not heard"
            )
            emit(DeviceSuspect(self.device, "keyboard.foreign", hint))
        elif self._strangers and not found and now_s - self._strangers_s >= QUIET_S:
            self._strangers = ()
            emit(DeviceSuspect(self.device, "keyboard.foreign", None))
