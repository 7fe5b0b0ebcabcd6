"""One simulated device on a link of its own, with options in place of a world."""

from __future__ import annotations

import asyncio
from pathlib import Path

from simulator.faults import parse_fault
from simulator.gpio_bus import gpio_server
from simulator.gpio_chip import GpioChip
from simulator.i2c_bus import i2c_server
from simulator.i2c_device import I2cDevice
from simulator.i2c_wires import I2cWires
from simulator.keyboard_bus import keyboard_server
from simulator.keyboard_hub import KeyboardHub
from simulator.line_server import LineServer
from simulator.options import parse_options
from simulator.plugged_device import PluggedDevice
from simulator.pty_link import PtyLink
from simulator.serial_device import SerialDevice
from simulator.socket_port import SocketPort
from simulator.types import body_class, bus_of, seeded

AFTER_START = ("unplug", "power-cycle", "stuck-low", "pulled", "other-port", "foreign-keyboard")
"""Faults of a device that is running; the others hold from the first byte on."""


class LoneDevice:
    """Opens nothing before start()."""

    def __init__(self, type_name: str, path: Path, options: list[str], faults: list[str], seed: int) -> None:
        """Raises OptionError or FaultError."""
        body_type = body_class(type_name)
        rng = seeded(seed, type_name)
        body = body_type.alone(parse_options(options, body_type.options), rng)
        parsed = [parse_fault(fault, body_type.faults) for fault in faults]
        self._link: PtyLink | SocketPort | LineServer
        self._device: SerialDevice | PluggedDevice | I2cDevice
        if bus_of(type_name) == "gpio":
            chip = GpioChip(lambda: asyncio.get_running_loop().time())
            self._link = gpio_server(path, chip)
            body.attach(chip)
            self._device = PluggedDevice(body, self._link)
        elif bus_of(type_name) == "input":
            hub = KeyboardHub(lambda: asyncio.get_running_loop().time())
            self._link = keyboard_server(path, hub)
            body.attach(hub)
            self._device = PluggedDevice(body, self._link)
        elif bus_of(type_name) == "i2c":
            wires = I2cWires(lambda: asyncio.get_running_loop().time())
            self._link = i2c_server(path, wires)
            self._device = device = I2cDevice(body, self._link)
            wires.attach(device)
        else:
            self._link = port = SocketPort(path) if bus_of(type_name) == "socket" else PtyLink(path)
            self._device = SerialDevice(body, port, rng)
        for fault in parsed:
            if fault.name not in AFTER_START:
                self._device.fault(fault)
        self._faults_after_start = [fault for fault in parsed if fault.name in AFTER_START]

    async def start(self) -> None:
        """Raises OSError."""
        await self._link.open()
        self._device.start()
        for fault in self._faults_after_start:
            self._device.fault(fault)

    async def stop(self) -> None:
        self._device.stop()
        await self._link.close()
