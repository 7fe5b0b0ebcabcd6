"""The devices of a cabinet as capabilities, and what hands do to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from random import Random
from typing import Final, Literal, TypeVar

from drivers.specs.ds2482_fobs import Ds2482FobsSpec
from drivers.specs.modbus_input_board import ModbusInputBoardSpec
from hal.capabilities import Device, Proof
from hal.clock import Clock
from hal.device_table import DeviceTable
from hal.errors import LinkLost
from hal.registry import DEVICE_TYPES
from hal.specs import ChannelRef, DeviceSpec
from hal.supervisor import LinkPlan
from simulator.harness.capability.card_reader import ReaderFixture, TypingFixture, WorldReader, WorldTyping
from simulator.harness.capability.finger_reader import FingerFixture, WorldFingers
from simulator.harness.capability.fixture import Fixture
from simulator.harness.capability.fob_reader import FobFixture, WorldFobs
from simulator.harness.capability.input_board import InputFixture, WorldInputs
from simulator.harness.capability.keypad import KeypadFixture, WorldKeypad
from simulator.harness.capability.lock_board import LockFixture, WorldLocks
from simulator.harness.capability.signals import SignalFixture, WorldBuzzer, WorldDisplay, WorldLamps
from simulator.harness.capability.verifier import VerifierFixture, WorldVerifier
from simulator.socket_verifier import IsPerson
from simulator.types import seeded
from simulator.wiring import WiredBolts, WiredContacts, bolts_on
from simulator.world import Change, World

F = TypeVar("F", bound=Fixture)
Build = Callable[[Clock], Device]


PRINTED_BYTES: Final = 5
"""Of cards with a printed number; others belong to the reader of NFC cards."""
PROOFS: Final[Mapping[str, Proof]] = {"plain": "weak", "strong": "strong", "forged": "failed"}


class CapabilityLevel:
    """One fixture a device of the table."""

    def __init__(self, table: DeviceTable, world: World, seed: int) -> None:
        self._table = table
        self._world = world
        self._seed = seed
        self._fixtures: dict[str, Fixture] = {}
        self._builds: dict[str, Build] = {}
        for entry in table.devices:
            self._fit(entry.spec)
        readers = [one for one in self._fixtures.values() if isinstance(one, ReaderFixture)]
        self._nfc_readers = [one for one in readers if one.device == "nfc-reader"]
        self._readers = [one for one in readers if one not in self._nfc_readers]
        self._used, self._hands = self._readers[0], seeded(seed, "which reader")
        world.observe(self._moved)

    @property
    def devices(self) -> Mapping[str, Fixture]:
        return self._fixtures

    def plans(self, clock: Clock) -> list[LinkPlan]:
        """New drivers, each on a link of its own."""
        return [
            LinkPlan(FixtureBus(fixture), (self._builds[device](clock),)) for device, fixture in self._fixtures.items()
        ]

    def abandon(self) -> None:
        """The process whose drivers these were is gone."""
        for fixture in self._fixtures.values():
            fixture.listen(None)

    def power(self, *, on: bool) -> None:
        for fixture in self._fixtures.values():
            fixture.power(on=on)

    # -- hands ---------------------------------------------------------------------------------------------------

    def present(self, card: bytes, how: Literal["plain", "strong", "forged"] = "plain") -> None:
        """A printed number to any of the readers that know such cards, another one to that of NFC cards."""
        fitting = self._readers if len(card) == PRINTED_BYTES else self._nfc_readers
        self._used = self._hands.choice(fitting)
        self._used.present(card, PROOFS[how])

    def remove(self) -> None:
        self._used.remove()

    async def press(self, keys: str) -> None:
        await self._one(KeypadFixture).press(keys)

    def look(self, face: IsPerson) -> None:
        self._one(VerifierFixture).look(face)

    async def touch(self, finger: int) -> None:
        await self._one(FingerFixture).touch(finger)

    def fingers(self) -> tuple[bytes, Mapping[int, int]]:
        """As of a module without a mark where there is no finger reader."""
        for fixture in self._fixtures.values():
            if isinstance(fixture, FingerFixture):
                return fixture.module.mark, fixture.module.fingers
        return b"", {}

    def switch_on(self, slot: int) -> None:
        for fixture in self._fixtures.values():
            if isinstance(fixture, LockFixture):
                fixture.switch_on(slot)

    def spoil(self, random: Random) -> tuple[str, Callable[[], None]] | None:
        """There are no wires."""
        return None

    # -- helpers -------------------------------------------------------------------------------------------------

    def _one(self, kind: type[F]) -> F:
        return next(fixture for fixture in self._fixtures.values() if isinstance(fixture, kind))

    def _fit(self, spec: DeviceSpec) -> None:
        random = seeded(self._seed, spec.id)
        fixture: Fixture
        gives = DEVICE_TYPES[spec.type].gives
        assert len(gives) <= 1, f"{spec.type} is not played at this level"
        match next(iter(gives), spec.type):
            case "lock":
                slots = bolts_on(self._table, spec.id)
                fixture = LockFixture(spec.id, random, WiredBolts(self._world, slots), slots)
                build: Build = partial(WorldLocks, fixture)
            case "input":
                assert isinstance(spec, ModbusInputBoardSpec)
                contacts = WiredContacts(
                    self._world, self._slots_on(spec.id, "sensor"), self._doors_on(spec.id), spec.inverted
                )
                fixture = InputFixture(spec.id, random, contacts, spec.inputs)
                build = partial(WorldInputs, fixture)
            case "fob":
                assert isinstance(spec, Ds2482FobsSpec)
                slots = self._slots_on(spec.id, "fob_reader")
                fixture = FobFixture(spec.id, random, self._world, slots, spec.channels)
                build = partial(WorldFobs, fixture)
            case "indicator":
                fixture = SignalFixture(spec.id, random, self._world, self._slots_on(spec.id, "indicator"))
                build = partial(WorldLamps, fixture)
            case "keyboard-reader":
                fixture = TypingFixture(spec.id, random)
                build = partial(WorldTyping, fixture)
            case "rdm6300-reader" | "wiegand-reader" | "pn532-reader":
                fixture = ReaderFixture(spec.id, random)
                build = partial(WorldReader, fixture)
            case "zfm-finger-reader":
                fixture = FingerFixture(spec.id, random)
                build = partial(WorldFingers, fixture)
            case "matrix-keypad":
                fixture = KeypadFixture(spec.id, random)
                build = partial(WorldKeypad, fixture)
            case "buzzer":
                fixture = SignalFixture(spec.id, random, self._world)
                build = partial(WorldBuzzer, fixture)
            case "terminal-display":
                fixture = SignalFixture(spec.id, random, self._world)
                build = partial(WorldDisplay, fixture)
            case "socket-verifier":
                fixture = VerifierFixture(spec.id, random)
                build = partial(WorldVerifier, fixture)
            case other:
                raise AssertionError(f"{other} is not played at this level")
        self._fixtures[spec.id] = fixture
        self._builds[spec.id] = build

    def _moved(self, change: Change) -> None:
        if change.what in ("fob", "door"):
            for fixture in self._fixtures.values():
                if isinstance(fixture, InputFixture | FobFixture):
                    fixture.changed()

    def _slots_on(self, device: str, place: str) -> dict[int, int]:
        refs: list[tuple[ChannelRef | None, int]] = [(getattr(slot, place), slot.number) for slot in self._table.slots]
        return {ref.channel: number for ref, number in refs if ref is not None and ref.device == device}

    def _doors_on(self, device: str) -> set[int]:
        contact = self._table.door.contact
        return {contact.channel} if contact is not None and contact.device == device else set()


class FixtureBus:
    """A hal Bus that is there while its fixture is plugged."""

    def __init__(self, fixture: Fixture) -> None:
        self.name = f"link of {fixture.device}"
        self._fixture = fixture

    async def open(self) -> None:
        if not (self._fixture.plugged and self._fixture.powered):
            raise LinkLost(self.name, "not there")

    async def close(self) -> None:
        """Nothing to let go."""
