"""A DS2482-800, and the iButtons that hang on its eight channels.

    F0 reset | E1 pointer | D2 configuration | C3 channel | B4 1-Wire reset | A5 byte | 96 | 87 bit | 78 triplet

After a reset, by command or by power: configuration 0, channel IO0, status bit RST until a configuration is written.
Everything on a 1-Wire line takes its time, in which the chip is busy (status bit 0) and acknowledges only F0 and E1.
Source: Maxim DS2482-800 data sheet; times are the typical ones at standard speed.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import ClassVar

from simulator.faults import ActiveFaults, Fault, channels_of
from simulator.fobs import number_of, numbered
from simulator.onewire import READ_ROM, READ_ROM_OLD, SEARCH_ROM, OneWireLine
from simulator.options import OptionError, Options

CHANNELS = 8
ADDRESSES = tuple(f"0x{address:02X}" for address in range(0x18, 0x20))
WRITTEN = (0xF0, 0xE1, 0xD2, 0xC3, 0xB4, 0xA5, 0x96, 0x87)
READ_BACK = (0xB8, 0xB1, 0xAA, 0xA3, 0x9C, 0x95, 0x8E, 0x87)
RESET_S, SLOT_S = 0.00116, 0.0000693
BUSY, PRESENCE, SHORT, LEVEL, RST, SBR, TSB, DIR = (1 << bit for bit in range(8))
RESET, POINTER, CONFIGURE, CHANNEL = 0xF0, 0xE1, 0xD2, 0xC3
LINE_RESET, WRITE_BYTE, READ_BYTE, ONE_BIT, TRIPLET = 0xB4, 0xA5, 0x96, 0x87, 0x78
WITH_PARAMETER = (POINTER, CONFIGURE, CHANNEL, WRITE_BYTE, ONE_BIT, TRIPLET)
WHILE_BUSY = (RESET, POINTER)
BOUNCE_S = (0.005, 0.030)
"""For so long a contact is now there and now not, after a fob came or went."""
STRANGER = 0x5A_A55A_A55A
"""The serial number of a second fob."""
CHECK_AT = 7
"""The byte of a number that is its check."""

Hanging = Callable[[int], bytes | None]
"""The number of the fob on a channel, counted from 1."""


@dataclass(slots=True)
class _Registers:
    """Of the chip, as they are after a reset."""

    configuration: int = 0
    channel: int = 0
    pointer: int = 0xF0
    data: int = 0
    status: int = RST | LEVEL
    busy_until_s: float | None = 0.0
    """None: for ever."""
    command: int | None = None
    """Which waits for its parameter."""
    now_s: float = 0.0
    """When its last act on a line began."""


@dataclass(slots=True)
class _Reading:
    """One number on its way since the last 1-Wire reset, and which of its bytes are spoilt."""

    spoilt: frozenset[int] = frozenset()
    bad_check: bool = False
    bytes: int = 0
    bits: int = 0


class Ds2482Fobs:
    title = "DS2482-800 with an iButton, or none, on each of its eight 1-Wire channels"
    options: ClassVar = {
        "address": f"{ADDRESSES[0]} to {ADDRESSES[-1]}; default {ADDRESSES[0]}",
        "fobs": "on channel 1, 2, ...: F-7 (serial number 7), 8 bytes in hex, or - for none; default none",
    }
    faults = (
        *("noise", "bad-checksum", "silent", "stale", "unplug", "power-cycle", "busy", "short", "two-fobs"),
        "stuck-low",
    )

    def __init__(self, address: int, hanging: Hanging, rng: random.Random) -> None:
        self.address = address
        self._hanging = hanging
        self._rng = rng
        self._faults = ActiveFaults()
        self._lines = [OneWireLine() for _ in range(CHANNELS)]
        self._doubled: frozenset[int] = frozenset()
        self._bounces_until_s = [0.0] * CHANNELS
        self._forget()

    @classmethod
    def alone(cls, options: Options, rng: random.Random) -> Ds2482Fobs:
        address = int(options.one_of("address", ADDRESSES[0], ADDRESSES), 16)
        numbers = _numbers(options.text("fobs") or "-")
        return cls(address, lambda channel: numbers[channel - 1] if channel <= len(numbers) else None, rng)

    # Body

    def power(self, *, on: bool) -> None:
        self._forget()
        for channel in range(CHANNELS):
            self._hang(channel)  # what hangs there does not bounce

    def afflict(self, fault: Fault) -> None:
        match fault.name:
            case "short":
                for channel in channels_of(fault, CHANNELS, range(1, CHANNELS + 1)):
                    self._lines[channel - 1].shorted = True
            case "two-fobs":
                self._doubled |= channels_of(fault, CHANNELS, range(1, CHANNELS + 1))
            case _:
                self._faults.set(fault)

    def heal(self) -> None:
        self._faults.clear()
        self._doubled = frozenset()
        for line in self._lines:
            line.shorted = False

    # The chip on its bus

    def begin(self) -> None:
        self._chip.command = None

    def take(self, byte: int, at_s: float) -> bool:
        command, self._chip.command = self._chip.command, None
        if command is None:
            if self._busy(at_s) and byte not in WHILE_BUSY:
                return False
            if byte in WITH_PARAMETER:
                self._chip.command = byte
                return True
            return self._act(byte, 0, at_s)
        return self._act(command, byte, at_s)

    def give(self, count: int, at_s: float, byte_s: float) -> bytes:
        chip = self._chip
        match chip.pointer:
            case 0xE1:
                return bytes((chip.data,)) * count
            case 0xD2:
                return bytes((READ_BACK[chip.channel],)) * count
            case 0xC3:
                return bytes((chip.configuration,)) * count
        busy = count
        if chip.busy_until_s is not None:
            busy = max(0, min(count, ceil((chip.busy_until_s - at_s) / byte_s)))
        return bytes((chip.status | BUSY,)) * busy + bytes((chip.status,)) * (count - busy)

    # Commands

    def _act(self, command: int, byte: int, at_s: float) -> bool:
        """Whether it is a command with a good parameter, which is done then."""
        match command:
            case 0xF0:
                self._forget()
            case 0xE1 if byte in (0xF0, 0xE1, 0xD2, 0xC3):
                self._chip.pointer = byte
            case 0xD2 if byte >> 4 == ~byte & 0x0F:
                self._chip.configuration, self._chip.pointer = byte & 0x0F, 0xC3
                self._chip.status &= ~RST
            case 0xC3 if byte in WRITTEN:
                self._chip.pointer = 0xD2
                if not self._faults.act("stale"):
                    self._chip.channel = WRITTEN.index(byte)
            case 0xB4:
                self._line_reset(at_s)
            case 0xA5:
                self._on_line(8 * SLOT_S, at_s)
                self._write_byte(byte)
            case 0x96:
                self._on_line(8 * SLOT_S, at_s)
                self._chip.data = self._read_byte()
            case 0x87:
                self._on_line(SLOT_S, at_s)
                self._one_bit(bool(byte & 0x80))
            case 0x78:
                self._on_line(3 * SLOT_S, at_s)
                self._triplet(bool(byte & 0x80))
            case _:
                return False
        return True

    def _line_reset(self, at_s: float) -> None:
        line = self._on_line(RESET_S, at_s)
        there = line.reset() and not self._bounced()
        self._chip.status &= ~(PRESENCE | SHORT)
        self._chip.status |= SHORT if line.shorted else PRESENCE if there else 0
        self._reading = _Reading(frozenset(self._rng.sample(range(8), min(8, self._faults.amount("noise")))))

    def _write_byte(self, byte: int) -> None:
        self._reading.bad_check = byte in (READ_ROM, READ_ROM_OLD, SEARCH_ROM) and self._faults.act("bad-checksum")
        for bit in range(8):
            self._lines[self._chip.channel].write(bool(byte >> bit & 1))

    def _read_byte(self) -> int:
        byte = sum(self._read() << bit for bit in range(8))
        place, self._reading.bytes = self._reading.bytes, self._reading.bytes + 1
        if self._reading.bad_check and place == CHECK_AT:
            byte ^= 0xFF
        return self._rng.randrange(256) if place in self._reading.spoilt else byte

    def _one_bit(self, bit: bool) -> None:
        if bit:
            self._show(SBR, self._read())
        else:
            self._lines[self._chip.channel].write(False)

    def _triplet(self, bit: bool) -> None:
        first, second = self._read(), self._read()
        place, self._reading.bits = self._reading.bits // 8, self._reading.bits + 1
        other_check = self._reading.bad_check and place == CHECK_AT
        if other_check:
            first, second = second, first
        if place in self._reading.spoilt:
            first = self._rng.random() < 0.5
        written = first if first != second else bit or first
        self._show(SBR, first)
        self._show(TSB, second)
        self._show(DIR, written)
        self._lines[self._chip.channel].write(written != other_check)

    # Helpers

    def _forget(self) -> None:
        self._chip, self._reading = _Registers(), _Reading()

    def _busy(self, at_s: float) -> bool:
        return self._chip.busy_until_s is None or at_s < self._chip.busy_until_s

    def _on_line(self, seconds: float, at_s: float) -> OneWireLine:
        """The chosen line as it is now; the chip is busy with it for so long, or for ever."""
        self._chip.pointer, self._chip.now_s = 0xF0, at_s
        self._chip.busy_until_s = None if self._faults.act("busy") else at_s + seconds
        if self._hang(self._chip.channel):
            self._bounces_until_s[self._chip.channel] = at_s + self._rng.uniform(*BOUNCE_S)
        return self._lines[self._chip.channel]

    def _hang(self, channel: int) -> bool:
        """Whether something else hangs on the line than before. `channel` from 0."""
        rom = self._hanging(channel + 1)
        roms = [] if rom is None else [rom]
        if roms and channel + 1 in self._doubled:
            roms.append(numbered(STRANGER))
        return self._lines[channel].hang(roms)

    def _bounced(self) -> bool:
        """Whether the contact is open at this moment."""
        return self._chip.now_s < self._bounces_until_s[self._chip.channel] and self._rng.random() < 0.5

    def _read(self) -> bool:
        return self._lines[self._chip.channel].read() or self._bounced()

    def _show(self, flag: int, bit: bool) -> None:
        self._chip.status = self._chip.status | flag if bit else self._chip.status & ~flag


def _numbers(text: str) -> list[bytes | None]:
    fobs = text.split(",")
    if len(fobs) > CHANNELS:
        raise OptionError(f"fobs: there are {CHANNELS} channels, {len(fobs)} are named")
    return [None if fob == "-" else _number(fob) for fob in fobs]


def _number(fob: str) -> bytes:
    if re.fullmatch("F-[0-9]{1,9}", fob):
        return number_of(fob)
    try:
        number = bytes.fromhex(fob.replace(":", ""))
    except ValueError:
        number = b""
    if len(number) != 8:
        raise OptionError(f"fobs={fob[:40]}: allowed are F- with a number, 8 bytes in hex, or -")
    return number
