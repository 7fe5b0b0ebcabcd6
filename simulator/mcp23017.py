"""An MCP23017 with contacts between its pins and ground.

Registers with BANK = 0; a message is written to, or read from, the register that its first byte names, and the
following ones (SEQOP = 0). A pin whose change is enabled (GPINTEN) sets its bit of INTF once, and INTCAP keeps what the
pins were then, until INTCAP or GPIO is read. Without power all is as at first: inputs, no pull-ups, nothing enabled.
Source: Microchip MCP23017 data sheet DS20001952, sections 3.2 and 3.6.
"""

from __future__ import annotations

import random
from collections.abc import Collection
from typing import ClassVar

from simulator.contacts import Contacts, FixedContacts
from simulator.faults import Fault
from simulator.options import Options
from simulator.switched_inputs import SwitchedInputs

ADDRESSES = tuple(f"0x{address:02X}" for address in range(0x20, 0x28))
IODIR, IPOL, GPINTEN, DEFVAL, INTCON, IOCON, GPPU, INTF, INTCAP, GPIO, OLAT = range(0x00, 0x16, 2)
REGISTERS = 0x16
READ_ONLY = range(INTF, GPIO)
INPUTS = 14


class Mcp23017:
    title = "MCP23017 with a contact to ground on each of GPA0 to GPA6 and GPB0 to GPB6"
    options: ClassVar = {
        "address": f"{ADDRESSES[0]} to {ADDRESSES[-1]}; default {ADDRESSES[0]}",
        "inputs": "contacts, GPA0 first, 1 is closed; default all open",
    }
    faults = ("silent", "unplug", "power-cycle", "stuck-low", *SwitchedInputs.faults)

    def __init__(self, address: int, contacts: Contacts, inputs: int, inverted: Collection[int] = ()) -> None:
        """The contacts of `inverted` channels pull low while they are open."""
        self.address = address
        self._inverted = inverted
        self._registers = bytearray(REGISTERS)
        self._inputs = SwitchedInputs(contacts, inputs, self._moved)
        self._at: int | None = None
        """The register that the next byte is for; None: this byte names it."""
        self._reset()

    @classmethod
    def alone(cls, options: Options, rng: random.Random) -> Mcp23017:
        address = int(options.one_of("address", ADDRESSES[0], ADDRESSES), 16)
        return cls(address, FixedContacts([*options.bits("inputs", "0"), *[False] * INPUTS][:INPUTS]), INPUTS)

    # Body

    def power(self, *, on: bool) -> None:
        self._reset()
        self._inputs.power(on=on)

    def afflict(self, fault: Fault) -> None:
        self._inputs.afflict(fault)

    def heal(self) -> None:
        self._inputs.heal()

    def look(self) -> None:
        """The contacts have moved; otherwise that is seen a little later."""
        self._inputs.look()

    # I2cBody

    def begin(self) -> None:
        self._at = None

    def take(self, byte: int, at_s: float) -> bool:
        if self._at is None:
            self._at = self._pointer = byte % REGISTERS
            return True
        if self._at not in READ_ONLY:
            self._registers[self._at] = byte
        self._step()
        return True

    def give(self, count: int, at_s: float, byte_s: float) -> bytes:
        self._at = self._pointer
        read = bytearray()
        for _ in range(count):
            read.append(self._read(self._at))
            self._step()
        return bytes(read)

    # Helpers

    def _reset(self) -> None:
        self._registers[:] = bytes(REGISTERS)
        self._registers[IODIR : IODIR + 2] = b"\xff\xff"
        self._pointer = 0

    def _step(self) -> None:
        assert self._at is not None
        self._at = self._pointer = (self._at + 1) % REGISTERS

    def _read(self, register: int) -> int:
        port = register % 2
        value = self._port(port) if register - port == GPIO else self._registers[register]
        if register - port in (INTCAP, GPIO):
            self._registers[INTF + port] = 0
        return value

    def _port(self, port: int) -> int:
        """A pin without pull-up and with an open contact floats, and reads low here."""
        value = 0
        for bit in range(7):
            channel = 7 * port + bit + 1
            grounded = channel in self._inputs.channels and self._inputs.closed(channel) != (channel in self._inverted)
            pulled = bool(self._registers[GPPU + port] >> bit & 1)
            output = not self._registers[IODIR + port] >> bit & 1
            high = bool(self._registers[OLAT + port] >> bit & 1) if output else pulled and not grounded
            value |= high << bit
        return value ^ self._registers[IPOL + port] & self._registers[IODIR + port]

    def _moved(self, channel: int, closed: bool) -> None:
        port, bit = divmod(channel - 1, 7)
        if self._registers[GPINTEN + port] >> bit & 1 and not self._registers[INTF + port] >> bit & 1:
            self._registers[INTF + port] |= 1 << bit
            self._registers[INTCAP + port] = self._port(port)
