"""DS2482-800: eight 1-Wire channels behind one I2C address. No I/O here.

    F0                 reset the chip            -> status is read
    E1 F0|E1|D2|C3     read from now on          status | data | channel | configuration
    D2 configuration   its high half is the complement of the low one -> configuration is read
    C3 code            choose a channel          -> its other code is read
    B4                 1-Wire reset              -> status is read, until bit 0 falls
    A5 byte, 96        write, read a byte        -> status is read; the byte read is data
    78 80|00           1-Wire triplet: two bits are read, one is written (80: 1, if both read 0) -> status is read

    status: 0 busy | 1 presence | 2 short | 3 level | 4 the chip was reset | 5 first bit | 6 second bit | 7 written bit

A read goes on giving the same register, so reading status again and again is how to wait. While the chip is busy it
acknowledges nothing but E1. Bit 4 stays until a configuration is written. Source: Maxim DS2482-800 data sheet (REV
100406), tables "Valid Channel Selection Codes" and "Status Register Bit Assignment".
"""

from __future__ import annotations

from dataclasses import dataclass

ADDRESSES = range(0x18, 0x20)
CHANNELS = 8
RESET = b"\xf0"
READ_STATUS, READ_DATA = b"\xe1\xf0", b"\xe1\xe1"
CONFIGURE, CONFIGURED = b"\xd2\xe1", 0x01
"""Active pull-up, standard speed; and how that reads back."""
LINE_RESET, READ_BYTE = b"\xb4", b"\x96"
_CODES = bytes.fromhex("F0E1D2C3B4A59687")
_READ_BACK = bytes.fromhex("B8B1AAA39C958E87")


def select(channel: int) -> bytes:
    """`channel` from 1."""
    return bytes((0xC3, _CODES[channel - 1]))


def selected(code: int) -> int | None:
    """The channel that a code which was read back stands for; None: there is no such code."""
    return _READ_BACK.find(code) + 1 or None


def write_byte(byte: int) -> bytes:
    return bytes((0xA5, byte))


def triplet(bit: bool) -> bytes:
    """`bit` is what is written if both bits read are 0."""
    return bytes((0x78, 0x80 if bit else 0x00))


@dataclass(frozen=True, slots=True)
class Status:
    """`presence` and `short` are of the last 1-Wire reset, the last three of the last triplet."""

    busy: bool
    presence: bool
    short: bool
    was_reset: bool
    first: bool
    second: bool
    written: bool


def status(byte: int) -> Status:
    return Status(
        busy=bool(byte & 0x01),
        presence=bool(byte & 0x02),
        short=bool(byte & 0x04),
        was_reset=bool(byte & 0x10),
        first=bool(byte & 0x20),
        second=bool(byte & 0x40),
        written=bool(byte & 0x80),
    )
