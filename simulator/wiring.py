"""How the devices of a cabinet are wired to the things in its world."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from hal.device_table import DeviceTable
from simulator.faults import FaultError
from simulator.world import DOOR, NotPossible, World


def places_of(table: DeviceTable) -> list[int]:
    """What has a bolt: the slots, and the door if it has a lock."""
    return [slot.number for slot in table.slots] + ([DOOR] if table.door.lock else [])


def bolts_on(table: DeviceTable, device: str) -> dict[int, int]:
    """Which bolt hangs on each channel of a board."""
    found = {slot.lock.channel: slot.number for slot in table.slots if slot.lock.device == device}
    lock = table.door.lock
    return found | ({lock.channel: DOOR} if lock is not None and lock.device == device else {})


class WiredBolts:
    """The relays of one board; `slots` names the slot whose bolt hangs on a channel."""

    def __init__(self, world: World, slots: Mapping[int, int]) -> None:
        self._world = world
        self._slots = slots

    def energise(self, channel: int, *, on: bool) -> None:
        if channel in self._slots:
            self._world.energise(self._slots[channel], on=on)

    def jam(self, channel: int, *, jammed: bool) -> None:
        if channel in self._slots:
            self._world.jam(self._slots[channel], jammed=jammed)

    def break_bolt(self, channel: int, *, broken: bool) -> None:
        if channel in self._slots:
            self._world.break_bolt(self._slots[channel], broken=broken)


class WiredContacts:
    """The inputs of one board: slot sensors, closed while a fob is seated, and perhaps the door contact.

    A channel that nothing is wired to is open. `inverted` channels read 0 while their contact is closed."""

    def __init__(
        self, world: World, slots: Mapping[int, int], doors: Collection[int], inverted: Collection[int]
    ) -> None:
        self._world = world
        self._slots = slots
        self._doors = doors
        self._inverted = inverted

    def level(self, channel: int) -> bool:
        return self._closed(channel) != (channel in self._inverted)

    def force(self, channel: int) -> None:
        if channel in self._doors:
            self._world.open_door()
        elif channel in self._slots:
            try:
                self._world.force(self._slots[channel])
            except NotPossible as error:
                raise FaultError(str(error)) from None
        else:
            raise FaultError(f"nothing is wired to channel {channel}")

    def _closed(self, channel: int) -> bool:
        if channel in self._doors:
            return not self._world.door_open
        return channel in self._slots and self._world.seated(self._slots[channel])


class WiredSwitches(WiredContacts):
    """The inputs of a lock board: where nothing else is wired, the switch of the lock itself, closed while it holds."""

    def __init__(
        self,
        world: World,
        locks: Mapping[int, int],
        slots: Mapping[int, int],
        doors: Collection[int],
        inverted: Collection[int],
    ) -> None:
        """`locks` names the bolt that hangs on a channel."""
        super().__init__(world, slots, doors, inverted)
        self._locks = locks

    def _closed(self, channel: int) -> bool:
        if channel in self._locks and channel not in self._slots and channel not in self._doors:
            return self._world.locked(self._locks[channel])
        return super()._closed(channel)
