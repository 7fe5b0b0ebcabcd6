"""Keeps links and devices alive: opens, starts, watches, and begins again when something fails.

One task for each link and, while it is open, one for each device on it. A device that fails is alone; a link that
is lost takes its devices with it. Only asyncio: all this also runs on a loop with virtual time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from hal.buses import Bus, hung_up
from hal.capabilities import Device
from hal.clock import Clock
from hal.errors import DeviceError, DeviceMisconfigured
from hal.kept_device import STOP_S, UNEXPECTED, Backoff, DeviceStatus, KeptDevice, Reports, State

log = logging.getLogger(__name__)

LINK_BACKOFF_S = 0.2
LINK_ENOUGH_S = 1.0
"""A link that held for so long and fails is opened again at once; one that fails sooner, ever more rarely: each time is
journaled."""
LOOK_S = 0.25
"""How often a link that cannot be opened is tried. To look for a port costs next to nothing, and whoever has plugged it
in waits."""


@dataclass(frozen=True, slots=True)
class LinkPlan:
    """A closed bus and the devices that were given it."""

    bus: Bus
    devices: tuple[Device, ...]


class Supervisor:
    """`start` once, `stop` once. Ids of devices are unique."""

    def __init__(self, plans: Sequence[LinkPlan], reports: Reports, clock: Clock) -> None:
        self._links = [_KeptLink(plan, reports, clock) for plan in plans]
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begins in the running loop and returns at once."""
        self._tasks = [asyncio.create_task(link.keep(), name=f"link {link.name}") for link in self._links]

    async def stop(self) -> None:
        """Stops all devices side by side, 1 s at most, and closes the links. Reports nothing."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(link.stop() for link in self._links))

    def wake(self, device: str) -> None:
        """A visit needs it: if it, or its link, pauses before the next try, the try is now."""
        for link in self._links:
            link.wake(device)

    def state(self, device: str) -> State:
        """Of one device. Raises KeyError."""
        for link in self._links:
            for one in link.devices:
                if one.name == device:
                    return one.state
        raise KeyError(device)

    def status(self) -> list[DeviceStatus]:
        """Of all devices, in the order of the plans."""
        return [device.status() for link in self._links for device in link.devices]


class _KeptLink:
    def __init__(self, plan: LinkPlan, reports: Reports, clock: Clock) -> None:
        self.name = plan.bus.name
        self.devices = [KeptDevice(device, plan.bus.name, reports, clock) for device in plan.devices]
        self._bus = plan.bus
        self._open = False
        self._backoff = Backoff(LINK_BACKOFF_S, LINK_ENOUGH_S)

    async def keep(self) -> None:
        """Until cancelled, or until nothing on it can ever work; then leaves the bus as it is."""
        loop = asyncio.get_running_loop()
        while True:
            opened_s: float | None = None
            try:
                await self._bus.open()
                self._open, opened_s = True, loop.time()
                await self._watch()
                return
            except DeviceMisconfigured as error:
                await self._close()
                self._lose(error.hint, "stopped")
                return
            except DeviceError as error:
                held_s = None if opened_s is None else loop.time() - opened_s
                await self._close()
                self._lose(error.hint)
            except Exception:
                log.exception("%s: unexpected error on the link", self.name)
                held_s = 0.0
                await self._close()
                self._lose(UNEXPECTED)
            if held_s is None:
                await self._backoff.pause_for(LOOK_S)
            else:
                await self._backoff.pause(held_s=held_s)

    async def stop(self) -> None:
        if self._open:
            await asyncio.gather(*(device.stop() for device in self.devices))
        await self._close()

    def wake(self, device: str) -> None:
        for one in self.devices:
            if one.name == device:
                one.wake()
                self._backoff.wake()

    async def _watch(self) -> None:
        """Runs the devices; raises what takes the link down. Returns when all are stopped for good."""
        running = [device for device in self.devices if device.state != "stopped"]
        tasks = [asyncio.create_task(device.keep(), name=f"device {device.name}") for device in running]
        if not tasks:
            return
        # Else a device that only listens, such as a display, would find out when it has something to say.
        tasks.append(asyncio.create_task(hung_up(self._bus), name=f"port {self.name}"))
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        except Exception:
            # Before the others are told: a lost port is let go at once.
            await self._close()
            raise
        finally:
            await _end(tasks)

    async def _close(self) -> None:
        self._open = False
        try:
            await self._bus.close()
        except Exception:
            log.exception("%s: unexpected error while closing", self.name)

    def _lose(self, hint: str, state: Literal["lost", "stopped"] = "lost") -> None:
        for device in self.devices:
            device.lose(hint, state)


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    done, stuck = await asyncio.wait(tasks, timeout=STOP_S)
    for task in done:
        # Looked at, else asyncio reports each of those that found the link lost as well.
        if not task.cancelled():
            task.exception()
    for task in stuck:
        log.error("%s: does not end when cancelled", task.get_name())
