"""All devices of a cabinet byte for byte."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path
from random import Random
from typing import Literal

from drivers.specs.pn532_reader import Pn532ReaderSpec
from drivers.zfm_contents import MARK_BYTES, MARK_HEAD
from drivers.zfm_finger_reader import ZfmFingerReader as ZfmDriver
from hal.buses import Bus
from hal.clock import Clock
from hal.device_table import DeviceTable
from hal.links import link_plans, master_of
from hal.specs import (
    GpioLinkSpec,
    I2cLinkSpec,
    InputLinkSpec,
    LinkSpec,
    ModbusLinkSpec,
    Rs485LinkSpec,
    SocketLinkSpec,
)
from hal.supervisor import LinkPlan
from simulator.assembly import Assembly, BusLink, ChipLink, Fitted, HubLink, WiresLink
from simulator.body import SerialLink
from simulator.faults import Fault
from simulator.fingers import touch
from simulator.gpio_chip import GpioChip
from simulator.harness.random_bytes import RandomBytes
from simulator.harness.wire.memory_i2c import MemoryI2c, MemoryWires
from simulator.harness.wire.memory_keyboards import MemoryHub, MemoryKeyboards
from simulator.harness.wire.memory_line import MemoryLine, MemoryPort, Wire, chopped, cut_after, delayed, lossy
from simulator.harness.wire.memory_lines import MemoryChip, MemoryLines
from simulator.harness.wire.memory_socket import MemoryClient, MemorySocket
from simulator.i2c_wires import I2cWires
from simulator.keyboard_hub import KeyboardHub
from simulator.keyboard_reader import KeyboardReader
from simulator.matrix_keypad import MatrixKeypad
from simulator.modbus_relay_board import ON, ModbusRelayBoard
from simulator.nfc_cards import card_of
from simulator.pn532_reader import Pn532Reader
from simulator.rdm6300_reader import CARD_BYTES, Rdm6300Reader
from simulator.secure_card import SecureCard, secure_card
from simulator.socket_verifier import IsPerson, SocketVerifier
from simulator.types import seeded
from simulator.wiegand_reader import WiegandReader
from simulator.world import NotPossible, World
from simulator.zfm_finger_reader import ZfmFingerReader

KEY = b"the key that camera and daemon share"[:32]


class WireLevel:
    """The twins of simulator.assembly, on lines in memory whose bytes come in any pieces."""

    def __init__(self, table: DeviceTable, world: World, seed: int) -> None:
        self._table = table
        self._seed = seed
        self._boots = 0
        loop = asyncio.get_running_loop()
        self.lines: dict[str, MemoryLine] = {}
        self._chips: dict[str, MemoryChip] = {}
        self._wires: dict[str, MemoryWires] = {}
        self._hubs: dict[str, MemoryHub] = {}
        self._sockets: dict[str, MemorySocket] = {}
        for link in table.links:
            if isinstance(link, GpioLinkSpec):
                self._chips[link.id] = MemoryChip(link.id, GpioChip(loop.time))
            elif isinstance(link, I2cLinkSpec):
                self._wires[link.id] = MemoryWires(link.id, I2cWires(loop.time))
            elif isinstance(link, InputLinkSpec):
                self._hubs[link.id] = MemoryHub(link.id, KeyboardHub(loop.time))
            elif isinstance(link, SocketLinkSpec):
                self._sockets[link.id] = MemorySocket(link.id, KEY)
            else:
                line = self.lines[link.id] = MemoryLine(link.id, link.baud)
                line.to_host.append(chopped(seeded(seed, f"wire of {link.id}")))
        buses: dict[str, BusLink] = {name: ChipLink(chip.chip, chip) for name, chip in self._chips.items()}
        buses |= {name: WiresLink(wires.wires, wires) for name, wires in self._wires.items()}
        buses |= {name: HubLink(hub.hub, hub) for name, hub in self._hubs.items()}
        keys = dict.fromkeys(self._sockets, KEY)
        for device in (entry.spec for entry in table.devices):
            if isinstance(device, Pn532ReaderSpec) and device.strong is not None:
                keys[device.link] = bytes.fromhex(Path(device.strong.key_file).read_text("ascii"))
        ports: dict[str, SerialLink] = {**self.lines, **self._sockets}
        self._assembly = Assembly(table, world, ports, buses, keys, seed)
        bodies = [device.body for device in self._assembly.devices.values()]
        self._readers = [one for one in bodies if isinstance(one, Rdm6300Reader | WiegandReader | KeyboardReader)]
        self._nfc_readers = [one for one in bodies if isinstance(one, Pn532Reader)]
        self._finger_readers = [one for one in bodies if isinstance(one, ZfmFingerReader)]
        self._used, self._hands = self._readers[0], seeded(seed, "which reader")
        self._keypad = self._assembly.body(MatrixKeypad, "keypad", None)
        self._devices = {entry.spec.id: WiredDevice(self._assembly.device(entry.spec.id)) for entry in table.devices}
        self._world = world
        self._powered = False

    @property
    def devices(self) -> Mapping[str, WiredDevice]:
        return self._devices

    def plans(self, clock: Clock) -> list[LinkPlan]:
        plans = link_plans(self._table, clock, self._bus)
        for device in (one for plan in plans for one in plan.devices):
            if isinstance(device, ZfmDriver):
                self._boots += 1
                device.random = RandomBytes(f"{self._seed}/marks {self._boots}")
        return plans

    def abandon(self) -> None:
        for line in self.lines.values():
            line.abandon()
        for chip in self._chips.values():
            chip.abandon()
        for wires in self._wires.values():
            wires.abandon()
        for hub in self._hubs.values():
            hub.abandon()
        for socket in self._sockets.values():
            socket.abandon()

    def power(self, *, on: bool) -> None:
        if on != self._powered:
            self._powered = on
            if on:
                self._assembly.start()
            else:
                self._assembly.stop()

    def present(self, card: bytes, how: Literal["plain", "strong", "forged"] = "plain") -> None:
        if len(card) == CARD_BYTES:
            self._used = self._hands.choice(self._readers)
            self._used.present(card)
        else:
            [reader] = self._nfc_readers
            reader.present(card_of(card) if how == "plain" else self._secure(reader, card, forged=how == "forged"))

    def remove(self) -> None:
        for reader in (self._used, *self._nfc_readers):
            with contextlib.suppress(ValueError):  # somebody else's card has taken its place
                reader.remove()

    def _secure(self, reader: Pn532Reader, uid: bytes, *, forged: bool) -> SecureCard:
        card = secure_card(uid, "desfire-ev2")
        assert reader.issuer is not None, "the blueprint says what cards have to prove"
        card.issue(reader.issuer)
        card.manner = "forged" if forged else None
        return card

    async def press(self, keys: str) -> None:
        await self._keypad.press(keys)

    def look(self, face: IsPerson) -> None:
        self._assembly.body(SocketVerifier, "verifier", None).look(face)

    async def touch(self, finger: int) -> None:
        with contextlib.suppress(NotPossible):  # somebody else's is on it
            await touch(self._world, finger, self._assembly.named(ZfmFingerReader, "finger reader", None))

    def fingers(self) -> tuple[bytes, Mapping[int, int]]:
        """Without a mark where none stands in its notepad, or there is no such reader."""
        if not self._finger_readers:
            return b"", {}
        [reader] = self._finger_readers
        notes = reader.notes
        at = notes.find(MARK_HEAD)
        mark = notes[at + len(MARK_HEAD) :][:MARK_BYTES] if at >= 0 else b""
        return mark, reader.fingers()

    def switch_on(self, slot: int) -> None:
        """As another master on the line would."""
        [lock] = [one.lock for one in self._table.slots if one.number == slot]
        if self._powered and lock is not None:
            board = self._assembly.body(ModbusRelayBoard, "relay board", lock.device)
            board.write_coil(lock.channel - 1, ON)

    def spoil(self, random: Random) -> tuple[str, Callable[[], None]] | None:
        """One line loses bytes, is slow, or is cut after some more."""
        line = random.choice(list(self.lines.values()))
        wires = random.choice((line.to_host, line.to_devices))
        kind = random.choice(("lossy", "delayed", "cut"))
        wire: Wire
        match kind:
            case "lossy":
                wire = lossy(random, random.choice((0.002, 0.02, 0.2)))
            case "delayed":
                wire = delayed(random.uniform(0.005, 0.6))
            case _:
                wire = cut_after(random.randint(1, 300), line.unplug)
        wires.append(wire)

        def mend() -> None:
            wires.remove(wire)
            line.replug()

        return f"{line.name} {kind}", mend

    def _bus(self, spec: LinkSpec) -> Bus:
        if isinstance(spec, GpioLinkSpec):
            return MemoryLines(self._chips[spec.id])
        if isinstance(spec, I2cLinkSpec):
            return MemoryI2c(self._wires[spec.id])
        if isinstance(spec, InputLinkSpec):
            return MemoryKeyboards(self._hubs[spec.id])
        if isinstance(spec, SocketLinkSpec):
            return MemoryClient(self._sockets[spec.id])
        port = MemoryPort(self.lines[spec.id])
        return master_of(spec, port) if isinstance(spec, ModbusLinkSpec | Rs485LinkSpec) else port


class WiredDevice:
    """A twin in its place, as the harness breaks and mends it."""

    def __init__(self, fitted: Fitted) -> None:
        self.faults = tuple(fitted.body.faults)
        self._fitted = fitted

    def fault(self, fault: Fault) -> None:
        self._fitted.fault(fault)

    def clear(self) -> None:
        self._fitted.clear()
