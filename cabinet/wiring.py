"""The devices of one cabinet: built from the table, kept alive, and their readings turned into events."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

from cabinet.acts import Hardware
from cabinet.core.door import DOOR
from cabinet.core.events import (
    CardShown,
    DeviceLost,
    DeviceRestored,
    DeviceSuspected,
    DigitsEntered,
    DigitsTyped,
    DoorRead,
    Event,
    FingerNotKnown,
    FingerShown,
    FobSeen,
    KeypadCancelled,
    ModuleFound,
    SlotRead,
)
from cabinet.policy.booking import CODE_DIGITS
from drivers.wire.card_number import format_card
from hal.buses import Bus
from hal.capabilities import (
    Buzzer,
    Cancelled,
    CardIssuer,
    CardPresented,
    CardReader,
    CardRemoved,
    Device,
    DeviceSuspect,
    Display,
    Entered,
    FingerModule,
    FingerReader,
    FingerSeen,
    FingerUnknown,
    FobRead,
    IndicatorBoard,
    InputBoard,
    InputRead,
    LockBoard,
    Reading,
    Typed,
    Verifier,
)
from hal.clock import Clock
from hal.device_table import DeviceTable
from hal.errors import DeviceError
from hal.kept_device import Reports
from hal.secret import Secret
from hal.specs import ChannelRef
from hal.supervisor import LinkPlan, Supervisor

_ASK_AGAIN_S = 0.3
"""While a person waits: the pauses between other tries grow to seconds."""
_SETTLED_STATES = ("up", "lost", "stopped")


class Wiring:
    """Built idle: `start` opens the links, `stop` leaves all devices safe."""

    def __init__(self, table: DeviceTable, plans: Sequence[LinkPlan], clock: Clock) -> None:
        """`plans` hold every device of the table."""
        self._clock = clock
        self._table = table
        self._devices = {device.device: device for plan in plans for device in plan.devices}
        self._locks_on = [(plan.bus, self._of(LockBoard, plan.devices)) for plan in plans]
        self._slots = {slot.sensor: slot.number for slot in table.slots if slot.sensor is not None}
        self._fob_slots = {slot.fob_reader: slot.number for slot in table.slots if slot.fob_reader is not None}
        self._supervisor = Supervisor(plans, Reports(self._emit, self._lost, self._restored), clock)
        self._post: Callable[[Event], object] = _nowhere
        self._card_digest: Callable[[bytes], bytes] = bytes
        self._code_digest: Callable[[str], str] = str
        self._scans: dict[str, asyncio.Future[CardPresented]] = {}
        self._changed = asyncio.Event()

    def start(
        self,
        post: Callable[[Event], object],
        card_digest: Callable[[bytes], bytes],
        code_digest: Callable[[str], str],
    ) -> None:
        """Opens links and devices; readings go to `post`, card numbers and codes only as their digest."""
        self._post, self._card_digest, self._code_digest = post, card_digest, code_digest
        self._supervisor.start()

    async def stop(self) -> None:
        """All coils off, all links closed; bounded to a few seconds."""
        await self._supervisor.stop()

    def hardware(self) -> Hardware:
        """The devices by what they do. Raises DeviceMisconfigured for a channel a board does not have."""
        door = self._table.door.lock
        return Hardware(
            locks=({} if door is None else {DOOR: cast(LockBoard, self._devices[door.device]).lock(door.channel)})
            | {s.number: cast(LockBoard, self._devices[s.lock.device]).lock(s.lock.channel) for s in self._table.slots},
            lamps={
                s.number: cast(IndicatorBoard, self._devices[s.indicator.device]).indicator(s.indicator.channel)
                for s in self._table.slots
                if s.indicator is not None
            },
            displays=self._of(Display),
            buzzers=self._of(Buzzer),
            verifier=next(iter(self._of(Verifier)), None),
            fingers={device.device: device for device in self._of(FingerReader)},
            up=self.up,
        )

    async def locks_off(self, within_s: float) -> list[str]:
        """Opens only the links of locks and switches every coil off; what could not be confirmed, as sentences."""
        tasks = [_switch_off(bus, boards, within_s) for bus, boards in self._locks_on if boards]
        return [failure for failures in await asyncio.gather(*tasks) for failure in failures]

    async def up(self, device: str, within_s: float) -> bool:
        """True once it answers; asks at once and again and again, not at the next try. False after `within_s`."""
        try:
            async with asyncio.timeout(within_s):
                while self._state(device) != "up":
                    self._supervisor.wake(device)
                    await self._change_within(_ASK_AGAIN_S)
        except TimeoutError:
            return False
        return True

    def settled(self) -> bool:
        """Every device has been found or has been given up for the moment."""
        return all(status.state in _SETTLED_STATES for status in self._supervisor.status())

    def sensor_up(self, slot: int) -> bool:
        """Is the slot's sensor one that answers?"""
        sensor = next((s.sensor for s in self._table.slots if s.number == slot), None)
        return sensor is not None and self._state(sensor.device) == "up"

    def door_up(self) -> bool:
        """Is there a door contact, and does it answer?"""
        contact = self._table.door.contact
        return contact is not None and self._state(contact.device) == "up"

    def proof_mono_s(self, slot: int) -> float | None:
        """When the slot's sensor was last read well."""
        sensor = next((s.sensor for s in self._table.slots if s.number == slot), None)
        return cast(InputBoard, self._devices[sensor.device]).proof_mono_s if sensor is not None else None

    def statuses(self) -> list[dict[str, object]]:
        """One entry a device, for `cabinetctl devices`; `since_mono_s` is monotonic."""
        types = {entry.spec.id: entry.spec.type for entry in self._table.devices}
        return [
            {
                "device": status.device,
                "type": types[status.device],
                "link": status.link,
                "up": status.state == "up",
                "since_mono_s": status.since_mono_s,
                "hint": status.hint,
            }
            for status in self._supervisor.status()
        ]

    def issuers(self) -> dict[str, CardIssuer]:
        """Readers that can put keys onto cards, by their id."""
        return {device.device: device for device in self._of(CardIssuer)}

    def is_up(self, device: str) -> bool:
        return self._state(device) == "up"

    def readers(self) -> list[str]:
        return [device.device for device in self._of(CardReader)]

    async def next_card(self, reader: str, within_s: float) -> CardPresented | None:
        """The next card at that reader, which then begins no visit; None after `within_s`."""
        future: asyncio.Future[CardPresented] = asyncio.get_running_loop().create_future()
        self._scans[reader] = future
        try:
            async with asyncio.timeout(within_s):
                return await future
        except TimeoutError:
            return None
        finally:
            if self._scans.get(reader) is future:  # by now it may be the next one's
                del self._scans[reader]

    def scanning(self, reader: str) -> bool:
        return reader in self._scans

    def _emit(self, reading: Reading) -> None:
        match reading:
            case CardPresented():
                self._card(reading)
            case Typed(keypad, length):
                self._post(DigitsTyped(keypad, length))
            case Entered(keypad, secret):
                code = self._code_digest(secret.reveal()) if len(secret) == CODE_DIGITS else None
                self._post(DigitsEntered(keypad, secret, code))
            case Cancelled(keypad):
                self._post(KeypadCancelled(keypad))
            case InputRead():
                self._input(reading)
            case FobRead():
                self._fob(reading)
            case DeviceSuspect(device, cause, hint):
                self._post(DeviceSuspected(device, cause, hint))
            case FingerModule(reader, module, templates, capacity):
                self._post(ModuleFound(reader, module.hex(), templates, capacity))
            case FingerSeen(reader, module, template):
                self._post(FingerShown(reader, module.hex(), template))
            case FingerUnknown(reader):
                self._post(FingerNotKnown(reader))
            case CardRemoved():
                pass  # a visit outlives the moment its card is held to the reader

    def _card(self, shown: CardPresented) -> None:
        scan = self._scans.pop(shown.device, None)
        if scan is not None and not scan.done():
            scan.set_result(shown)
        else:
            number = Secret(format_card(shown.card))
            self._post(CardShown(shown.device, self._card_digest(shown.card), number, shown.proof))

    def _input(self, reading: InputRead) -> None:
        place = ChannelRef(reading.device, reading.channel)
        slot = self._slots.get(place)
        if slot is not None:
            self._post(SlotRead(slot, reading.closed))
        if place == self._table.door.contact:
            self._post(DoorRead(reading.closed))

    def _fob(self, reading: FobRead) -> None:
        slot = self._fob_slots.get(ChannelRef(reading.device, reading.channel))
        if slot is not None:
            self._post(FobSeen(slot, reading.state, None if reading.fob is None else format_card(reading.fob)))

    def _lost(self, device: str, hint: str) -> None:
        self._post(DeviceLost(device, hint))
        self._tell_change()

    def _restored(self, device: str) -> None:
        self._post(DeviceRestored(device))
        self._tell_change()

    def _tell_change(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    async def _change_within(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._changed.wait()

    def _state(self, device: str) -> str:
        return self._supervisor.state(device)

    def _of(self, capability: type, devices: Iterable[Device] | None = None) -> list[Any]:
        """By what a driver derives from, which isinstance() of a Protocol does not ask."""
        among = self._devices.values() if devices is None else devices
        return [device for device in among if capability in type(device).__mro__]


async def _switch_off(bus: Bus, boards: Sequence[LockBoard], within_s: float) -> list[str]:
    failures = []
    try:
        await bus.open()
        for board in boards:
            async with asyncio.timeout(within_s):
                await board.all_off()
    except TimeoutError as error:
        failures.append(str(error) or f"{bus.name}: no answer within {within_s:g} s")
    except DeviceError as error:
        failures.append(str(error))
    finally:
        await bus.close()
    return failures


def _nowhere(_: Event) -> None:
    """Readings before the start have no taker."""
