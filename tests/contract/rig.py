"""One driver on its simulated device: over the real bus (pty, Unix socket), or over a line in memory."""

from __future__ import annotations

import asyncio
import contextlib
import random
import tomllib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hal.board_line import SerialBoardLine
from hal.buses import Bus, ByteLink
from hal.capabilities import Reading
from hal.gpio_sim import SimLines
from hal.i2c_sim import SimI2c
from hal.keyboards_sim import SimKeyboards
from hal.modbus import RtuLine
from hal.registry import DEVICE_TYPES, load
from hal.serial_link import SerialLink
from hal.system_clock import SystemClock
from hal.unix_socket import UnixSocket
from simulator.faults import parse_fault
from simulator.gpio_bus import gpio_server
from simulator.gpio_chip import GpioChip
from simulator.harness.wire.memory_i2c import MemoryI2c, MemoryWires
from simulator.harness.wire.memory_keyboards import MemoryHub, MemoryKeyboards
from simulator.harness.wire.memory_lines import MemoryChip, MemoryLines
from simulator.i2c_bus import i2c_server
from simulator.i2c_device import I2cDevice
from simulator.i2c_wires import I2cWires
from simulator.keyboard_bus import keyboard_server
from simulator.keyboard_hub import KeyboardHub
from simulator.line_server import LineServer
from simulator.plugged_device import PluggedDevice
from simulator.pty_link import PtyLink
from simulator.serial_device import SerialDevice
from simulator.socket_port import SocketPort
from tests.contract.links import MemoryLink
from tests.contract.rows import KEY, ROWS, Seen, type_of
from tests.drivers.fakes import LoopClock

PROFILES = Path(__file__).parents[2] / "config" / "profiles"
PATIENCE_S = 5.0
BAUDS = {"zfm-finger-reader": 57600}
MASTERS: dict[str, Callable[[ByteLink], Bus]] = {"modbus": RtuLine, "rs485": SerialBoardLine}
Simulated = SerialDevice | PluggedDevice | I2cDevice
Server = LineServer | SocketPort | PtyLink


@dataclass
class Rig:
    capability: type
    driver: Any
    body: Any
    bus: Bus
    simulated: Simulated
    seen: Seen
    readings: list[Reading] = field(default_factory=list)

    def emit(self, reading: Reading) -> None:
        self.readings.append(reading)
        self.seen.changed.set()

    def moved(self) -> None:
        """The hand of the test has moved contacts: a device that looks at them now and then looks now."""
        if look := getattr(self.body, "look", None):
            look()

    def fault(self, text: str) -> None:
        self.simulated.fault(parse_fault(text, self.body.faults))

    async def until(self, true: Callable[[], bool]) -> None:
        """Waits for something to be seen or emitted; TimeoutError when it does not come."""
        async with asyncio.timeout(PATIENCE_S):
            while not true():
                self.seen.changed.clear()
                await self.seen.changed.wait()

    async def reopen(self) -> None:
        """What the supervisor does after a loss."""
        await self.bus.close()
        await self.bus.open()
        await self.driver.start()

    @contextlib.asynccontextmanager
    async def watching(self) -> AsyncIterator[asyncio.Task[None]]:
        watch = asyncio.create_task(self.driver.watch(self.emit))
        try:
            yield watch
        finally:
            watch.cancel()
            await asyncio.wait({watch})


def twin(type_name: str, path: Path, rng: random.Random, seen: Seen) -> tuple[Any, Simulated, Server]:
    """Body, device and the end of its link, which is closed."""
    body, kind = ROWS[type_name].body(rng, seen), DEVICE_TYPES[type_of(type_name)].bus
    if kind == "gpio":
        chip = GpioChip(lambda: asyncio.get_running_loop().time())
        server = gpio_server(path, chip)
        body.attach(chip)
        return body, PluggedDevice(body, server), server
    if kind == "input":
        hub = KeyboardHub(asyncio.get_running_loop().time)
        server = keyboard_server(path, hub)
        body.attach(hub)
        return body, PluggedDevice(body, server), server
    if kind == "i2c":
        wires = I2cWires(asyncio.get_running_loop().time)
        server = i2c_server(path, wires)
        simulated = I2cDevice(body, server)
        wires.attach(simulated)
        return body, simulated, server
    link = SocketPort(path) if kind == "socket" else PtyLink(path)
    return body, SerialDevice(body, link, rng), link


