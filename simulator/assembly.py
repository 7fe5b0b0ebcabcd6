"""A whole cabinet put together: the bodies of its devices on given links, wired to one world.

The links may be ptys and sockets (cabinet.py) or anything else that keeps to simulator.body.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeVar

from drivers.specs.buzzer import BuzzerSpec
from drivers.specs.ds2482_fobs import Ds2482FobsSpec
from drivers.specs.gpio_input import GpioInputSpec
from drivers.specs.gpio_lock import GpioLockSpec
from drivers.specs.keyboard_reader import KeyboardReaderSpec
from drivers.specs.led import LedSpec
from drivers.specs.lock_board import LockBoardSpec
from drivers.specs.matrix_keypad import MatrixKeypadSpec
from drivers.specs.mcp23017 import Mcp23017Spec
from drivers.specs.modbus_input_board import ModbusInputBoardSpec
from drivers.specs.modbus_relay_board import ModbusRelayBoardSpec
from drivers.specs.pn532_reader import Pn532ReaderSpec
from drivers.specs.rdm6300_reader import Rdm6300ReaderSpec
from drivers.specs.socket_verifier import SocketVerifierSpec
from drivers.specs.terminal_display import TerminalDisplaySpec
from drivers.specs.wiegand_reader import WiegandReaderSpec
from drivers.specs.zfm_finger_reader import ZfmFingerReaderSpec
from hal.device_table import DeviceTable
from hal.specs import DeviceSpec
from simulator.body import Body, GpioBody, I2cBody, KeyboardBody, Pluggable, SerialBody, SerialLink
from simulator.buzzer import Buzzer
from simulator.contacts import FixedContacts
from simulator.ds2482_fobs import Ds2482Fobs
from simulator.faults import Fault
from simulator.fobs import number_of
from simulator.gpio_chip import GpioChip
from simulator.gpio_input import GpioInput
from simulator.gpio_lock import GpioLock
from simulator.i2c_device import I2cDevice
from simulator.i2c_wires import I2cWires
from simulator.keyboard_hub import Keyboard, KeyboardHub
from simulator.keyboard_reader import KeyboardReader
from simulator.led import Led
from simulator.lock_board import LockBoard
from simulator.lock_wire import VOICES
from simulator.matrix_keypad import MatrixKeypad
from simulator.mcp23017 import Mcp23017
from simulator.modbus_input_board import ModbusInputBoard
from simulator.modbus_relay_board import ModbusRelayBoard
from simulator.plugged_device import PluggedDevice
from simulator.pn532_reader import Pn532Reader
from simulator.rdm6300_reader import Rdm6300Reader
from simulator.relay_makes import MAKES
from simulator.secure_card import NTAG_NAME, Issuer
from simulator.serial_device import SerialDevice
from simulator.socket_verifier import SocketVerifier
from simulator.terminal_display import TerminalDisplay
from simulator.types import seeded
from simulator.wiegand_reader import WiegandReader
from simulator.wiring import WiredBolts, WiredContacts, WiredSwitches, bolts_on
from simulator.world import World
from simulator.zfm_finger_reader import ZfmFingerReader

B = TypeVar("B")


class NotSimulated(ValueError):
    """The configuration has something that has no simulated twin."""


class Fitted(Protocol):
    """A device in its place."""

    @property
    def body(self) -> Body: ...

    def start(self) -> None: ...

    def stop(self) -> None: ...

    def fault(self, fault: Fault) -> None: ...

    def clear(self) -> None: ...


@dataclass(frozen=True, slots=True)
class ChipLink:
    """A simulated GPIO chip, and how programs reach it."""

    chip: GpioChip
    plug: Pluggable


@dataclass(frozen=True, slots=True)
class WiresLink:
    """A simulated I2C bus, and how programs reach it."""

    wires: I2cWires
    plug: Pluggable


@dataclass(frozen=True, slots=True)
class HubLink:
    """Simulated keyboards, and how programs reach them."""

    hub: KeyboardHub
    plug: Pluggable


BusLink = ChipLink | WiresLink | HubLink


class Assembly:
    """Starts and opens nothing by itself."""

    def __init__(
        self,
        table: DeviceTable,
        world: World,
        ports: Mapping[str, SerialLink],
        buses: Mapping[str, BusLink],
        keys: Mapping[str, bytes],
        seed: int,
    ) -> None:
        """`ports`, `buses` and `keys` by the id of the link; of a reader of strong cards it is the site key. Raises
        NotSimulated."""
        self.world = world
        self.devices: dict[str, Fitted] = {}
        self._table = table
        self._keys = keys
        for entry in table.devices:
            rng = seeded(seed, entry.spec.id)
            self.devices[entry.spec.id] = self._fit(entry.spec, rng, ports, buses)

    def start(self) -> None:
        for device in self.devices.values():
            device.start()

    def stop(self) -> None:
        for device in self.devices.values():
            device.stop()

    def device(self, name: str) -> Fitted:
        """Raises ValueError that says which there are."""
        if name not in self.devices:
            raise ValueError(f"no device {name[:40]!r}; there are: {', '.join(self.devices)}")
        return self.devices[name]

    def named(self, kind: type[B] | tuple[type[B], ...], what: str, name: str | None) -> str:
        """Which device that is, as `body`."""
        body = self.body(kind, what, name)
        return next(key for key, device in self.devices.items() if device.body is body)

    def body(self, kind: type[B] | tuple[type[B], ...], what: str, name: str | None) -> B:
        """The body of device `name`, of the first one of its kind without a name. Raises ValueError."""
        of_kind = {key: device.body for key, device in self.devices.items() if isinstance(device.body, kind)}
        if not of_kind:
            raise ValueError(f"there is no {what} in this cabinet")
        chosen = next(iter(of_kind)) if name is None else name
        body = of_kind.get(chosen)
        if not isinstance(body, kind):
            raise ValueError(f"no {what} {chosen[:40]!r}; there are: {', '.join(of_kind)}")
        return body

    def _fit(
        self,
        spec: DeviceSpec,
        rng: random.Random,
        ports: Mapping[str, SerialLink],
        buses: Mapping[str, BusLink],
    ) -> Fitted:
        link = buses.get(spec.link)
        if isinstance(link, ChipLink):
            body = self._gpio_body(spec, rng)
            body.attach(link.chip)
            return PluggedDevice(body, link.plug)
        if isinstance(link, HubLink):
            keyboard = self._keyboard_body(spec, rng)
            keyboard.attach(link.hub)
            return PluggedDevice(keyboard, link.plug)
        if isinstance(link, WiresLink):
            device = I2cDevice(self._i2c_body(spec, rng), link.plug)
            link.wires.attach(device)
            return device
        return SerialDevice(self._serial_body(spec, rng), ports[spec.link], rng)

    def _serial_body(self, spec: DeviceSpec, rng: random.Random) -> SerialBody:
        match spec:
            case Rdm6300ReaderSpec():
                return Rdm6300Reader(rng, frame=spec.frame)
            case Pn532ReaderSpec():
                return Pn532Reader(rng, issuer=self._issuer(spec))
            case ModbusRelayBoardSpec():
                return self._relay_board(spec)
            case ModbusInputBoardSpec():
                return ModbusInputBoard(spec.unit, self._contacts(spec.id, spec.inverted), spec.inputs)
            case LockBoardSpec():
                return self._lock_board(spec)
            case SocketVerifierSpec():
                return SocketVerifier(rng, self._keys[spec.link])
            case ZfmFingerReaderSpec():
                return ZfmFingerReader(rng, partial(self.world.finger_on, spec.id), spec.family)
            case TerminalDisplaySpec():
                return TerminalDisplay(self.world.show_text)
        raise NotSimulated(f"device {spec.id}: type {spec.type} has no simulated twin on this kind of link")

    def _gpio_body(self, spec: DeviceSpec, rng: random.Random) -> GpioBody:
        match spec:
            case MatrixKeypadSpec():
                settle_s = (spec.scans + 1) * spec.scan_ms / 1000
                return MatrixKeypad(spec.rows, spec.columns, rng, settle_s)
            case WiegandReaderSpec():
                return WiegandReader(spec.d0, spec.d1, rng, int(spec.formats[0]))
            case GpioLockSpec():
                bolts = WiredBolts(self.world, bolts_on(self._table, spec.id))
                return GpioLock(spec.lines, spec.active_high, bolts)
            case GpioInputSpec():
                return GpioInput(spec.lines, self._contacts(spec.id), spec.inverted)
            case LedSpec():
                return Led(spec.lines, spec.active_high, partial(self._light, self._lamps(spec.id)))
            case BuzzerSpec():
                return Buzzer(spec.line, spec.active_high, lambda sounding: self.world.sound(on=sounding))
        raise NotSimulated(f"device {spec.id}: type {spec.type} has no simulated twin on this kind of link")

    def _keyboard_body(self, spec: DeviceSpec, rng: random.Random) -> KeyboardBody:
        match spec:
            case KeyboardReaderSpec():
                place = spec.place()
                keyboard = Keyboard(place.vendor, place.product, place.port, "USB Reader")
                return KeyboardReader(keyboard, rng, spec.numbers, spec.layout)
        raise NotSimulated(f"device {spec.id}: type {spec.type} has no simulated twin on this kind of link")

    def _i2c_body(self, spec: DeviceSpec, rng: random.Random) -> I2cBody:
        match spec:
            case Mcp23017Spec():
                return Mcp23017(spec.address, self._contacts(spec.id), spec.inputs, spec.inverted)
            case Ds2482FobsSpec():
                return Ds2482Fobs(spec.address, partial(self._fob, self._fob_slots(spec.id)), rng)
        raise NotSimulated(f"device {spec.id}: type {spec.type} has no simulated twin on this kind of link")

    def _issuer(self, spec: Pn532ReaderSpec) -> Issuer | None:
        strong = spec.strong
        if strong is None:
            return None
        name = NTAG_NAME if strong.application is None else bytes.fromhex(strong.application)
        return Issuer(self._keys[spec.link], name, strong.key)

    def _relay_board(self, spec: ModbusRelayBoardSpec) -> ModbusRelayBoard:
        if spec.profile not in MAKES:
            known = ", ".join(MAKES)
            raise NotSimulated(f"device {spec.id}: profile {spec.profile} has no simulated twin; there are: {known}")
        coils, make = MAKES[spec.profile]
        bolts = WiredBolts(self.world, bolts_on(self._table, spec.id))
        return make(spec.unit, coils, bolts, FixedContacts([False] * coils), coils)

    def _lock_board(self, spec: LockBoardSpec) -> LockBoard:
        if spec.profile not in VOICES:
            known = ", ".join(VOICES)
            raise NotSimulated(f"device {spec.id}: profile {spec.profile} has no simulated twin; there are: {known}")
        locks = bolts_on(self._table, spec.id)
        switches = WiredSwitches(self.world, locks, self._sensors(spec.id), self._doors(spec.id), spec.inverted)
        return LockBoard(spec.profile, spec.unit, spec.locks, WiredBolts(self.world, locks), switches)

    def _fob(self, slots: Mapping[int, int], channel: int) -> bytes | None:
        """The number of what hangs on a channel."""
        fob = self.world.fob_in(slots[channel]) if channel in slots else None
        return None if fob is None else number_of(fob)

    def _light(self, lamps: Mapping[int, int], channel: int, lit: bool) -> None:
        if channel in lamps:
            self.world.light(lamps[channel], lit=lit)

    # Which slot is on a channel of this device

    def _sensors(self, device: str) -> dict[int, int]:
        wired = [(slot.sensor, slot.number) for slot in self._table.slots]
        return {ref.channel: number for ref, number in wired if ref and ref.device == device}

    def _fob_slots(self, device: str) -> dict[int, int]:
        wired = [(slot.fob_reader, slot.number) for slot in self._table.slots]
        return {ref.channel: number for ref, number in wired if ref and ref.device == device}

    def _lamps(self, device: str) -> dict[int, int]:
        wired = [(slot.indicator, slot.number) for slot in self._table.slots]
        return {ref.channel: number for ref, number in wired if ref and ref.device == device}

    def _contacts(self, device: str, inverted: Collection[int] = ()) -> WiredContacts:
        return WiredContacts(self.world, self._sensors(device), self._doors(device), inverted)

    def _doors(self, device: str) -> set[int]:
        contact = self._table.door.contact
        return {contact.channel} if contact and contact.device == device else set()
