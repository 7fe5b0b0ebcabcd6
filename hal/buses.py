"""What devices hang on. A driver is given one of these; it never opens or closes it (the supervisor does).

Every call is a coroutine and may be cancelled; all raise `LinkLost` once the other end is gone, and the bus
must then be closed and opened again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, TypeVar, runtime_checkable

if TYPE_CHECKING:
    from hal.questions import Question

Drive = Literal["push-pull", "open-drain"]
Pull = Literal["up", "down", "none"]
T = TypeVar("T")


class Bus(Protocol):
    name: str

    async def open(self) -> None:
        """Raises LinkLost when it is not there (yet), DeviceMisconfigured when it can never be opened so."""
        ...

    async def close(self) -> None:
        """Releases the port at once; safe to call twice."""
        ...


@runtime_checkable
class HangsUp(Protocol):
    """A bus that knows when its other end is gone, although nobody asks it for anything."""

    async def hung_up(self) -> None:
        """Raises LinkLost then, and never returns."""
        ...


async def hung_up(bus: object) -> None:
    """As that of a bus that knows; of others never."""
    if isinstance(bus, HangsUp):
        await bus.hung_up()
    await asyncio.Event().wait()


class ByteLink(Bus, Protocol):
    """A stream of bytes to one serial port. One reader at a time."""

    baud: int
    """As configured, and so after each `open`."""

    def set_baud(self, baud: int) -> None:
        """Another rate from now on, until it is closed. Raises LinkLost, DeviceMisconfigured."""
        ...

    async def read(self) -> bytes:
        """What has arrived, at least one byte. Waits without bound; cancelling loses no byte."""
        ...

    async def write(self, data: bytes) -> None:
        """Hands all of `data` to the port, waiting while its buffer is full."""
        ...

    def discard_input(self) -> int:
        """Drops what has arrived and was not read; returns how many bytes."""
        ...


class RequestLink(Bus, Protocol):
    """A program on this machine that answers requests, and the secret shared with it."""

    key: bytes

    async def ask(self, request: bytes, take: Callable[[bytes], bool]) -> None:
        """Sends `request` on a connection of its own, and hands `take` what comes until it says that it has enough, or
        the other end has no more. Waits without bound; cancelling ends the connection."""
        ...


class ModbusLine(Bus, Protocol):
    """A Modbus RTU master. One request in flight; urgent requests (all writes) overtake waiting ones.

    All calls raise DeviceTimeout (no usable answer; the line is back in step), DeviceRefused (exception reply).
    Reads are asked at most twice; a write is sent exactly once, and its echo is compared with what was sent.
    LinkLost means that a write was not sent: when the link goes before its echo came, it raises OutcomeUnknown."""

    async def read_coils(self, unit: int, first: int, count: int, *, urgent: bool = False) -> tuple[bool, ...]:
        """FC01: `count` (1-2000) coils from `first`."""
        ...

    async def read_inputs(self, unit: int, first: int, count: int) -> tuple[bool, ...]:
        """FC02: `count` (1-2000) discrete inputs from `first`."""
        ...

    async def read_registers(self, unit: int, first: int, count: int, *, urgent: bool = False) -> tuple[int, ...]:
        """FC03: `count` (1-125) holding registers from `first`."""
        ...

    async def write_coil(self, unit: int, address: int, value: int) -> None:
        """FC05 with a raw 16-bit value: FF00 on, 0000 off, or whatever a vendor's command at `address` wants."""
        ...

    async def write_coils(self, unit: int, first: int, values: Sequence[bool]) -> None:
        """FC0F: coils from `first`."""
        ...

    async def write_register(self, unit: int, address: int, value: int) -> None:
        """FC06: one holding register."""
        ...

    async def write_registers(self, unit: int, first: int, values: Sequence[int]) -> None:
        """FC10: holding registers from `first`."""
        ...


