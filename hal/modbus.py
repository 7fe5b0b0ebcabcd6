"""Modbus RTU: what a master asks and which replies fit, over the engine of hal/transactions.py.

    unit | function | data | CRC-16, low byte first

Frame and gaps: "MODBUS over Serial Line, Specification and Implementation Guide" V1.02, 2.5.1. Functions: "MODBUS
Application Protocol Specification" V1.1b3, section 6.

pymodbus writes the requests. Replies are read here, from a candidate of the right head and length: its decoder takes
several times as long, and raises on some malformed frames. Its clients are not used: they take a late reply for the
answer to the next question, and they repeat writes."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TypeVar

from pymodbus.framer import FramerRTU
from pymodbus.pdu import DecodePDU, ModbusPDU, ReadCoilsRequest, ReadHoldingRegistersRequest
from pymodbus.pdu.bit_message import ReadDiscreteInputsRequest, WriteMultipleCoilsRequest
from pymodbus.pdu.register_message import WriteMultipleRegistersRequest, WriteSingleRegisterRequest

from hal.buses import ByteLink
from hal.questions import Question, Refusal
from hal.transactions import Timing, Transactions, UnitCounters

T = TypeVar("T")

REFUSALS = {
    1: "it does not know this function; is it the board the configuration says?",
    2: "it has no such address; check type and profile of the board",
    3: "it does not take this value; check type and profile of the board",
    4: "it reports a fault of its own",
    5: "it has accepted the request but is not done",
    6: "it is busy",
}
"""MODBUS Application Protocol V1.1b3, section 7."""


class RtuLine:
    """A ModbusLine (hal/buses.py) over any byte link; opens and closes the link with itself."""

    def __init__(
        self,
        link: ByteLink,
        *,
        baud: int = 9600,
        timeout_ms: int = 300,
        latency_ms: int = 50,
        echo: bool = False,
    ) -> None:
        """`latency_ms`: the slowest board's answer; after a failure the line is silent that long (and t3.5).
        `echo`: the adapter returns what it sends."""
        self.name = link.name
        char_s = 11 / baud
        gap_s = 3.5 * char_s if baud <= 19200 else 0.00175
        timing = Timing(char_s, gap_s, timeout_s=timeout_ms / 1000, latency_s=latency_ms / 1000)
        self._transactions = Transactions(link, timing, echo=echo)

    @property
    def counters(self) -> Mapping[int, UnitCounters]:
        """By unit, since the line was made."""
        return self._transactions.counters

    async def open(self) -> None:
        await self._transactions.open()

    async def close(self) -> None:
        await self._transactions.close()

    async def hung_up(self) -> None:
        await self._transactions.hung_up()

    async def read_coils(self, unit: int, first: int, count: int, *, urgent: bool = False) -> tuple[bool, ...]:
        return await self._transactions.ask(_bits_question(ReadCoilsRequest, unit, first, count, urgent=urgent))

    async def read_inputs(self, unit: int, first: int, count: int) -> tuple[bool, ...]:
        return await self._transactions.ask(_bits_question(ReadDiscreteInputsRequest, unit, first, count))

    async def read_registers(self, unit: int, first: int, count: int, *, urgent: bool = False) -> tuple[int, ...]:
        def registers(data: bytes) -> tuple[int, ...] | None:
            return struct.unpack(f">{count}H", data[1:]) if data[0] == 2 * count else None

        request = ReadHoldingRegistersRequest(dev_id=unit, address=first, count=count)
        return await self._transactions.ask(_question(request, 5 + 2 * count, registers, urgent=urgent))

    async def write_coil(self, unit: int, address: int, value: int) -> None:
        await self._transactions.ask(_coil_question(unit, address, value))

    async def write_coils(self, unit: int, first: int, values: Sequence[bool]) -> None:
        def echoed(data: bytes) -> bool | None:
            return True if data == struct.pack(">HH", first, len(values)) else None

        request = WriteMultipleCoilsRequest(dev_id=unit, address=first, bits=list(values))
        await self._transactions.ask(_question(request, 8, echoed, acts=True))

    async def write_register(self, unit: int, address: int, value: int) -> None:
        def echoed(data: bytes) -> bool | None:
            return True if data == struct.pack(">HH", address, value) else None

        request = WriteSingleRegisterRequest(dev_id=unit, address=address, registers=[value])
        await self._transactions.ask(_question(request, 8, echoed, acts=True))

    async def write_registers(self, unit: int, first: int, values: Sequence[int]) -> None:
        def echoed(data: bytes) -> bool | None:
            return True if data == struct.pack(">HH", first, len(values)) else None

        request = WriteMultipleRegistersRequest(dev_id=unit, address=first, registers=list(values))
        await self._transactions.ask(_question(request, 8, echoed, acts=True))


class RawCoil(ModbusPDU):
    """FC05 with all 16 bits of its value: boards give a meaning to other values than FF00 and 0000 (the time of a
    pulse), which the stock class of pymodbus turns into FF00."""

    function_code = 5
    value = 0

    def encode(self) -> bytes:
        return struct.pack(">HH", self.address, self.value)


_framer = FramerRTU(DecodePDU(is_server=False))


def _question(
    request: ModbusPDU,
    size: int,
    answer: Callable[[bytes], T | None],
    *,
    acts: bool = False,
    urgent: bool = False,
) -> Question[T]:
    """`size` of the good reply; `answer` gives what is in its data, or None when that does not fit the request.

    Raises ValueError for a request that cannot be sent: a mistake of ours."""
    unit, function = request.dev_id, request.function_code
    if not unit:
        raise ValueError("unit 0 is the broadcast, which nobody answers")

    def check(frame: bytes) -> T | Refusal | None:
        if FramerRTU.compute_CRC(frame[:-2]) != int.from_bytes(frame[-2:], "big"):
            return None
        if frame[1] != function:
            return Refusal(f"exception {frame[2]}: " + REFUSALS.get(frame[2], "it will not"), frame[2])
        return answer(frame[2:-2])

    heads = ((bytes((unit, function)), size), (bytes((unit, function | 0x80)), 5))
    return Question(unit, _framer.buildFrame(request), heads, check, 1 if acts else 2, acts or urgent)


@lru_cache(maxsize=256)
def _coil_question(unit: int, address: int, value: int) -> Question[bool]:
    """Made once: somebody waits for each pulse."""

    def echoed(data: bytes) -> bool | None:
        return True if data == struct.pack(">HH", address, value) else None

    request = RawCoil(dev_id=unit, address=address)
    request.value = value
    return _question(request, 8, echoed, acts=True)


@lru_cache(maxsize=256)
def _bits_question(
    kind: type[ReadCoilsRequest], unit: int, first: int, count: int, *, urgent: bool = False
) -> Question[tuple[bool, ...]]:
    """Made once: boards are asked this many times a second."""

    def bits(data: bytes) -> tuple[bool, ...] | None:
        if data[0] != _octets(count):
            return None
        levels = int.from_bytes(data[1:], "little")
        return tuple([bool(levels >> n & 1) for n in range(count)])

    question = _question(kind(dev_id=unit, address=first, count=count), 5 + _octets(count), bits, urgent=urgent)
    return replace(question, check=lru_cache(maxsize=4)(question.check))  # at rest each answer is like the last


def _octets(bits: int) -> int:
    return (bits + 7) // 8
