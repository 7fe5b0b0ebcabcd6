"""Rules across the device tables: what two entries must not share, and what an entry may name.

They run on drafts, so that one wrong key in an entry does not hide what is wrong around it."""

from __future__ import annotations

import os.path
from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass

from pydantic import BaseModel

from hal.problems import Problem
from hal.registry import Channels, DeviceType
from hal.specs import (
    ChannelRef,
    DeviceSpec,
    GpioLinkSpec,
    I2cLinkSpec,
    InputLinkSpec,
    LinkSpec,
    SerialLinkSpec,
    SocketLinkSpec,
)
from hal.wording import Path, did_you_mean, quoted

WORDS: dict[Channels, str] = {
    "lock": "a lock board",
    "input": "an input board",
    "fob": "a reader of fobs",
    "indicator": "a board of lamps",
}

_FOR_ONE = ("serial", "socket")
"""Kinds of links that have one device."""


@dataclass(frozen=True, slots=True)
class LinkDraft:
    """A `[[link]]`; `spec` is None when its own keys are wrong, `id` and `type` when they are no text."""

    path: Path
    id: str | None
    type: str | None
    spec: LinkSpec | None


@dataclass(frozen=True, slots=True)
class DeviceDraft:
    """A `[[device]]`; as LinkDraft, and `type` is None when it is unknown."""

    path: Path
    id: str | None
    type: DeviceType | None
    type_name: str
    link: str | None
    spec: DeviceSpec | None
    profile: BaseModel | None

    def channels(self, needs: Channels) -> int | None:
        """How many it has of these; None when not known."""
        key = self.type.gives.get(needs) if self.type else None
        channels = next((getattr(one, key) for one in (self.spec, self.profile) if key and hasattr(one, key)), None)
        if callable(channels):
            channels = channels(self.spec) if self.spec else None
        if channels is None:
            return None
        return channels if isinstance(channels, int) else len(channels)


@dataclass(frozen=True, slots=True)
class Use:
    """A slot or the door names a channel."""

    path: Path
    owner: str
    needs: Channels
    ref: ChannelRef


def check(
    links: list[LinkDraft], devices: list[DeviceDraft], numbers: list[tuple[Path, int]], uses: list[Use]
) -> Iterator[Problem]:
    """`numbers` are those of the slots, with their places."""
    yield from _twice(((*link.path, "id"), link.id, f"link {quoted(link.id)}") for link in links if link.id)
    yield from _twice(
        ((*device.path, "id"), device.id, f"device {quoted(device.id)}") for device in devices if device.id
    )
    yield from _twice((path, number, f"slot {number}") for path, number in numbers)
    yield from _shared_ports(links)
    by_id: dict[str, LinkDraft] = {}
    for link in links:
        if link.id:
            by_id.setdefault(link.id, link)
    for device in devices:
        yield from _link_fits(device, by_id)
    yield from _shared_links(devices, by_id)
    yield from _shared_addresses(devices)
    yield from _shared_lines(devices)
    yield from _shared_plugs(devices)
    yield from _second_verifier(devices)
    for use in uses:
        yield from _channel_fits(use, devices)
    yield from _shared_channels(uses)


def _twice(named: Iterable[tuple[Path, Hashable, str]]) -> Iterator[Problem]:
    seen = set()
    for path, key, what in named:
        if key in seen:
            yield Problem(path, f"{what} exists already; each needs its own")
        seen.add(key)


def _shared_ports(links: list[LinkDraft]) -> Iterator[Problem]:
    owners: dict[str, str] = {}
    for link in links:
        if link.spec is None:
            continue
        key, place = _place(link.spec)
        owner = owners.setdefault(place, link.spec.id)
        if owner != link.spec.id:
            yield Problem(
                (*link.path, key), f"{key}: link {quoted(owner)} uses the same; one link opens it for all devices"
            )


def _place(spec: LinkSpec) -> tuple[str, str]:
    """The key that names what is opened, and its value."""
    if isinstance(spec, SocketLinkSpec):
        return "path", os.path.normpath(spec.path)
    if isinstance(spec, GpioLinkSpec | I2cLinkSpec | InputLinkSpec) and spec.path:
        return "path", os.path.normpath(spec.path)
    if isinstance(spec, InputLinkSpec):
        return "backend", spec.backend
    if not isinstance(spec, GpioLinkSpec) and spec.port:
        return "port", os.path.normpath(spec.port)
    assert isinstance(spec, GpioLinkSpec)
    return ("chip", f"chip {spec.chip}") if spec.chip else ("backend", spec.backend)


