"""An RS-485 board with digital inputs, in the manner of Waveshare's Modbus RTU IO boards: FC02 from input 0."""

from __future__ import annotations

import random
from typing import ClassVar

from simulator.contacts import Contacts, FixedContacts, Sensors
from simulator.faults import Fault
from simulator.modbus_board import RATES, ModbusBoard
from simulator.options import Options


class ModbusInputBoard(ModbusBoard):
    title = "RS-485 board with digital inputs"
    options: ClassVar = {
        "unit": "Modbus address, 1 to 247; default 1",
        "inputs": "levels as FC02 reads them, first input first; default 00000000",
        "baud": f"rate that register 2000 tells: {', '.join(RATES)}; default 9600 (a pty has no rate)",
    }
    faults = (
        *("noise", "truncate", "bad-checksum", "late", "silent", "duplicate", "wrong-address", "stale", "echo"),
        *("split", "merge", "unplug", "power-cycle", "busy", "sensor-stuck", "forced-open"),
    )

    def __init__(self, unit: int, contacts: Contacts, inputs: int, rate: str = "9600") -> None:
        super().__init__(unit, rate)
        self._sensors = Sensors(contacts, inputs)

    @classmethod
    def alone(cls, options: Options, rng: random.Random) -> ModbusInputBoard:
        levels = options.bits("inputs", "00000000")
        unit = options.number("unit", 1, 1, 247)
        return cls(unit, FixedContacts(levels), len(levels), options.one_of("baud", "9600", RATES))

    def read_inputs(self, first: int, count: int) -> list[bool]:
        return self._sensors.read(first, count)

    def afflict(self, fault: Fault) -> None:
        match fault.name:
            case "sensor-stuck":
                self._sensors.stick(fault)
            case "forced-open":
                self._sensors.force(fault)
            case _:
                super().afflict(fault)

    def heal(self) -> None:
        super().heal()
        self._sensors.heal()
