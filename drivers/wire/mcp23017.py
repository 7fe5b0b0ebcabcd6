"""Registers of an MCP23017 (BANK = 0: those of port A and port B in turn) and what is in them. No I/O here.

    00 IODIR | 02 IPOL | 04 GPINTEN | 06 DEFVAL | 08 INTCON | 0A IOCON | 0C GPPU | 0E INTF | 10 INTCAP | 12 GPIO

After power-on all pins are inputs without pull-ups that report nothing. GPA7 and GPB7 can only be outputs in newer
data sheets (an input there may disturb the bus): they are outputs at low here, with nothing on them.
Source: Microchip DS20001952.
"""

from __future__ import annotations

from dataclasses import dataclass

PORT = 0x7F
"""The pins of each port that are inputs."""
SET_UP = bytes((0x00, PORT, PORT, PORT, PORT, PORT, PORT, 0, 0, 0, 0, 0x44, 0x44, PORT, PORT))
"""Written from register 00: inputs; low reads as 1; each change is noticed; MIRROR and open drain; pull-ups."""
SET = SET_UP[1:]
READ_SET = bytes((0x00,))
READ_PINS = bytes((0x0C,))
"""From GPPU on, so that a chip that has lost its registers is noticed with its pins."""
PINS_BYTES = 8


@dataclass(frozen=True, slots=True)
class Pins:
    """`low` of 14 pins, GPA0 first; `moved`: those that have changed since the last reading, even if twice."""

    low: tuple[bool, ...]
    moved: tuple[bool, ...]


def pins(reply: bytes) -> Pins | None:
    """What READ_PINS gives; None when the chip is not set up."""
    if len(reply) != PINS_BYTES or reply[:2] != SET[12:14]:
        return None
    return Pins(_both(reply[6:8]), _both(reply[2:4]))


def _both(ports: bytes) -> tuple[bool, ...]:
    return tuple(bool(port >> bit & 1) for port in ports for bit in range(7))
