"""The one table of device types: which driver, which keys, which kind of link.

Strings only, so that a configuration with three types imports three drivers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from hal.specs import BusKind

Channels = Literal["lock", "input", "fob", "indicator"]


@dataclass(frozen=True, slots=True)
class DeviceType:
    """`driver`, `spec` and `profile` are "module:Class". The driver is made with (spec, bus, clock).

    With `profile` the spec has a field `profile`, the name of a board profile: its TOML is checked by that model
    and the driver is made with (spec, profile, bus, clock)."""

    driver: str
    spec: str
    bus: BusKind
    profile: str | None = None
    baud: int | None = None
    """The one rate that it speaks, where it has one that is not what links have unless told."""
    gives: Mapping[Channels, str] = field(default_factory=dict)
    """What its channels are, for those that slots and doors name, and the key of the spec, or else of the profile, that
    has their number or is their list; a method of the profile is given the spec."""
    verifies: bool = False
    """It is a Verifier."""
    takes_fingers: bool = False
    """It is a FingerReader."""


DEVICE_TYPES: dict[str, DeviceType] = {
    "rdm6300-reader": DeviceType(
        driver="drivers.rdm6300_reader:Rdm6300Reader",
        spec="drivers.specs.rdm6300_reader:Rdm6300ReaderSpec",
        bus="serial",
    ),
    "zfm-finger-reader": DeviceType(
        driver="drivers.zfm_finger_reader:ZfmFingerReader",
        spec="drivers.specs.zfm_finger_reader:ZfmFingerReaderSpec",
        bus="serial",
        takes_fingers=True,
    ),
    "wiegand-reader": DeviceType(
        driver="drivers.wiegand_reader:WiegandReader",
        spec="drivers.specs.wiegand_reader:WiegandReaderSpec",
        bus="gpio",
    ),
    "pn532-reader": DeviceType(
        driver="drivers.pn532_reader:Pn532Reader",
        spec="drivers.specs.pn532_reader:Pn532ReaderSpec",
        bus="serial",
        baud=115200,
    ),
    "keyboard-reader": DeviceType(
        driver="drivers.keyboard_reader:KeyboardReader",
        spec="drivers.specs.keyboard_reader:KeyboardReaderSpec",
        bus="input",
    ),
    "matrix-keypad": DeviceType(
        driver="drivers.matrix_keypad:MatrixKeypad",
        spec="drivers.specs.matrix_keypad:MatrixKeypadSpec",
        bus="gpio",
    ),
    "modbus-relay-board": DeviceType(
        driver="drivers.modbus_relay_board:ModbusRelayBoard",
        spec="drivers.specs.modbus_relay_board:ModbusRelayBoardSpec",
        bus="modbus",
        profile="drivers.specs.relay_profile:RelayProfile",
        gives={"lock": "channels"},
    ),
    "modbus-input-board": DeviceType(
        driver="drivers.modbus_input_board:ModbusInputBoard",
        spec="drivers.specs.modbus_input_board:ModbusInputBoardSpec",
        bus="modbus",
        gives={"input": "inputs"},
    ),
    "lock-board": DeviceType(
        driver="drivers.lock_board:LockBoardDriver",
        spec="drivers.specs.lock_board:LockBoardSpec",
        bus="rs485",
        profile="drivers.specs.lock_profile:LockProfile",
        gives={"lock": "locks", "input": "inputs"},
    ),
    "gpio-lock": DeviceType(
        driver="drivers.gpio_lock:GpioLock",
        spec="drivers.specs.gpio_lock:GpioLockSpec",
        bus="gpio",
        gives={"lock": "lines"},
    ),
    "gpio-input": DeviceType(
        driver="drivers.gpio_input:GpioInput",
        spec="drivers.specs.gpio_input:GpioInputSpec",
        bus="gpio",
        gives={"input": "lines"},
    ),
    "mcp23017": DeviceType(
        driver="drivers.mcp23017:Mcp23017",
        spec="drivers.specs.mcp23017:Mcp23017Spec",
        bus="i2c",
        gives={"input": "inputs"},
    ),
    "ds2482-fobs": DeviceType(
        driver="drivers.ds2482_fobs:Ds2482Fobs",
        spec="drivers.specs.ds2482_fobs:Ds2482FobsSpec",
        bus="i2c",
        gives={"fob": "channels"},
    ),
    "led": DeviceType(
        driver="drivers.led:Led",
        spec="drivers.specs.led:LedSpec",
        bus="gpio",
        gives={"indicator": "lines"},
    ),
    "buzzer": DeviceType(
        driver="drivers.buzzer:Buzzer",
        spec="drivers.specs.buzzer:BuzzerSpec",
        bus="gpio",
    ),
    "terminal-display": DeviceType(
        driver="drivers.terminal_display:TerminalDisplay",
        spec="drivers.specs.terminal_display:TerminalDisplaySpec",
        bus="serial",
    ),
    "socket-verifier": DeviceType(
        driver="drivers.socket_verifier:SocketVerifier",
        spec="drivers.specs.socket_verifier:SocketVerifierSpec",
        bus="socket",
        verifies=True,
    ),
}


def load(name: str) -> Any:
    """The class that "module:Class" names. Raises ImportError or AttributeError: a mistake in the table."""
    module, _, attribute = name.partition(":")
    return getattr(import_module(module), attribute)
