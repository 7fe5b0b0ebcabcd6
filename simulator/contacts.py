"""Contacts on the input terminals of a board, and the board's view of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Protocol

from simulator.faults import Fault, channels_of
from simulator.modbus_board import ILLEGAL_ADDRESS, Refused


class Contacts(Protocol):
    """What the input terminals are wired to; channels from 1, all of which exist."""

    def level(self, channel: int) -> bool:
        """What the board's input reads."""
        ...

    def force(self, channel: int) -> None:
        """Opens with violence what the contact watches."""
        ...


class FixedContacts:
    """Levels that only violence changes, for a board on its own."""

    def __init__(self, levels: Sequence[bool]) -> None:
        self._levels = list(levels)

    def level(self, channel: int) -> bool:
        return self._levels[channel - 1]

    def force(self, channel: int) -> None:
        self._levels[channel - 1] = False


class Sensors:
    """The inputs of one board."""

    def __init__(self, contacts: Contacts, count: int) -> None:
        self.channels = range(1, count + 1)
        self._contacts = contacts
        self._stuck: dict[int, bool] = {}

    def read(self, first: int, count: int) -> list[bool]:
        """From input `first` (Modbus address). Raises Refused for an input that does not exist."""
        if first + count > len(self.channels):
            raise Refused(ILLEGAL_ADDRESS)
        return [self._level(channel) for channel in self.channels[first : first + count]]

    def stick(self, fault: Fault) -> None:
        """Inputs keep the level they have now."""
        for channel in self._meant(fault, self.channels):
            self._stuck.setdefault(channel, self._level(channel))

    def force(self, fault: Fault) -> None:
        for channel in self._meant(fault, (1,)):
            self._contacts.force(channel)

    def heal(self) -> None:
        self._stuck.clear()

    def _meant(self, fault: Fault, without: Collection[int]) -> frozenset[int]:
        return channels_of(fault, len(self.channels), without)

    def _level(self, channel: int) -> bool:
        return self._stuck.get(channel, self._contacts.level(channel))
