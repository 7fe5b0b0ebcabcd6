"""The one table of simulated device types: "module:Class", imported when used."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from hal.registry import DEVICE_TYPES, load

if TYPE_CHECKING:
    from hal.specs import BusKind

SIMULATED: dict[str, str] = {
    "rdm6300-reader": "simulator.rdm6300_reader:Rdm6300Reader",
    "wiegand-reader": "simulator.wiegand_reader:WiegandReader",
    "pn532-reader": "simulator.pn532_reader:Pn532Reader",
    "zfm-finger-reader": "simulator.zfm_finger_reader:ZfmFingerReader",
    "keyboard-reader": "simulator.keyboard_reader:KeyboardReader",
    "matrix-keypad": "simulator.matrix_keypad:MatrixKeypad",
    "modbus-relay-board": "simulator.modbus_relay_board:ModbusRelayBoard",
    "modbus-input-board": "simulator.modbus_input_board:ModbusInputBoard",
    "lock-board": "simulator.lock_board:LockBoard",
    "gpio-lock": "simulator.gpio_lock:GpioLock",
    "gpio-input": "simulator.gpio_input:GpioInput",
    "mcp23017": "simulator.mcp23017:Mcp23017",
    "ds2482-fobs": "simulator.ds2482_fobs:Ds2482Fobs",
    "led": "simulator.led:Led",
    "buzzer": "simulator.buzzer:Buzzer",
    "terminal-display": "simulator.terminal_display:TerminalDisplay",
    "socket-verifier": "simulator.socket_verifier:SocketVerifier",
}


def body_class(name: str) -> Any:
    """The body of a type; with title, options, faults and alone(options, rng)."""
    return load(SIMULATED[name])


def bus_of(name: str) -> BusKind:
    return DEVICE_TYPES[name].bus


def seeded(seed: int, name: str) -> random.Random:
    """The random numbers of one device: the same for the same seed, whatever the other devices do."""
    return random.Random(f"{seed}:{name}")
