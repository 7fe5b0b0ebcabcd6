"""What all simulated Modbus boards share: hearing requests, answering, refusing, and the settings of the board.

The settings are those of Waveshare's boards (Modbus RTU Relay and IO 8CH, protocol V2): register 4000 the
address, 2000 parity (high byte) and rate (low byte), 8000 the version. A board answers its own address; writes
to address 0 are done without an answer; reads of registers at address 0 are answered, which is how the maker
lets one find out an address (with a single board on the line).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import ClassVar

from simulator.faults import ActiveFaults, Fault
from simulator.modbus_frames import (
    Requests,
    frame,
    from_another_unit,
    pack_bits,
    spoil_crc,
    unpack_bits,
)

LATENCY_S = 0.005
ANSWERS_MAX = 16
BROADCAST = 0
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE, BUSY = 1, 2, 3, 6
RATES = ("4800", "9600", "19200", "38400", "57600", "115200", "128000", "256000")
REGISTER_RATE, REGISTER_ADDRESS, REGISTER_VERSION = 0x2000, 0x4000, 0x8000
VERSION = 0x00C8
BITS_MAX, REGISTERS_MAX, WRITE_BITS_MAX, WRITE_REGISTERS_MAX = 2000, 125, 1968, 123


class Refused(Exception):
    """An exception reply with this code."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


class ModbusBoard:
    """Subclasses are the terminals of a board: what its coils, inputs and further registers do."""

    spoilers: ClassVar = {"wrong-address": from_another_unit, "bad-checksum": spoil_crc}

    def __init__(self, unit: int, rate: str = "9600") -> None:
        self.unit = unit
        self._rate = RATES.index(rate)
        self._requests = Requests()
        self._faults = ActiveFaults()
        self._answers: set[asyncio.TimerHandle] = set()
        self._send: Callable[[bytes], None] = lambda answer: None

    # What a board may have; first and count are checked for their size, not whether they exist

    def read_coils(self, first: int, count: int) -> list[bool]:
        raise Refused(ILLEGAL_FUNCTION)

    def read_inputs(self, first: int, count: int) -> list[bool]:
        raise Refused(ILLEGAL_FUNCTION)

    def write_coil(self, address: int, value: int) -> None:
        raise Refused(ILLEGAL_FUNCTION)

    def write_coils(self, first: int, values: list[bool]) -> None:
        raise Refused(ILLEGAL_FUNCTION)

    def read_register(self, address: int) -> int:
        settings = {
            REGISTER_RATE: self._rate,
            REGISTER_ADDRESS: self.unit,
            REGISTER_VERSION: VERSION,
        }
        if address not in settings:
            raise Refused(ILLEGAL_ADDRESS)
        return settings[address]

    def write_register(self, address: int, value: int) -> None:
        if address == REGISTER_ADDRESS and 1 <= value <= 247:
            self.unit = value
        elif address == REGISTER_RATE and value >> 8 <= 2 and value & 0xFF < len(RATES):
            self._rate = value
        elif address in (REGISTER_ADDRESS, REGISTER_RATE):
            raise Refused(ILLEGAL_VALUE)
        else:
            raise Refused(ILLEGAL_ADDRESS)

    # SerialBody

    def connect(self, send: Callable[[bytes], None]) -> None:
        self._send = send

    def receive(self, data: bytes) -> None:
        for request in self._requests.feed(data, asyncio.get_running_loop().time()):
            if request[0] in (self.unit, BROADCAST):
                self._hear(request[0], request[1:-2])

    def power(self, *, on: bool) -> None:
        for answer in self._answers:
            answer.cancel()
        self._answers.clear()
        self._requests = Requests()

    def afflict(self, fault: Fault) -> None:
        assert fault.name == "busy", fault.name
        self._faults.set(fault)

    def heal(self) -> None:
        self._faults.clear()

    # Helpers

    def _hear(self, unit: int, pdu: bytes) -> None:
        try:
            answer = self._answer(pdu)
        except Refused as refused:
            answer = bytes([pdu[0] | 0x80, refused.code])
        if unit != BROADCAST or pdu[0] == 3:
            self._send_soon(frame(unit, answer))

    def _send_soon(self, answer: bytes) -> None:
        if len(self._answers) >= ANSWERS_MAX:
            return

        def send() -> None:
            self._answers.discard(timer)
            self._send(answer)

        timer = asyncio.get_running_loop().call_later(LATENCY_S, send)
        self._answers.add(timer)

    def _answer(self, pdu: bytes) -> bytes:
        if self._faults.act("busy"):
            raise Refused(BUSY)
        function, first, value = pdu[0], int.from_bytes(pdu[1:3], "big"), int.from_bytes(pdu[3:5], "big")
        match function:
            case 1 | 2:
                _check_count(value, BITS_MAX)
                read = self.read_coils if function == 1 else self.read_inputs
                packed = pack_bits(read(first, value))
                return bytes([function, len(packed)]) + packed
            case 3:
                _check_count(value, REGISTERS_MAX)
                registers = [self.read_register(first + offset) for offset in range(value)]
                return bytes([3, 2 * value]) + b"".join(word.to_bytes(2, "big") for word in registers)
            case 5:
                self.write_coil(first, value)
                return pdu
            case 6:
                self.write_register(first, value)
                return pdu
            case 15:
                _check_count(value, WRITE_BITS_MAX, pdu, (value + 7) // 8)
                self.write_coils(first, unpack_bits(pdu[6:], value))
                return pdu[:5]
            case 16:
                _check_count(value, WRITE_REGISTERS_MAX, pdu, 2 * value)
                for offset in range(value):
                    word = int.from_bytes(pdu[6 + 2 * offset : 8 + 2 * offset], "big")
                    self.write_register(first + offset, word)
                return pdu[:5]
            case _:
                raise Refused(ILLEGAL_FUNCTION)


def _check_count(count: int, most: int, pdu: bytes = b"", data_bytes: int | None = None) -> None:
    if not 1 <= count <= most or (data_bytes is not None and pdu[5] != data_bytes):
        raise Refused(ILLEGAL_VALUE)
