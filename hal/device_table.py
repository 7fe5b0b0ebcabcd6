"""The device tables of the configuration: links, devices, slots and the door, read as one.

Every problem is found at once, each with its path. What holds across entries is in hal/table_checks.py."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError

from hal.buses import Bus
from hal.capabilities import Device
from hal.clock import Clock
from hal.problems import Problem
from hal.profiles import load_profile
from hal.registry import DEVICE_TYPES, Channels, DeviceType, load
from hal.specs import (
    DeviceSpec,
    DoorSpec,
    GpioLinkSpec,
    I2cLinkSpec,
    InputLinkSpec,
    LinkSpec,
    ModbusLinkSpec,
    Rs485LinkSpec,
    SerialLinkSpec,
    SlotSpec,
    SocketLinkSpec,
    parse_channel,
)
from hal.table_checks import DeviceDraft, LinkDraft, Use, check
from hal.wording import Path, allowed, did_you_mean, problems_of, quoted

M = TypeVar("M", bound=BaseModel)

LINK_TYPES: dict[str, type[LinkSpec]] = {
    "serial": SerialLinkSpec,
    "modbus": ModbusLinkSpec,
    "rs485": Rs485LinkSpec,
    "gpio": GpioLinkSpec,
    "i2c": I2cLinkSpec,
    "socket": SocketLinkSpec,
    "input": InputLinkSpec,
}
NEEDS: dict[str, Channels] = {
    "lock": "lock",
    "sensor": "input",
    "fob_reader": "fob",
    "indicator": "indicator",
    "contact": "input",
}


@dataclass(frozen=True, slots=True)
class DeviceEntry:
    """One `[[device]]`, ready to be built."""

    spec: DeviceSpec
    type: DeviceType
    profile: BaseModel | None = None


@dataclass(frozen=True, slots=True)
class DeviceTable:
    """Checked as a whole, in the order of the file."""

    links: tuple[LinkSpec, ...]
    devices: tuple[DeviceEntry, ...]
    slots: tuple[SlotSpec, ...]
    door: DoorSpec


def parse_table(raw: Mapping[str, object]) -> tuple[DeviceTable | None, list[Problem]]:
    """Reads the keys link, device, slot and door of a configuration; the others belong to somebody else.

    The table is None when there is any problem. Reads board profiles from the disk."""
    return _Reading().table(raw)


def build_device(entry: DeviceEntry, bus: Bus, clock: Clock) -> Device:
    """Imports the driver and makes it. Opens nothing."""
    profile = [] if entry.profile is None else [entry.profile]
    return cast(Device, load(entry.type.driver)(entry.spec, *profile, bus, clock))


class _Reading:
    """One pass over the tables; collects what is wrong."""

    def __init__(self) -> None:
        self._problems: list[Problem] = []

    def table(self, raw: Mapping[str, object]) -> tuple[DeviceTable | None, list[Problem]]:
        links = [self._link(path, entry) for path, entry in self._entries(raw, "link")]
        devices = [self._device(path, entry) for path, entry in self._entries(raw, "device")]
        slots = list(self._entries(raw, "slot"))
        slot_specs = [self._valid(SlotSpec, entry, path) for path, entry in slots]
        door = raw.get("door", {})
        door_spec = self._valid(DoorSpec, door, ("door",))
        numbers = [((*path, "number"), entry["number"]) for path, entry in slots if type(entry.get("number")) is int]
        uses = [use for path, entry in slots for use in _uses(path, entry, f"slot {entry.get('number')}")]
        if isinstance(door, Mapping):
            uses += _uses(("door",), door, "the door")
        self._problems += check(links, devices, numbers, uses)
        if self._problems or door_spec is None:
            return None, self._problems
        table = DeviceTable(
            links=tuple(link.spec for link in links if link.spec),
            devices=tuple(DeviceEntry(one.spec, one.type, one.profile) for one in devices if one.spec and one.type),
            slots=tuple(slot for slot in slot_specs if slot),
            door=door_spec,
        )
        return table, []

    def _link(self, path: Path, entry: Mapping[str, Any]) -> LinkDraft:
        name = self._type(path, entry, LINK_TYPES)
        spec = self._valid(LINK_TYPES[name], entry, path) if name else None
        return LinkDraft(path, _text(entry, "id"), name, spec)

    def _device(self, path: Path, entry: Mapping[str, Any]) -> DeviceDraft:
        name = self._type(path, entry, DEVICE_TYPES)
        kind = DEVICE_TYPES[name] if name else None
        spec: DeviceSpec | None = self._valid(load(kind.spec), entry, path) if kind else None
        profile = self._profile(path, kind.profile, entry) if kind and kind.profile else None
        misfit = getattr(spec, "misfit", None)
        if misfit and profile and (found := misfit(profile)):
            self._say((*path, found[0]), f"{found[0]}: {found[1]}")
        return DeviceDraft(path, _text(entry, "id"), kind, name or "", _text(entry, "link"), spec, profile)

    def _profile(self, path: Path, model: str, entry: Mapping[str, Any]) -> BaseModel | None:
        name = _text(entry, "profile")
        if name is None:
            return None  # said by the spec
        try:
            profile: BaseModel = load(model).model_validate(load_profile(name))
        except ValidationError as error:
            for problem in problems_of(error, load(model)):
                self._say((*path, "profile"), f"profile {quoted(name)}: {problem.message}")
            return None
        except ValueError as error:
            self._say((*path, "profile"), str(error))
            return None
        return profile

    def _type(self, path: Path, entry: Mapping[str, Any], known: Iterable[str]) -> str | None:
        """The name of a known type, else None and a problem."""
        names = list(known)
        name = entry.get("type")
        if name in names:
            return str(name)
        if name is None:
            self._say(path, f'the key "type" is missing, {allowed(names)}')
        else:
            hint = did_you_mean(name, names) if isinstance(name, str) else ""
            self._say((*path, "type"), f"unknown type {quoted(name)}, {allowed(names)}{hint}")
        return None

    def _entries(self, raw: Mapping[str, object], key: str) -> Iterator[tuple[Path, Mapping[str, Any]]]:
        tables = raw.get(key, [])
        if not isinstance(tables, list):
            self._say((key,), f"should be written [[{key}]], once for each")
            return
        for index, entry in enumerate(tables):
            if isinstance(entry, Mapping):
                yield (key, index), entry
            else:
                self._say((key, index), f"should be a table, written [[{key}]]")

    def _valid(self, model: type[M], entry: object, path: Path) -> M | None:
        try:
            return model.model_validate(entry)
        except ValidationError as error:
            self._problems += problems_of(error, model, path)
            return None

    def _say(self, path: Path, message: str) -> None:
        self._problems.append(Problem(path, message))


def _uses(path: Path, entry: Mapping[str, Any], owner: str) -> Iterator[Use]:
    """The channels that are written well; the others the model complains of."""
    for key, needs in NEEDS.items():
        try:
            ref = parse_channel(entry.get(key))
        except ValueError:
            continue
        yield Use((*path, key), owner, needs, ref)


def _text(entry: Mapping[str, Any], key: str) -> str | None:
    value = entry.get(key)
    return value if isinstance(value, str) else None