def real_bus(type_name: str, path: Path) -> Bus:
    """Closed; the driver's end of the link at `path`."""
    kind = DEVICE_TYPES[type_of(type_name)].bus
    if kind == "gpio":
        return SimLines("link", str(path))
    if kind == "input":
        return SimKeyboards("link", str(path))
    if kind == "i2c":
        return SimI2c("link", str(path))
    if kind == "socket":
        key_file = path.with_name("key")
        key_file.write_text(KEY.hex())
        key_file.chmod(0o600)
        return UnixSocket("link", str(path), str(key_file))
    port = SerialLink("link", str(path), BAUDS.get(type_name, 9600))
    return MASTERS[kind](port) if kind in MASTERS else port


@contextlib.asynccontextmanager
async def on_real_bus(type_name: str, folder: Path, seed: int = 1) -> AsyncIterator[Rig]:
    """The bus is open, the driver not yet started."""
    path, seen = folder / "link", Seen()
    body, simulated, server = twin(type_name, path, random.Random(seed), seen)
    bus = real_bus(type_name, path)
    await server.open()
    simulated.start()
    await bus.open()
    try:
        yield Rig(ROWS[type_name].capability, make_driver(type_name, bus, SystemClock()), body, bus, simulated, seen)
    finally:
        await bus.close()
        simulated.stop()
        await server.close()


@contextlib.asynccontextmanager
async def in_memory(type_name: str, seed: int = 1) -> AsyncIterator[Rig]:
    """For a virtual loop; no sockets."""
    seen, rng = Seen(), random.Random(seed)
    body = ROWS[type_name].body(rng, seen)
    simulated: Simulated
    bus: Bus
    kind = DEVICE_TYPES[type_of(type_name)].bus
    if kind == "i2c":
        wires = MemoryWires("link", I2cWires(asyncio.get_running_loop().time))
        simulated, bus = I2cDevice(body, wires), MemoryI2c(wires)
        wires.wires.attach(simulated)
    elif kind == "input":
        keyboards = MemoryHub("link", KeyboardHub(asyncio.get_running_loop().time))
        body.attach(keyboards.hub)
        simulated, bus = PluggedDevice(body, keyboards), MemoryKeyboards(keyboards)
    elif kind == "gpio":
        chip = MemoryChip("link", GpioChip(asyncio.get_running_loop().time))
        body.attach(chip.chip)
        simulated, bus = PluggedDevice(body, chip), MemoryLines(chip)
    else:
        link = MemoryLink("link", BAUDS.get(type_name, 9600))
        simulated, bus = SerialDevice(body, link, rng), link
        if kind in MASTERS:
            bus = MASTERS[kind](link)
    simulated.start()
    await bus.open()
    try:
        yield Rig(ROWS[type_name].capability, make_driver(type_name, bus, LoopClock()), body, bus, simulated, seen)
    finally:
        await bus.close()
        simulated.stop()


def make_driver(type_name: str, bus: Bus, clock: object, device: str = "device") -> Any:
    """As the loader makes it."""
    entry = DEVICE_TYPES[type_of(type_name)]
    table = {"id": device, "type": type_of(type_name), "link": "link"} | ROWS[type_name].keys
    spec = load(entry.spec).model_validate(table)
    if entry.profile is None:
        return load(entry.driver)(spec, bus, clock)
    raw = tomllib.loads((PROFILES / f"{spec.profile}.toml").read_text("utf-8"))
    return load(entry.driver)(spec, load(entry.profile).model_validate(raw), bus, clock)
