"""A 1-Wire line and the iButtons on it, bit by bit.

A line is high unless somebody pulls it low. After a reset each iButton expects a command of 8 bits, low bit first:
33 (or 0F) it tells its 64 bits; F0 for each of its bits it tells the bit, tells the complement, and hears a bit, and
drops out when that is not its own. Source: Maxim DS1990A data sheet, "ROM Function Commands".
"""

from __future__ import annotations

from collections.abc import Sequence

COMMAND_BITS, ROM_BITS = 8, 64
READ_ROM, READ_ROM_OLD, SEARCH_ROM = 0x33, 0x0F, 0xF0


class IButton:
    def __init__(self, rom: bytes) -> None:
        self._bits = [bool(byte >> bit & 1) for byte in rom for bit in range(8)]
        self._silent = True
        self._command = self._heard = 0
        """The bits of the command, and how many there are so far."""
        self._at = 0
        self._third = 0
        """Of a bit of a search: the bit, its complement, the answer."""

    def reset(self) -> None:
        self._silent = False
        self._command = self._heard = self._at = self._third = 0

    def pulls(self) -> bool:
        """In a slot that the master reads: whether it holds the line low. The slot is over then."""
        if self._silent or self._heard < COMMAND_BITS or self._at >= ROM_BITS:
            return False
        bit = self._bits[self._at]
        if self._command != SEARCH_ROM:
            self._at += 1
            return not bit
        self._third += 1
        return bit if self._third == 2 else not bit

    def hears(self, bit: bool) -> None:
        """A bit that the master writes."""
        if self._silent:
            return
        if self._heard < COMMAND_BITS:
            self._command |= bit << self._heard
            self._heard += 1
            self._silent = self._heard == COMMAND_BITS and self._command not in (READ_ROM, READ_ROM_OLD, SEARCH_ROM)
        elif self._command == SEARCH_ROM and self._third >= 2 and self._at < ROM_BITS:
            self._silent = bit != self._bits[self._at]
            self._at, self._third = self._at + 1, 0


class OneWireLine:
    """One channel. `hang` says what is on it; nothing else moves."""

    def __init__(self) -> None:
        self.shorted = False
        self._roms: list[bytes] = []
        self._buttons: list[IButton] = []

    def hang(self, roms: Sequence[bytes]) -> bool:
        """Whether that is a change. What comes new knows of no reset."""
        changed = list(roms) != self._roms
        if changed:
            self._roms = list(roms)
            self._buttons = [IButton(rom) for rom in roms]
        return changed

    def reset(self) -> bool:
        """Whether there is a presence pulse."""
        for button in self._buttons:
            button.reset()
        return bool(self._buttons) and not self.shorted

    def read(self) -> bool:
        high = not self.shorted
        for button in self._buttons:
            high = not button.pulls() and high  # each of them, whatever the others do
        return high

    def write(self, bit: bool) -> None:
        for button in self._buttons:
            button.hears(bit and not self.shorted)
