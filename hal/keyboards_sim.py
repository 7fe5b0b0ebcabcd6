"""Simulated keyboards behind a Unix socket: docs/reference/sim-bus.md.

    {"id":1,"op":"list"}  ->  {"id":1,"keyboards":[{"vendor":65535,"product":53,"port":"usb-1","name":"Reader"}]}
    {"id":2,"op":"take","vendor":65535,"product":53,"port":"usb-1"}  ->  {"id":2}  or  {"id":2,"error":"why"}
    <-  {"key":{"port":"usb-1","code":2,"value":1,"at_ns":123}}
    <-  {"pulled":"usb-1"}

What was taken is given back when the connection closes."""

from __future__ import annotations

from typing import Any, Literal, cast

from hal.buses import KeyboardPlace, KeyEvent
from hal.errors import DeviceAway, DeviceError, DeviceRefused, DeviceTimeout, LinkLost
from hal.keyboards import KeyInbox, Plugged, not_there, strangers
from hal.sim_socket import SimSocket


class SimKeyboards:
    """Keyboards over the socket at `path`."""

    def __init__(self, name: str, path: str) -> None:
        self.name = name
        self._expected: set[KeyboardPlace] = set()
        self._taken: dict[KeyboardPlace, KeyInbox] = {}
        self._socket = SimSocket(name, path, "keyboards", self._hear, self._lose_all)

    async def open(self) -> None:
        await self._socket.open()

    async def close(self) -> None:
        await self._socket.close()

    def expect(self, place: KeyboardPlace) -> None:
        self._expected.add(place)

    async def take(self, place: KeyboardPlace) -> None:
        await self.give_back(place)
        plugged = await self._list()
        if place not in [one.place for one in plugged]:
            raise not_there(self.name, place, plugged)
        self._taken[place] = KeyInbox()  # before it is asked for: the first key may overtake our waking up
        answer = await self._socket.ask(op="take", vendor=place.vendor, product=place.product, port=place.port)
        if "error" in answer:
            del self._taken[place]
            raise DeviceRefused(self.name, str(answer["error"]))

    async def give_back(self, place: KeyboardPlace) -> None:
        if self._taken.pop(place, None) is not None:
            await self._socket.ask(op="give", port=place.port)

    async def next_keys(self, place: KeyboardPlace) -> list[KeyEvent]:
        if place not in self._taken:
            raise DeviceTimeout(self.name, "the reader is not taken")
        return await self._taken[place].take()

    async def strangers(self) -> tuple[str, ...]:
        return strangers(await self._list(), self._expected)

    async def _list(self) -> list[Plugged]:
        answer = await self._socket.ask(op="list")
        try:
            return [
                Plugged(KeyboardPlace(int(one["vendor"]), int(one["product"]), str(one["port"])), str(one["name"]))
                for one in answer["keyboards"]
            ]
        except (KeyError, TypeError, ValueError) as error:
            raise LinkLost(self.name, "the simulated keyboards answer with something else than a list") from error

    def _hear(self, message: dict[str, Any]) -> None:
        if "pulled" in message:
            self._lose(str(message["pulled"]), DeviceAway(self.name, "the reader was pulled out; check its plug"))
            return
        key = message["key"]
        event = KeyEvent(int(key["code"]), cast(Literal[0, 1, 2], int(key["value"]) % 3), int(key["at_ns"]))
        for place, inbox in self._taken.items():
            if place.port == key["port"]:
                inbox.put(event)

    def _lose(self, port: str, error: DeviceError) -> None:
        for place, inbox in self._taken.items():
            if place.port == port:
                inbox.fail(error)

    def _lose_all(self, error: LinkLost) -> None:
        for inbox in self._taken.values():
            inbox.fail(error)
        self._taken.clear()
