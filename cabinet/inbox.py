"""Events that wait for the loop. Bounded: what people ask is dropped first, what the world did is folded."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import replace

from cabinet.core.events import (
    FACTS,
    BoltPulsed,
    DeviceLost,
    DeviceRestored,
    DeviceSuspected,
    DigitsTyped,
    DoorRead,
    Event,
    FobSeen,
    ModuleFound,
    SlotRead,
    UpstreamLink,
)

_WAITING_MAX = 256
_FOLD_FROM = 64


class Inbox:
    """Filled from callbacks on the loop, emptied by the runner."""

    def __init__(self, now_s: Callable[[], float]) -> None:
        self._now_s = now_s
        self._events: deque[Event] = deque()
        self._since: deque[float] = deque()
        """When each of them came; of one that replaced others, when the first of those did."""
        self._filled = asyncio.Event()
        self.dropped = 0

    def post(self, event: Event) -> bool:
        """Never blocks. False: the event was dropped (a person's request while the queue is full)."""
        if len(self._events) >= _FOLD_FROM and self._fold(event):
            return True
        if len(self._events) >= _WAITING_MAX and not isinstance(event, FACTS):
            self.dropped += 1
            return False
        self._events.append(event)
        self._since.append(self._now_s())
        self._filled.set()
        return True

    def put_back(self, events: list[Event]) -> None:
        """Puts events at the front, in their order."""
        self._events.extendleft(reversed(events))
        self._since.extendleft([self._now_s()] * len(events))

    def drain(self) -> list[Event]:
        """All that waits, oldest first; nothing waits afterwards."""
        events = list(self._events)
        self._events.clear()
        self._since.clear()
        return events

    @property
    def waiting(self) -> int:
        return len(self._events)

    @property
    def since_s(self) -> float:
        """When the oldest that waits came; now, where nothing does."""
        return self._since[0] if self._since else self._now_s()

    def pop(self) -> Event | None:
        if not self._events:
            return None
        self._since.popleft()
        return self._events.popleft()

    async def wait(self, timeout_s: float) -> bool:
        """True when something waits; False after `timeout_s`."""
        if self._events:
            return True
        self._filled.clear()
        try:
            async with asyncio.timeout(timeout_s):
                await self._filled.wait()
        except TimeoutError:
            return False
        return True

    def _fold(self, event: Event) -> bool:
        """Merges an event into the waiting one of the same source, which says the latest; slot edges are counted."""
        source = _source(event)
        for index in range(len(self._events) - 1, -1, -1) if source else ():
            waiting = self._events[index]
            if _source(waiting) != source:
                continue
            if isinstance(event, SlotRead) and isinstance(waiting, SlotRead):
                event = replace(event, folded=waiting.folded + 1 + event.folded)
            self._events[index] = event
            return True
        return False


def _source(event: Event) -> tuple[str, str | int] | None:
    """What two facts must share for the later to replace the earlier; None: never replaced."""
    match event:
        case SlotRead():
            return "slot", event.slot
        case DigitsTyped():  # what a flood of keys shows is not worth the place of a card
            return "typed", event.keypad
        case FobSeen():
            return "fob", event.slot
        case BoltPulsed():
            return "bolt", event.slot
        case ModuleFound():
            return "module", event.reader
        case DoorRead():
            return "door", 0
        case DeviceLost() | DeviceRestored():
            return "device", event.device
        case DeviceSuspected():
            return event.cause, event.device
        case UpstreamLink():
            return "upstream", 0
    return None
