"""A simulated cabinet for other programs: every link of its configuration under one directory, and world.sock."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import AsyncExitStack
from pathlib import Path

from drivers.specs.pn532_reader import Pn532ReaderSpec
from hal.device_table import DeviceTable
from hal.specs import GpioLinkSpec, I2cLinkSpec, InputLinkSpec, LinkSpec, SocketLinkSpec
from simulator.assembly import Assembly, BusLink, ChipLink, HubLink, WiresLink
from simulator.gpio_bus import gpio_server
from simulator.gpio_chip import GpioChip
from simulator.i2c_bus import i2c_server
from simulator.i2c_wires import I2cWires
from simulator.keyboard_bus import keyboard_server
from simulator.keyboard_hub import KeyboardHub
from simulator.line_server import LineServer
from simulator.pty_link import PtyLink
from simulator.socket_port import SocketPort
from simulator.wiring import places_of
from simulator.world import World
from simulator.world_commands import WorldCommands
from simulator.world_socket import world_server

WORLD_SOCKET = "world.sock"
SITE_KEY_BYTES = 16


class SimulatedCabinet:
    """Made within the running loop; opens nothing before start()."""

    def __init__(self, table: DeviceTable, run_dir: Path, seed: int, relatch_s: float) -> None:
        """Raises NotSimulated; OSError for keys that it cannot make."""
        loop = asyncio.get_running_loop()
        world = World(places_of(table), loop.call_later, relatch_s)
        ports: dict[str, PtyLink | SocketPort] = {}
        buses: dict[str, BusLink] = {}
        keys: dict[str, bytes] = {}
        self._links: list[PtyLink | SocketPort | LineServer] = []
        for spec in table.links:
            path = place_of(spec, run_dir)
            if isinstance(spec, GpioLinkSpec):
                chip = GpioChip(loop.time)
                server = gpio_server(path, chip)
                buses[spec.id] = ChipLink(chip, server)
                self._links.append(server)
            elif isinstance(spec, I2cLinkSpec):
                wires = I2cWires(loop.time)
                server = i2c_server(path, wires)
                buses[spec.id] = WiresLink(wires, server)
                self._links.append(server)
            elif isinstance(spec, InputLinkSpec):
                hub = KeyboardHub(loop.time)
                server = keyboard_server(path, hub)
                buses[spec.id] = HubLink(hub, server)
                self._links.append(server)
            elif isinstance(spec, SocketLinkSpec):
                ports[spec.id] = SocketPort(path)
                keys[spec.id] = shared_key(_under(run_dir, spec.key_file, f"{spec.id}.key"))
                self._links.append(ports[spec.id])
            else:
                ports[spec.id] = PtyLink(path)
                self._links.append(ports[spec.id])
        for device in (entry.spec for entry in table.devices):
            if isinstance(device, Pn532ReaderSpec) and device.strong is not None:
                file = _under(run_dir, device.strong.key_file, f"{device.id}.key")
                keys[device.link] = shared_key(file, SITE_KEY_BYTES)
        self._assembly = Assembly(table, world, ports, buses, keys, seed)
        self._links.append(world_server(run_dir / WORLD_SOCKET, WorldCommands(self._assembly)))
        self._open = AsyncExitStack()

    async def start(self) -> None:
        """All links are there when it returns. Raises OSError."""
        for link in self._links:
            await link.open()
            self._open.push_async_callback(link.close)
        self._assembly.start()
        self._open.callback(self._assembly.stop)

    async def stop(self) -> None:
        await self._open.aclose()


def place_of(link: LinkSpec, run_dir: Path) -> Path:
    """Where the simulated link lies: relative places under `run_dir`, absolute ones only when they are under it.

    Any other place becomes the link's id under `run_dir`, so a real cabinet's configuration touches no real port."""
    if isinstance(link, GpioLinkSpec | I2cLinkSpec | SocketLinkSpec | InputLinkSpec):
        return _under(run_dir, link.path, link.id)
    return _under(run_dir, link.port, link.id)


def shared_key(file: Path, size: int = 32) -> bytes:
    """What a simulated program and the daemon share; made where there is none. Raises OSError, ValueError."""
    if not file.exists():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(f"{secrets.token_hex(size)}\n", "ascii")
    return bytes.fromhex(file.read_text("ascii").strip())


def _under(run_dir: Path, configured: str | None, name: str) -> Path:
    top = run_dir.resolve()
    if configured:
        place = (top / configured).parent.resolve() / Path(configured).name
        if place.is_relative_to(top) and place != top:
            return place
    return top / name
