"""Contacts that bounce: which level to believe, and when one is too restless to believe any. No I/O here."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from hal.capabilities import DeviceSuspect, InputRead, Reading

UNSTABLE_S = 1.0
"""A contact that has not rested for so long tells nothing any more: a fob half seated, a loose wire."""


@dataclass(slots=True)
class _Contact:
    closed: bool
    since_s: float
    """Since when it stands so."""
    told: bool | None = None
    restless_s: float | None = None
    """Since when it has not rested; None: it rests."""
    unstable: bool = False


class Contacts:
    """Of one device. A level counts once it has stood for `hold_s`; what stood so long is told even if it is over by
    the time that anybody looks."""

    def __init__(self, device: str, hold_s: float) -> None:
        self._device = device
        self._hold_s = hold_s
        self._contacts: dict[int, _Contact] = {}
        self._news: list[Reading] = []
        self._unstable: frozenset[int] = frozenset()

    def begin(self, levels: Mapping[int, bool]) -> None:
        """All will be told anew; they are taken to stand so since long ago."""
        self._contacts = {channel: _Contact(closed, -math.inf) for channel, closed in levels.items()}
        self._news.clear()
        self._unstable = frozenset()

    def moved(self, channel: int, closed: bool, at_s: float) -> None:
        """It stands so since `at_s`; until then it stood as it did."""
        self._settle(channel, self._contacts[channel], at_s)
        self.found(channel, closed, at_s)

    def found(self, channel: int, closed: bool, at_s: float) -> None:
        """It stands so at `at_s`; since the last look it has moved, nobody knows when."""
        contact = self._contacts[channel]
        contact.closed, contact.since_s = closed, at_s
        if contact.restless_s is None:
            contact.restless_s = at_s

    def stands(self, channel: int) -> bool:
        return self._contacts[channel].closed

    def news(self, now_s: float) -> Iterable[Reading]:
        """What is to be told."""
        for channel, contact in self._contacts.items():
            self._settle(channel, contact, now_s)
            if contact.restless_s is not None and now_s - contact.restless_s >= UNSTABLE_S and not contact.unstable:
                contact.unstable, contact.told = True, None
                self._news.append(InputRead(self._device, channel, None))
        self._tell_unstable()
        news, self._news = self._news, []
        return news

    def due_s(self) -> float:
        """When to look again though nothing moves."""
        restless = [one for one in self._contacts.values() if one.restless_s is not None]
        return min((one.since_s + self._hold_s for one in restless), default=math.inf)

    def _settle(self, channel: int, contact: _Contact, now_s: float) -> None:
        if now_s - contact.since_s < self._hold_s:
            return
        contact.restless_s, contact.unstable = None, False
        if contact.told != contact.closed:
            contact.told = contact.closed
            self._news.append(InputRead(self._device, channel, contact.closed))

    def _tell_unstable(self) -> None:
        unstable = frozenset(channel for channel, contact in self._contacts.items() if contact.unstable)
        if unstable == self._unstable:
            return
        self._unstable = unstable
        which = ", ".join(map(str, sorted(unstable)))
        hint = f"input {which}: the contact does not rest; is its fob half seated, or a wire loose?" if which else None
        self._news.append(DeviceSuspect(self._device, "contact.unstable", hint))
