"""Simulated keyboards, taken by a program directly: the hub without its socket."""

from __future__ import annotations

from hal.buses import KeyboardPlace, KeyEvent
from hal.errors import DeviceAway, DeviceRefused, DeviceTimeout, LinkLost
from hal.keyboards import KeyInbox, Plugged, not_there, strangers
from simulator.harness.process import outside
from simulator.keyboard_hub import HubRefused, KeyboardHub, Taker


class MemoryHub:
    """The hub and its plug; one program at a time has it open."""

    def __init__(self, name: str, hub: KeyboardHub) -> None:
        self.name = name
        self.hub = hub
        self.plugged = True
        self._keyboards: MemoryKeyboards | None = None

    def unplug(self) -> None:
        self.plugged = False
        self.abandon("unplugged")

    def replug(self) -> None:
        self.plugged = True

    def opened(self, keyboards: MemoryKeyboards) -> None:
        self.abandon("another program opened it")
        self._keyboards = keyboards

    def abandon(self, why: str = "its program is dead") -> None:
        """The kernel takes the keyboards back."""
        keyboards, self._keyboards = self._keyboards, None
        if keyboards is not None:
            keyboards.hang_up(why)


class MemoryKeyboards:
    """A hal Keyboards."""

    def __init__(self, hub: MemoryHub) -> None:
        self.name = hub.name
        self._hub = hub
        self._expected: set[KeyboardPlace] = set()
        self._taken: dict[KeyboardPlace, KeyInbox] = {}
        self._taker = Taker(self._key, self._pulled)
        self._open = False

    async def open(self) -> None:
        if not self._hub.plugged:
            raise LinkLost(self.name, "no such keyboards")
        self._hub.opened(self)
        self._open = True

    async def close(self) -> None:
        if self._open:
            self._hub.abandon("closed")

    def expect(self, place: KeyboardPlace) -> None:
        self._expected.add(place)

    async def take(self, place: KeyboardPlace) -> None:
        self._check()
        await self.give_back(place)
        plugged = self._plugged()
        if place not in [one.place for one in plugged]:
            raise not_there(self.name, place, plugged)
        self._taken[place] = KeyInbox()
        try:
            outside(self._hub.hub.take, self._taker, place.vendor, place.product, place.port)
        except HubRefused as refused:
            del self._taken[place]
            raise DeviceRefused(self.name, str(refused)) from None

    async def give_back(self, place: KeyboardPlace) -> None:
        if self._taken.pop(place, None) is not None:
            outside(self._hub.hub.give_back, self._taker, place.port)

    async def next_keys(self, place: KeyboardPlace) -> list[KeyEvent]:
        self._check()
        if place not in self._taken:
            raise DeviceTimeout(self.name, "the reader is not taken")
        return await self._taken[place].take()

    async def strangers(self) -> tuple[str, ...]:
        self._check()
        return strangers(self._plugged(), self._expected)

    def hang_up(self, why: str) -> None:
        self._open = False
        outside(self._hub.hub.give_all_back, self._taker)
        for inbox in self._taken.values():
            inbox.fail(LinkLost(self.name, why))
        self._taken.clear()

    def _plugged(self) -> list[Plugged]:
        return [Plugged(KeyboardPlace(one.vendor, one.product, one.port), one.name) for one in self._hub.hub.plugged()]

    def _key(self, port: str, event: KeyEvent) -> None:
        for place, inbox in self._taken.items():
            if place.port == port:
                inbox.put(event)

    def _pulled(self, port: str) -> None:
        for place, inbox in self._taken.items():
            if place.port == port:
                inbox.fail(DeviceAway(self.name, "the reader was pulled out; check its plug"))

    def _check(self) -> None:
        if not self._open:
            raise LinkLost(self.name, "the keyboards are gone")