def _link_fits(device: DeviceDraft, links: dict[str, LinkDraft]) -> Iterator[Problem]:
    if device.link is None:
        return
    path = (*device.path, "link")
    link = links.get(device.link)
    needed = device.type.bus if device.type else None
    fitting = [name for name, link in links.items() if needed in (None, link.type)]
    if link is None:
        yield Problem(
            path, f"link: there is no link {quoted(device.link)}{_choice(fitting)}{did_you_mean(device.link, links)}"
        )
    elif needed and link.type and link.type != needed:
        what = f"link: {device.type_name} needs a link of type {needed}"
        yield Problem(path, f"{what}, {quoted(device.link)} is {link.type}{_choice(fitting)}")
    elif isinstance(link.spec, SerialLinkSpec) and device.type and device.type.baud not in (None, link.spec.baud):
        yield Problem((*link.path, "baud"), f"baud: a {device.type_name} speaks {device.type.baud} baud, and no other")


def _shared_links(devices: list[DeviceDraft], links: dict[str, LinkDraft]) -> Iterator[Problem]:
    owners: dict[str, str] = {}
    for device in devices:
        if device.type is None or device.type.bus not in _FOR_ONE:
            continue
        if device.link is None or device.link not in links or links[device.link].type != device.type.bus:
            continue
        if device.link in owners:
            yield Problem(
                (*device.path, "link"),
                f"link: a {device.type.bus} link has one device, "
                f"{quoted(device.link)} has {owners[device.link]} already",
            )
        owners.setdefault(device.link, quoted(device.id))


def _second_verifier(devices: list[DeviceDraft]) -> Iterator[Problem]:
    for device in [device for device in devices if device.type and device.type.verifies][1:]:
        yield Problem((*device.path, "type"), f"type: a cabinet has one verifier, {quoted(device.id)} is another")


def _shared_addresses(devices: list[DeviceDraft]) -> Iterator[Problem]:
    """On Modbus it is the key `unit`, on I2C `address`, which people write in hex."""
    owners: dict[tuple[str, int], str] = {}
    for device in devices:
        key = "unit" if hasattr(device.spec, "unit") else "address"
        address = getattr(device.spec, key, None)
        if device.spec is None or address is None:
            continue
        owner = owners.setdefault((device.spec.link, address), device.spec.id)
        if owner != device.spec.id:
            shown = f"{address}" if key == "unit" else f"0x{address:02X}"
            yield Problem(
                (*device.path, key),
                f"{key}: {quoted(owner)} has the address {shown} on {quoted(device.spec.link)} already",
            )


def _shared_lines(devices: list[DeviceDraft]) -> Iterator[Problem]:
    owners: dict[tuple[str, int], str] = {}
    for device in devices:
        claimed = getattr(device.spec, "claimed_lines", None)
        if device.spec is None or claimed is None:
            continue
        for line, key in claimed().items():
            owner = owners.setdefault((device.spec.link, line), device.spec.id)
            if owner != device.spec.id:
                yield Problem(
                    (*device.path, key),
                    f"{key}: line {line} of {quoted(device.spec.link)} belongs to {quoted(owner)} already",
                )


def _shared_plugs(devices: list[DeviceDraft]) -> Iterator[Problem]:
    owners: dict[tuple[str, object], str] = {}
    for device in devices:
        place = getattr(device.spec, "place", None)
        if device.spec is None or place is None:
            continue
        owner = owners.setdefault((device.spec.link, place()), device.spec.id)
        if owner != device.spec.id:
            yield Problem((*device.path, "port"), f"port: this reader at this port is {quoted(owner)} already")


def _channel_fits(use: Use, devices: list[DeviceDraft]) -> Iterator[Problem]:
    key, name = use.path[-1], use.ref.device
    device = next((device for device in devices if device.id == name), None)
    fitting = [other.id for other in devices if other.id and other.type and use.needs in other.type.gives]
    if device is None:
        ids = [other.id for other in devices if other.id]
        hint = did_you_mean(name, fitting) or did_you_mean(name, ids)
        yield Problem(use.path, f"{key}: there is no device {quoted(name)}{_choice(fitting)}{hint}")
    elif device.type and use.needs not in device.type.gives:
        needed = WORDS[use.needs]
        yield Problem(
            use.path, f"{key}: needs {needed}, {quoted(name)} is of type {device.type_name}{_choice(fitting)}"
        )
    elif (channels := device.channels(use.needs)) is not None and use.ref.channel > channels:
        yield Problem(use.path, f"{key}: {quoted(name)} has the channels 1 to {channels}, not {use.ref.channel}")


def _shared_channels(uses: list[Use]) -> Iterator[Problem]:
    owners: dict[tuple[ChannelRef, Channels], Use] = {}
    for use in uses:
        first = owners.setdefault((use.ref, use.needs), use)
        if first is not use:
            key = use.path[-1]
            yield Problem(use.path, f"{key}: {quoted(use.ref)} is the {first.path[-1]} of {first.owner} already")


def _choice(names: list[str]) -> str:
    return ", allowed: " + ", ".join(names) if names else ", and there is none that fits"
