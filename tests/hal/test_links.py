"""From the configuration to buses: the right kind, at the right place, importing no more than it needs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from hal.board_line import SerialBoardLine
from hal.device_table import parse_table
from hal.gpio_gpiod import GpiodLines
from hal.gpio_rpi import RpiGpioLines
from hal.gpio_sim import SimLines
from hal.i2c_dev import DevI2c
from hal.i2c_sim import SimI2c
from hal.keyboards_evdev import EvdevKeyboards
from hal.keyboards_sim import SimKeyboards
from hal.links import link_plans, make_bus
from hal.modbus import RtuLine
from hal.serial_link import SerialLink
from hal.specs import (
    GpioLinkSpec,
    I2cLinkSpec,
    InputLinkSpec,
    LinkSpec,
    ModbusLinkSpec,
    Rs485LinkSpec,
    SerialLinkSpec,
    SocketLinkSpec,
)
from hal.unix_socket import UnixSocket
from tests.hal.links import MemoryLink
from tests.hal.test_device_table import StillClock

SPECS: list[tuple[LinkSpec, type]] = [
    (SerialLinkSpec(id="x", type="serial", port="links/uart0"), SerialLink),
    (ModbusLinkSpec(id="x", type="modbus", port="/dev/serial/by-id/usb-1a86"), RtuLine),
    (Rs485LinkSpec(id="x", type="rs485", port="/dev/serial/by-id/usb-1a87"), SerialBoardLine),
    (SocketLinkSpec(id="x", type="socket", path="links/camera", key_file="links/camera.key"), UnixSocket),
    (GpioLinkSpec(id="x", type="gpio", backend="sim", path="links/gpio0"), SimLines),
    (GpioLinkSpec(id="x", type="gpio", chip="pinctrl-rp1"), GpiodLines),
    (GpioLinkSpec(id="x", type="gpio", backend="rpi-gpio"), RpiGpioLines),
    (I2cLinkSpec(id="x", type="i2c", port="/dev/i2c-1"), DevI2c),
    (I2cLinkSpec(id="x", type="i2c", backend="sim", path="links/i2c0"), SimI2c),
    (InputLinkSpec(id="x", type="input"), EvdevKeyboards),
    (InputLinkSpec(id="x", type="input", backend="sim", path="links/input"), SimKeyboards),
]


@pytest.mark.parametrize(("spec", "kind"), SPECS)
def test_each_link_has_its_bus(spec: LinkSpec, kind: type) -> None:
    bus = make_bus(spec)
    assert type(bus) is kind
    assert bus.name == "x"


def test_devices_hang_on_their_link() -> None:
    raw: dict[str, object] = {
        "link": [
            {"id": "uart0", "type": "serial", "port": "a"},
            {"id": "gpio0", "type": "gpio", "backend": "sim", "path": "b"},
        ],
        "device": [
            {"id": "buzzer", "type": "buzzer", "link": "gpio0", "line": 11},
            {"id": "reader", "type": "rdm6300-reader", "link": "uart0"},
            {"id": "lamps", "type": "led", "link": "gpio0", "lines": [2]},
        ],
    }
    table, problems = parse_table(raw)
    assert table, problems
    plans = link_plans(table, StillClock(), lambda spec: MemoryLink(name=spec.id))
    hanging = {plan.bus.name: [device.device for device in plan.devices] for plan in plans}
    assert hanging == {"uart0": ["reader"], "gpio0": ["buzzer", "lamps"]}


def test_a_cabinet_without_modbus_or_gpio_imports_neither() -> None:
    program = (
        "import sys, hal.links, hal.specs\n"
        "hal.links.make_bus(hal.specs.SerialLinkSpec(id='x', type='serial', port='p'))\n"
        "print([name for name in ('pymodbus', 'gpiod', 'RPi', 'serial') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "['serial']\n"
