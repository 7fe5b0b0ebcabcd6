"""A Waveshare Modbus RTU Relay board, protocol V2 (also V3): relays that time a pulse themselves.

| FC05 at    | value                 | what the relay does                                             |
| 0000 + ch  | FF00, 0000, 5500      | on, off, the other way                                          |
| 00FF       | FF00, 0000, 5500      | all relays so                                                   |
| 0200 + ch  | 0001-7FFF, in 100 ms  | flash on: on for so long, then off                              |
| 0400 + ch  | 0001-7FFF, in 100 ms  | flash off: off for so long, then on                             |

Each command to a relay ends the flash it is in. FC0F writes and FC01 reads the relays, FC02 the inputs; the
registers 1000 + ch hold the control mode (0 normal), stored and not acted on. Without power all relays are off.
Source: Waveshare wiki, Modbus RTU Relay, Development Protocol V2.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import ClassVar, Protocol

from simulator.contacts import Contacts, FixedContacts, Sensors
from simulator.faults import Fault, channels_of
from simulator.modbus_board import ILLEGAL_ADDRESS, ILLEGAL_VALUE, RATES, ModbusBoard, Refused
from simulator.options import Options

ON, OFF, TOGGLE = 0xFF00, 0x0000, 0x5500
ALL_RELAYS, FLASH_ON, FLASH_OFF, CONTROL_MODE = 0x00FF, 0x0200, 0x0400, 0x1000
FLASH_MAX, FLASH_UNIT_S = 0x7FFF, 0.1
CONTROL_MODES = 4
COILS_MAX = 64


class Bolts(Protocol):
    """What hangs on the relays; channels from 1, all of which exist."""

    def energise(self, channel: int, *, on: bool) -> None: ...

    def jam(self, channel: int, *, jammed: bool) -> None: ...

    def break_bolt(self, channel: int, *, broken: bool) -> None: ...


class NoBolts:
    """Nothing hangs on the relays."""

    def energise(self, channel: int, *, on: bool) -> None:
        pass

    def jam(self, channel: int, *, jammed: bool) -> None:
        pass

    def break_bolt(self, channel: int, *, broken: bool) -> None:
        pass


class ModbusRelayBoard(ModbusBoard):
    title = "RS-485 relay board that times pulses itself (profiles waveshare-8, lc-8, eletechsup-4)"
    options: ClassVar = {
        "profile": "make of the board: waveshare-8, lc-8, eletechsup-4; default waveshare-8",
        "unit": "Modbus address, 1 to 247; default 1",
        "coils": "how many relays, 1 to 64; default as the make has",
        "inputs": "levels as FC02 reads them, first input first; default 00000000",
        "baud": f"rate that register 2000 tells: {', '.join(RATES)}; default 9600 (a pty has no rate)",
    }
    faults = (
        *("noise", "truncate", "bad-checksum", "late", "silent", "duplicate", "wrong-address", "stale", "echo"),
        *("split", "merge", "unplug", "power-cycle", "busy", "stuck-on", "stuck-locked", "sensor-stuck"),
        "forced-open",
    )

    def __init__(
        self, unit: int, coils: int, bolts: Bolts, contacts: Contacts, inputs: int, rate: str = "9600"
    ) -> None:
        super().__init__(unit, rate)
        self._channels = range(1, coils + 1)
        self._bolts = bolts
        self._sensors = Sensors(contacts, inputs)
        self._commanded = dict.fromkeys(self._channels, False)
        self._energised = dict.fromkeys(self._channels, False)
        self._modes = dict.fromkeys(self._channels, 0)
        self._flashes: dict[int, asyncio.TimerHandle] = {}
        self._stuck_on: frozenset[int] = frozenset()

    @classmethod
    def alone(cls, options: Options, rng: random.Random) -> ModbusRelayBoard:
        from simulator.relay_makes import MAKES

        coils, make = MAKES[options.one_of("profile", "waveshare-8", tuple(MAKES))]
        levels = options.bits("inputs", "00000000")
        return make(
            options.number("unit", 1, 1, 247),
            options.number("coils", coils, 1, COILS_MAX),
            NoBolts(),
            FixedContacts(levels),
            len(levels),
            options.one_of("baud", "9600", RATES),
        )

    def power(self, *, on: bool) -> None:
        super().power(on=on)
        for channel in self._channels:
            self._switch(channel, on=False)
            self._drive(channel, on=False)

    def afflict(self, fault: Fault) -> None:
        match fault.name:
            case "stuck-on":
                self._stuck_on |= channels_of(fault, len(self._channels), self._channels)
            case "stuck-locked":
                for channel in channels_of(fault, len(self._channels), self._channels):
                    self._bolts.jam(channel, jammed=True)
            case "forced-open":
                for channel in channels_of(fault, len(self._channels), (1,)):
                    self._bolts.break_bolt(channel, broken=True)
            case "sensor-stuck":
                self._sensors.stick(fault)
            case _:
                super().afflict(fault)

    def heal(self) -> None:
        super().heal()
        self._stuck_on = frozenset()
        self._sensors.heal()
        for channel in self._channels:
            self._bolts.jam(channel, jammed=False)
            self._bolts.break_bolt(channel, broken=False)
            self._drive(channel, on=self._commanded[channel])

    def read_coils(self, first: int, count: int) -> list[bool]:
        return [self._energised[channel] for channel in self._range(first, count)]

    def read_inputs(self, first: int, count: int) -> list[bool]:
        return self._sensors.read(first, count)

    def write_coil(self, address: int, value: int) -> None:
        if address == ALL_RELAYS:
            channels, command = list(self._channels), self._command(value)
        elif address < ALL_RELAYS:
            channels, command = self._range(address, 1), self._command(value)
        else:
            base = FLASH_OFF if address >= FLASH_OFF else FLASH_ON
            channels, command = self._range(address - base, 1), self._flash(value, on=base == FLASH_ON)
        for channel in channels:
            command(channel)

    def write_coils(self, first: int, values: list[bool]) -> None:
        for channel, on in zip(self._range(first, len(values)), values, strict=True):
            self._switch(channel, on=on)

    def read_register(self, address: int) -> int:
        channel = address - CONTROL_MODE + 1
        return self._modes[channel] if channel in self._modes else super().read_register(address)

    def write_register(self, address: int, value: int) -> None:
        channel = address - CONTROL_MODE + 1
        if channel not in self._modes:
            super().write_register(address, value)
        elif value < CONTROL_MODES:
            self._modes[channel] = value
        else:
            raise Refused(ILLEGAL_VALUE)

    def _range(self, first: int, count: int) -> list[int]:
        if not 0 <= first < first + count <= len(self._channels):
            raise Refused(ILLEGAL_ADDRESS)
        return list(range(first + 1, first + count + 1))

    def _command(self, value: int) -> Callable[[int], None]:
        if value == TOGGLE:
            return lambda channel: self._switch(channel, on=not self._commanded[channel])
        if value in (ON, OFF):
            return lambda channel: self._switch(channel, on=value == ON)
        raise Refused(ILLEGAL_VALUE)

    def _flash(self, value: int, *, on: bool) -> Callable[[int], None]:
        if not 1 <= value <= FLASH_MAX:
            raise Refused(ILLEGAL_VALUE)

        def flash(channel: int) -> None:
            self._switch(channel, on=on)
            later = asyncio.get_running_loop().call_later
            self._flashes[channel] = later(value * FLASH_UNIT_S, lambda: self._switch(channel, on=not on))

        return flash

    def _switch(self, channel: int, *, on: bool) -> None:
        if flash := self._flashes.pop(channel, None):
            flash.cancel()
        self._commanded[channel] = on
        self._drive(channel, on=on or (channel in self._stuck_on and self._energised[channel]))

    def _drive(self, channel: int, *, on: bool) -> None:
        if on != self._energised[channel]:
            self._energised[channel] = on
            self._bolts.energise(channel, on=on)
