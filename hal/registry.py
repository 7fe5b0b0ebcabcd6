"""The one table of device types: which driver, which keys, which kind of link.

Strings only, so that a configuration with three types imports three drivers."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hal.specs import BusKind


@dataclass(frozen=True, slots=True)
class DeviceType:
    """`driver` and `spec` are "module:Class". The driver is made with (spec, bus, clock).

    With `profile` ("module:Model") the spec has a field `profile`, the name of a board profile; its TOML is
    checked by that model and the driver is made with (spec, profile, bus, clock)."""

    driver: str
    spec: str
    bus: BusKind
    profile: str | None = None


DEVICE_TYPES: dict[str, DeviceType] = {
    "rdm6300-reader": DeviceType(
        "drivers.rdm6300_reader:Rdm6300Reader", "drivers.specs.rdm6300_reader:Rdm6300ReaderSpec", "serial"
    ),
    "matrix-keypad": DeviceType(
        "drivers.matrix_keypad:MatrixKeypad", "drivers.specs.matrix_keypad:MatrixKeypadSpec", "gpio"
    ),
    "modbus-relay-board": DeviceType(
        "drivers.modbus_relay_board:ModbusRelayBoard",
        "drivers.specs.modbus_relay_board:ModbusRelayBoardSpec",
        "modbus",
        profile="drivers.specs.relay_profile:RelayProfile",
    ),
    "modbus-input-board": DeviceType(
        "drivers.modbus_input_board:ModbusInputBoard",
        "drivers.specs.modbus_input_board:ModbusInputBoardSpec",
        "modbus",
    ),
    "led": DeviceType("drivers.led:Led", "drivers.specs.led:LedSpec", "gpio"),
    "buzzer": DeviceType("drivers.buzzer:Buzzer", "drivers.specs.buzzer:BuzzerSpec", "gpio"),
    "terminal-display": DeviceType(
        "drivers.terminal_display:TerminalDisplay",
        "drivers.specs.terminal_display:TerminalDisplaySpec",
        "serial",
    ),
}


def load(name: str) -> Any:
    """The class that "module:Class" names. Raises ImportError or AttributeError: a mistake in the table."""
    module, _, attribute = name.partition(":")
    return getattr(import_module(module), attribute)