class BoardLine(Bus, Protocol):
    """The master of an RS-485 line of boards that speak a protocol of their own. One question in flight; urgent ones
    overtake waiting ones."""

    async def ask(self, question: Question[T]) -> T:
        """Raises DeviceTimeout (no usable answer; the line is back in step), DeviceRefused (the board will not).

        LinkLost means that an act was not sent: when the link goes before its answer came, it raises OutcomeUnknown."""
        ...

    def listen(self, heard: Callable[[bytes], None]) -> None:
        """From now on `heard` is given all that is read from the line, answers to others too. It never raises."""
        ...


class I2cBus(Bus, Protocol):
    """The master of one I2C bus: whole transfers, one after the other, each a millisecond for ten bytes or so."""

    async def transfer(self, address: int, *messages: bytes | int) -> tuple[bytes, ...]:
        """Messages to the chip at the 7-bit `address`: bytes are written, a number (from 1) is so many bytes to read.

        Returns what was read, one for each number. Between messages stands a repeated start, or after a read perhaps
        a stop and a start. Raises DeviceTimeout when the chip does not acknowledge a byte; the messages before that
        one have reached it. LinkLost also means a bus that is held low, so that nobody can use it."""
        ...


@dataclass(frozen=True, slots=True)
class KeyEvent:
    """What one key does, by the kernel's number of it (linux/input-event-codes.h), at its monotonic time.

    Code 0: before this moment the kernel has dropped some."""

    code: int
    value: Literal[0, 1, 2]
    """Goes up, goes down, or is held and repeats."""
    at_ns: int


@dataclass(frozen=True, slots=True)
class KeyboardPlace:
    """Which keyboard, and where it is plugged in: what the kernel calls `phys`, as "usb-0000:01:00.0-1.2/input0"."""

    vendor: int
    product: int
    port: str


class Keyboards(Bus, Protocol):
    """The keyboards of this machine. Each is taken by one device; closing the bus gives all back."""

    def expect(self, place: KeyboardPlace) -> None:
        """A device of this bus is going to take it, now and whenever it is there: it is no stranger."""
        ...

    async def take(self, place: KeyboardPlace) -> None:
        """From now on nobody else on this machine hears its keys; what it typed before is dropped.

        Raises DeviceTimeout while it is not there, DeviceRefused when another program has it."""
        ...

    async def give_back(self, place: KeyboardPlace) -> None:
        """Unknown ones are ignored."""
        ...

    async def next_keys(self, place: KeyboardPlace) -> list[KeyEvent]:
        """Waits for keys of a taken keyboard; at least one, oldest first. Cancelling loses none. Raises DeviceTimeout
        once it is pulled out; it has to be taken again."""
        ...

    async def strangers(self) -> tuple[str, ...]:
        """What else can type digits and is plugged in, in words; nothing reads it."""
        ...


@dataclass(frozen=True, slots=True)
class Edge:
    """One level change seen by the kernel: `at_ns` its monotonic time, `seqno` per line, gaps mean lost edges."""

    line: int
    high: bool
    at_ns: int
    seqno: int


class GpioLines(Bus, Protocol):
    """Lines of one GPIO chip. Each line is claimed once, by one device; closing the bus releases all."""

    async def claim_outputs(self, lines: Sequence[int], *, high: bool, drive: Drive = "push-pull") -> None:
        """Makes `lines` outputs at the given level. Raises DeviceRefused when another program or a driver of the kernel
        has one, DeviceMisconfigured when one does not exist or another device here has it."""
        ...

    async def claim_inputs(self, lines: Sequence[int], *, pull: Pull = "none", edges: bool = False) -> None:
        """Makes `lines` inputs; with `edges`, both edges of each are reported by next_edges()."""
        ...

    async def write(self, values: Mapping[int, bool]) -> None:
        """Sets claimed outputs, all at once; True is high (released, for open-drain)."""
        ...

    async def read(self, lines: Sequence[int]) -> tuple[bool, ...]:
        """Levels of claimed lines, in the order asked; True is high."""
        ...

    async def next_edges(self, lines: Sequence[int]) -> list[Edge]:
        """Waits for edges on these claimed lines; at least one, oldest first. One waiter per set of lines."""
        ...

    async def release(self, lines: Sequence[int]) -> None:
        """Gives lines back (outputs go to their pull); unknown lines are ignored."""
        ...
